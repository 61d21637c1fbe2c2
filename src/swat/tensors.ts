/** The tensors of a model: outputs of nodes with their gradients, and trained parameters. */
import type { ImageShape } from "../networks/graph.ts";

/** Output of a node, and the gradient with respect to it; [N, C, H, W] with room for the largest batch. */
export interface Activation {
  readonly name: string;
  readonly shape: ImageShape;
  /** C·H·W: elements of one image. */
  readonly size: number;
  readonly values: Float32Array;
  /** Null for the images, which need no gradient. Cleared at the start of a step; consumers add to it. */
  readonly grad: Float32Array | null;
}

/** A trained tensor with its gradient and momentum. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly grad: Float32Array;
  readonly momentum: Float32Array;
}

/** A zeroed parameter. */
export function parameter(name: string, shape: readonly number[], size: number): Parameter {
  return {
    name,
    shape,
    values: new Float32Array(size),
    grad: new Float32Array(size),
    momentum: new Float32Array(size),
  };
}

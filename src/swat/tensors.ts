/** The tensors of a model: outputs of nodes with their gradients, and trained parameters. */
import type { Backend, Tensor } from "../kernels/backend.ts";
import type { ImageShape } from "../networks/graph.ts";

/** Output of a node, and the gradient with respect to it. */
export interface Activation {
  readonly name: string;
  readonly shape: ImageShape;
  /** C·H·W: elements of one image. */
  readonly size: number;
  readonly values: Tensor;
  /** Null for the images, which need no gradient. */
  readonly grad: Tensor | null;
}

/** What a layer reads: in the backward pass the last consumer comes first and overwrites the gradient, the others add. */
export interface Source extends Activation {
  readonly accumulate: boolean;
}

/** A trained tensor with its gradient and what the optimizer keeps of it. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly grad: Float32Array;
  readonly momentum: Float32Array;
  /** Mean of squared gradients; of AdamW only. */
  square?: Float32Array;
}

/** A zeroed parameter. */
export function parameter(backend: Backend, name: string, shape: readonly number[], size: number): Parameter {
  return { name, shape, values: backend.floats(size), grad: backend.floats(size), momentum: backend.floats(size) };
}

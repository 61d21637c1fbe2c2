/** What every layer of the trainer is: buffers that are allocated once, and a forward and a backward over them. */
import type { ImageShape } from "../../networks/graph.ts";
import type { StepRecorder } from "../record.ts";

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

/** How a forward pass runs. */
export interface Phase {
  readonly training: boolean;
  /** Whether top-k thresholds are computed anew in this step, or those of an earlier one are used. */
  readonly refresh: boolean;
}

/** One node of the network at work. */
export interface Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Tensors that are not trained but belong to the state: running statistics. */
  readonly buffers: readonly { readonly name: string; readonly values: Float32Array }[];
  forward(batch: number, phase: Phase): void;
  /** Adds to the gradients of what the layer reads and of its parameters. */
  backward(batch: number): void;
  recordForward(recorder: StepRecorder): void;
  recordBackward(recorder: StepRecorder): void;
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

/** What every layer of the trainer is: buffers that are allocated once, and a forward and a backward over them. */
import type { MaskStep } from "../../sparsity/masks/mask-method.ts";
import type { Parameter } from "../tensors.ts";

/**
 * How many weights evaluation keeps where SWAT-M moves sparsities: as many as the last training step did, or, as the SWAT
 * authors' code, as many as the sparsity shared after it asks for, with which no step has trained yet.
 */
export const EVALUATIONS = ["last-step", "authors"] as const;
/** Name of such a choice. */
export type Evaluation = (typeof EVALUATIONS)[number];

/** How a forward pass runs. */
export interface Phase {
  readonly training: boolean;
  /** Whether top-k thresholds are computed anew in this step, or those of an earlier one are used; in evaluation, whether weights are selected anew. */
  readonly refresh: boolean;
  /** How many weights an evaluation keeps; by the sparsity of now where not given, as "authors". */
  readonly evaluation?: Evaluation;
  /** Ranks anew in this step, but leaves the thresholds that later steps reuse as they are. */
  readonly warmup?: boolean;
  /** What a training step does to masks of weights; keeps them where not given. */
  readonly maskStep?: MaskStep;
  /** What keys the draws of a training step; 0 where not given. */
  readonly seed?: number;
  readonly step?: number;
}

/** One node of the network at work. */
export interface Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Tensors that are not trained but belong to the state: running statistics. */
  readonly buffers: readonly { readonly name: string; readonly values: Float32Array }[];
  forward(batch: number, phase: Phase): void;
  /** Writes the gradients of its parameters; overwrites those of what it reads, or adds to them (`Source.accumulate`). */
  backward(batch: number): void;
}

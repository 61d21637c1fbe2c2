/** Which training step to synthesize. */
import type { Network } from "../networks/graph.ts";
import type { Method } from "../sparsity/methods.ts";
import type { Pruning } from "../sparsity/structured.ts";
import type { LayerSparsity } from "../step/flops.ts";
import type { FieldPattern, WeightPattern } from "./patterns.ts";

/** How the zeros of a step are spread. */
export interface StepPatterns {
  /** Of each layer, in order: its weight, and what it saves of its input. */
  readonly weights: readonly WeightPattern[];
  readonly saved: readonly FieldPattern[];
  /** Of each ReLU by its name. */
  readonly natural: ReadonlyMap<string, FieldPattern>;
  /** Share of nonzeros of gradients that batch norm passes on. */
  readonly gradDensity: number;
}

/** A step of a network that a method trains, with the statistics of its zeros. */
export interface SyntheticStep {
  readonly network: Network;
  readonly method: Method;
  /** As it was asked for. */
  readonly sparsity: number;
  /** Of each layer, in order. */
  readonly sparsities: readonly LayerSparsity[];
  readonly pruning: Pruning;
  /** Steps between two refreshes of thresholds that the trace tells; its own is one of a refresh. */
  readonly topKPeriod: number;
  readonly batch: number;
  readonly seed: number;
  readonly patterns: StepPatterns;
  /** What the manifest tells of where the patterns come from. */
  readonly told: Readonly<Record<string, unknown>>;
}

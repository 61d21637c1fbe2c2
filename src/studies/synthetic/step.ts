/** Which training step to make up. */
import type { Network } from "../../networks/graph.ts";
import type { FixedMethod } from "../../sparsity/methods.ts";
import type { Pruning } from "../../sparsity/structured.ts";
import type { LayerSparsity } from "../flops.ts";
import type { SyntheticSettings } from "./settings.ts";

/** A step of a network that a method trains, with the statistics of its zeros. */
export interface SyntheticStep {
  readonly network: Network;
  readonly method: FixedMethod;
  /** As it was asked for. */
  readonly sparsity: number;
  /** Of each layer, in order. */
  readonly sparsities: readonly LayerSparsity[];
  readonly pruning: Pruning;
  /** Steps between two refreshes of thresholds that the trace tells; its own is one of a refresh. */
  readonly topKPeriod: number;
  readonly batch: number;
  readonly seed: number;
  readonly settings: SyntheticSettings;
}

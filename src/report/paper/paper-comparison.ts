/** The comparison with Raihan & Aamodt 2020 as data: gains by machine, sparsity and position in training, FLOPs and memory. */
import type { Standing } from "../../sim/result/ranking.ts";
import type { PublishedFigures } from "./published-figures.ts";

/** Gains of one pass or several, in the words of a result (`src/sim/result/result.ts`); null for 0/0. */
export interface PassGains {
  /** The array alone over the array of the baseline, which trains densely. */
  readonly arraySpeedup: number | null;
  /** The same with memory. */
  readonly speedup: number | null;
  /** The array alone over the same machine on operands without a zero: what zeros give, without skipped padding. */
  readonly arrayGainFromZeros: number | null;
  /** The array alone over the machine's own dense counterpart. */
  readonly arrayOwnSkippingGain: number | null;
  /** The same with memory and compression. */
  readonly ownSkippingGain: number | null;
  /** The array alone over the same machine on the step of dense training. */
  readonly arraySpeedupOverDenseTraining: number | null;
  /** The same with memory. */
  readonly speedupOverDenseTraining: number | null;
}

/** Gains of the whole step, including ops that do not multiply. */
type StepGains = Pick<PassGains, "speedup" | "ownSkippingGain" | "speedupOverDenseTraining">;

/** One machine at one sparsity, with masks of one position in training. */
export interface MachinePoint {
  readonly sparsity: number;
  readonly position: string | number;
  readonly forward: PassGains;
  /** Both gradients. */
  readonly backward: PassGains;
  /** All three passes. */
  readonly all: PassGains;
  readonly step: StepGains;
}

/** What a method saves at one sparsity, 0..1, on any machine; of the memory, as a share of dense training's. */
export interface SavedPoint {
  readonly sparsity: number;
  /** Training MACs, counted as the authors' tables do, and exactly. */
  readonly flops: { readonly published: number; readonly exact: number };
  /** Weights that layers multiply with: values only, and with a bitmap. */
  readonly weights: { readonly values: number; readonly indexed: number };
  /** Activations of the backward pass: as the paper's range counts them, values only, and with a bitmap. */
  readonly activations: { readonly published: number; readonly values: number; readonly indexed: number };
}

/** One machine of a comparison. */
export interface ComparedMachine {
  readonly name: string;
  readonly standing: Standing;
  /** Terms in which it differs from the common baseline; with any, its `speedup` is over its own dense counterpart. */
  readonly differences: readonly string[];
  /** By sparsity, then by position. */
  readonly points: readonly MachinePoint[];
}

/** A finished comparison. */
export interface PaperComparison {
  readonly network: string;
  readonly method: string;
  readonly batch: number;
  readonly seed: number;
  /** Positions in training whose masks were drawn. */
  readonly positions: readonly (string | number)[];
  /** Name of the common dense baseline, or `self` where no machine is compared with it. */
  readonly baseline: string;
  /** By standing, then by time of the sparsest step at the last position. */
  readonly machines: readonly ComparedMachine[];
  readonly saved: readonly SavedPoint[];
  /** In the order of `saved`. */
  readonly published: readonly Partial<PublishedFigures>[];
}

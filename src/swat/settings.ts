/** Settings of a training run and the defaults that learn on small runs. */
import type { Exemptions } from "../sparsity/uniform.ts";

/** Training methods that can be asked for. */
export const METHODS = ["dense", "swat-u"] as const;
/** Name of a training method. */
export type Method = (typeof METHODS)[number];

/** Everything that decides the result of a run, next to the network and the data. */
export interface TrainSettings extends Exemptions {
  readonly method: Method;
  /** Share of weights and activations that is dropped, 0 ≤ s < 1. Ignored by `dense`. */
  readonly sparsity: number;
  /** Steps between two refreshes of the top-k thresholds, counted from the start of each epoch. */
  readonly topKPeriod: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Piecewise constant rates: from the start of `epoch` on; the first entry starts at epoch 0. */
  readonly schedule: readonly RateStep[];
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly seed: number;
}

/** A learning rate and the epoch from which it holds. */
export interface RateStep {
  readonly epoch: number;
  readonly rate: number;
}

/** The rate drops tenfold for about the last third of the run. */
const RATE_DROP = 10;
const RATE_DROP_AT = 2 / 3;

/** Schedule of a run of `epochs` epochs: `rate`, a tenth of it in the last third. */
export function defaultSchedule(epochs: number, rate: number): RateStep[] {
  const drop = Math.ceil(epochs * RATE_DROP_AT);
  return drop > 0 && drop < epochs
    ? [
        { epoch: 0, rate },
        { epoch: drop, rate: rate / RATE_DROP },
      ]
    : [{ epoch: 0, rate }];
}

/** Defaults that `train` and the demo share; calibrated on generated images and Fashion-MNIST over several seeds. */
export const TRAIN_DEFAULTS = {
  method: "swat-u",
  sparsity: 0.9,
  topKPeriod: 10,
  epochs: 3,
  batchSize: 16,
  rate: 0.05,
  momentum: 0.9,
  nesterov: false,
  weightDecay: 5e-4,
  labelSmoothing: 0,
  seed: 1,
  firstLayerDense: true,
  lastLayerDense: false,
} as const;

/** The rate that holds in `epoch`. */
export function rateAt(schedule: readonly RateStep[], epoch: number): number {
  let rate = schedule[0].rate;
  for (const step of schedule) if (step.epoch <= epoch) rate = step.rate;
  return rate;
}

/** Settings of a training run and the defaults that learn on small runs. */

import { optionalFields, Type } from "../core/input/schema.ts";
import { SPARSITY_RANGE } from "../core/sparsity-range.ts";
import { checkSchema, InputError } from "../io/faults.ts";
import { precompiled } from "../io/validators/program.ts";
import { maskMethodNamed } from "../sparsity/masks/index.ts";
import { DROPS, type Drop } from "../sparsity/operand-masking.ts";
import { SHARE_AT, SHARE_BY, type SharingOptions } from "../sparsity/sharing.ts";
import type { Exemptions } from "../sparsity/uniform.ts";
import { AUGMENTATIONS, type Augmentation } from "./data/augment.ts";
import { EVALUATIONS, type Evaluation } from "./layers/layer.ts";
import { type MethodSettings, methodSettings } from "./method-settings.ts";

/** Everything that decides the result of a run, next to the network and the data. */
export interface TrainSettings extends Exemptions, MethodSettings, SharingOptions {
  /** What is dropped, where it is not what SWAT drops. Ignored by `dense`. */
  readonly drop?: readonly Drop[];
  /** Steps between two refreshes of the top-k thresholds, counted from the start of each epoch. */
  readonly topKPeriod: number;
  /** Epochs at the start in which thresholds are computed anew in every step; the sparsity is the same. */
  readonly warmup: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Piecewise constant rates: from the start of `epoch` on; the first entry starts at epoch 0. */
  readonly schedule: readonly RateStep[];
  /** "cosine": the one rate of the schedule falls to 0 by the end, as half a cosine (Loshchilov & Hutter 2017, "SGDR", eq. 5). */
  readonly rateDecay?: RateDecay;
  /** Epochs at the start over which the rate grows, step by step, from nothing to what the schedule says. */
  readonly rateWarmup: number;
  /** What updates parameters; SGD where not given. */
  readonly optimizer?: Optimizer;
  /** Of SGD; of AdamW β₁. */
  readonly momentum: number;
  /** Of AdamW, 0.999 where not given. */
  readonly beta2?: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** Whether weight decay also applies to γ and β of batch norm. */
  readonly batchNormDecay: boolean;
  readonly labelSmoothing: number;
  readonly seed: number;
  /** At which densities SWAT-M is evaluated and finally pruned; other methods are at the sparsities asked for. */
  readonly evaluation: Evaluation;
  /** How training images are varied; not at all where not given. */
  readonly augment?: readonly Augmentation[];
}

/** What updates parameters beside SGD: Adam with decoupled weight decay (Loshchilov & Hutter 2019). */
export const OPTIMIZERS = ["adamw"] as const;
/** Name of such an optimizer. */
export type Optimizer = (typeof OPTIMIZERS)[number];

/** How the rate falls within the steps of a schedule. */
export const RATE_DECAYS = ["cosine"] as const;
/** Name of such a fall. */
export type RateDecay = (typeof RATE_DECAYS)[number];

/** A learning rate and the epoch from which it holds. */
export interface RateStep {
  readonly epoch: number;
  readonly rate: number;
}

const strict = { additionalProperties: false };
const count = Type.Integer({ minimum: 0 });
const positive = Type.Integer({ minimum: 1 });
const share = Type.Number({ minimum: 0, exclusiveMaximum: 1 });

/** What settings may be, for those that come from a file or from a program. */
export const SettingsSchema = Type.Object(
  {
    method: Type.String(),
    sparsity: Type.Number(SPARSITY_RANGE),
    topKPeriod: positive,
    warmup: count,
    pruning: Type.String(),
    methodOptions: Type.Optional(Type.Record(Type.Unknown())),
    firstLayerDense: Type.Boolean(),
    lastLayerDense: Type.Boolean(),
    epochs: positive,
    batchSize: positive,
    schedule: Type.Array(Type.Object({ epoch: count, rate: Type.Number({ exclusiveMinimum: 0 }) }, strict), {
      minItems: 1,
    }),
    rateDecay: Type.Optional(Type.Enum([...RATE_DECAYS])),
    rateWarmup: count,
    optimizer: Type.Optional(Type.Enum([...OPTIMIZERS])),
    momentum: share,
    beta2: Type.Optional(share),
    nesterov: Type.Boolean(),
    weightDecay: Type.Number({ minimum: 0 }),
    batchNormDecay: Type.Boolean(),
    labelSmoothing: share,
    seed: count,
    evaluation: Type.Enum([...EVALUATIONS]),
    shareBy: Type.Optional(Type.Enum([...SHARE_BY])),
    shareGrowth: Type.Optional(Type.Number({ exclusiveMinimum: 1 })),
    shareAt: Type.Optional(Type.Enum([...SHARE_AT])),
    keepFilters: Type.Optional(Type.Boolean()),
    drop: Type.Optional(Type.Array(Type.Enum([...DROPS]))),
    augment: Type.Optional(Type.Array(Type.Enum([...AUGMENTATIONS]))),
  },
  strict,
);
/** The same where any may be left out. */
const GivenSchema = Type.Object(optionalFields(SettingsSchema.properties), strict);
precompiled(SettingsSchema, GivenSchema);

/** The rate drops tenfold for about the last third of the run. */
const RATE_DROP = 10;
const RATE_DROP_AT = 2 / 3;

/** Schedule of a run of `epochs` epochs: `rate`, a tenth of it in the last third unless it decays by itself. */
export function defaultSchedule(epochs: number, rate: number, decay?: RateDecay): RateStep[] {
  const drop = Math.ceil(epochs * RATE_DROP_AT);
  return decay === undefined && drop > 0 && drop < epochs
    ? [
        { epoch: 0, rate },
        { epoch: drop, rate: rate / RATE_DROP },
      ]
    : [{ epoch: 0, rate }];
}

/** The default rate of AdamW, as PyTorch. */
export const ADAMW_RATE = 0.001;

/** Defaults that `train` and the demo share; calibrated on generated images and Fashion-MNIST over several seeds. */
export const TRAIN_DEFAULTS = {
  method: "swat-u",
  sparsity: 0.9,
  topKPeriod: 10,
  warmup: 0,
  pruning: "unstructured",
  epochs: 3,
  batchSize: 16,
  rate: 0.05,
  rateWarmup: 0,
  momentum: 0.9,
  nesterov: false,
  weightDecay: 5e-4,
  batchNormDecay: true,
  labelSmoothing: 0,
  seed: 1,
  evaluation: "last-step",
  firstLayerDense: true,
  lastLayerDense: false,
} as const;

/** Settings with what is not given filled in, as `swat-sim train` does. @throws InputError with one line for each fault. */
export function trainSettings(given: Partial<TrainSettings> = {}): TrainSettings {
  const { rate, ...defaults } = TRAIN_DEFAULTS;
  const { epochs = defaults.epochs } = given;
  // Settings of the right types, before they are judged by what the method makes of them.
  const types = checkSchema(GivenSchema, given, "settings");
  const { firstLayerDense, lastLayerDense, ...method } = methodSettings(types, defaults, "settings");
  const exemptions = { firstLayerDense, lastLayerDense };
  const settings = {
    ...defaults,
    ...exemptions,
    schedule: defaultSchedule(epochs, given.optimizer === "adamw" ? ADAMW_RATE : rate, given.rateDecay),
    ...given,
    ...method,
  };
  return checkSchema(SettingsSchema, settings, "settings");
}

/**
 * The rate of step `step` of the run, from 0: that of its epoch, and in the warm-up of W steps (step + 1)/(W + 1) of it
 * (Goyal et al. 2017, "Accurate, Large Minibatch SGD", §2.2, in steps as the SWAT authors' ImageNet code). A cosine begins
 * after the warm-up.
 */
export function rateOfStep(
  { schedule, rateWarmup, rateDecay, epochs }: Pick<TrainSettings, "schedule" | "rateWarmup" | "rateDecay" | "epochs">,
  step: number,
  stepsPerEpoch: number,
): number {
  const rate = rateAt(schedule, Math.floor(step / stepsPerEpoch));
  const warmup = rateWarmup * stepsPerEpoch;
  if (step < warmup) return (rate * (step + 1)) / (warmup + 1);
  if (rateDecay !== "cosine") return rate;
  return (rate * (1 + Math.cos((Math.PI * (step - warmup)) / (epochs * stepsPerEpoch - warmup)))) / 2;
}

/** @throws InputError where a rate that decays by itself is also cut in steps. */
export function checkSchedule({ schedule, rateDecay }: TrainSettings): void {
  if (rateDecay === undefined || schedule.length === 1) return;
  throw new InputError([`schedule: ${schedule.length} rates with rateDecay ${rateDecay}; valid: one`]);
}

/** @throws InputError for what AdamW, or SGD, has no use for. */
export function checkOptimizer({ optimizer, nesterov, beta2, method }: TrainSettings): void {
  const faults: string[] = [];
  if (optimizer === undefined && beta2 !== undefined)
    faults.push(`beta2: SGD has none, got ${beta2}; valid: with adamw`);
  if (optimizer !== undefined && nesterov)
    faults.push("nesterov: adamw has no Nesterov momentum, got true; valid: false");
  if (optimizer !== undefined && maskMethodNamed(method) !== undefined) {
    faults.push(`optimizer: ${method} is defined for SGD, got ${optimizer}; valid: none, or another method`);
  }
  if (faults.length > 0) throw new InputError(faults);
}

/** The rate that holds in `epoch`. */
export function rateAt(schedule: readonly RateStep[], epoch: number): number {
  let rate = schedule[0].rate;
  for (const step of schedule) if (step.epoch <= epoch) rate = step.rate;
  return rate;
}

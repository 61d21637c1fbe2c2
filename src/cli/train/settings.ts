/**
 * The settings of `train`: what the command line says, then what a `--schedule` file says, then those of a resumed run or
 * the defaults.
 */
import type { Command } from "commander";
import { readBytes } from "../../io/read-file.ts";
import { layersOf } from "../../networks/graph.ts";
import { networkNamed } from "../../networks/index.ts";
import { type Drop, isSwat } from "../../sparsity/operand-masking.ts";
import { type Sharing, type SharingOptions, sharingOptions } from "../../sparsity/sharing.ts";
import type { Augmentation } from "../../swat/data/augment.ts";
import type { Evaluation } from "../../swat/layers/layer.ts";
import { methodSettings } from "../../swat/method-settings.ts";
import { parseRunConfiguration, type RunConfiguration } from "../../swat/run-configuration.ts";
import {
  ADAMW_RATE,
  defaultSchedule,
  type Optimizer,
  type RateDecay,
  type RateStep,
  TRAIN_DEFAULTS,
  type TrainSettings,
} from "../../swat/settings.ts";
import type { MethodOptions } from "../options/method.ts";
import type { SettingsFile } from "../options/options.ts";

/** Options of `train` that become settings, as commander gives them. */
export interface SettingsOptions {
  network: string;
  method: string;
  methodOption?: MethodOptions;
  methodModule?: string[];
  sparsity: number;
  drop?: Drop[];
  pruning: string;
  topkPeriod: number;
  warmup: number;
  denseFirstLayer?: true;
  sparseFirstLayer?: true;
  denseLastLayer?: true;
  sparseLastLayer?: true;
  epochs: number;
  batchSize: number;
  learningRate: number;
  schedule?: RateStep[] | RateDecay | SettingsFile;
  rateWarmup: number;
  optimizer: "sgd" | Optimizer;
  momentum: number;
  beta2?: number;
  nesterov?: boolean;
  weightDecay: number;
  batchNormDecay?: boolean;
  labelSmoothing: number;
  seed: number;
  evaluation: Evaluation;
  sharing?: Sharing;
  shareBy?: SharingOptions["shareBy"];
  shareGrowth?: number;
  shareAt?: SharingOptions["shareAt"];
  keepFilters?: boolean;
  augment?: Augmentation[];
}

/** Options of `train`, as commander gives them. */
export interface TrainOptions extends SettingsOptions {
  data: string;
  threads?: number;
  limit?: number;
  testLimit?: number;
  record?: string;
  resume?: string;
  checkpointEvery?: number;
  evaluateEvery?: number;
  logCsv?: true;
  out: string;
  json?: true;
}

/** Reads the file, if one is named. @throws InputError with everything that is wrong in it. */
export async function trainSettings(
  options: SettingsOptions,
  command: Command,
  saved?: TrainSettings,
): Promise<TrainSettings> {
  const { schedule, ...rest } = options;
  const path = typeof schedule === "object" && "path" in schedule ? schedule.path : undefined;
  const file = { ...saved, ...(path === undefined ? {} : await readSettings(path, options.network)) };
  /** An option that the user gave wins over the file, the file over a resumed run and an option's default. */
  const pick = <Key extends keyof TrainSettings>(key: Key, option: keyof SettingsOptions, value: TrainSettings[Key]) =>
    command.getOptionValueSource(option) === "cli" ? value : (file[key] ?? value);

  /** As `pick`, without the option's default. */
  const given = <Key extends keyof TrainSettings>(
    key: Key,
    option: keyof SettingsOptions,
    value: TrainSettings[Key],
  ) => (command.getOptionValueSource(option) === "cli" ? value : file[key]);
  const chosen = methodSettings(
    {
      method: given("method", "method", rest.method),
      pruning: given("pruning", "pruning", rest.pruning),
      sparsity: given("sparsity", "sparsity", rest.sparsity),
      methodOptions: rest.methodOption ? { ...file.methodOptions, ...rest.methodOption } : file.methodOptions,
    },
    TRAIN_DEFAULTS,
  );
  const { method, firstLayerDense, lastLayerDense } = chosen;
  if (chosen.methodOptions !== undefined && command.getOptionValueSource("topkPeriod") === "cli") {
    command.error(
      `error: option '--topk-period <steps>' cannot be used with method ${method}, which has no thresholds`,
    );
  }
  if (method === "dense" && rest.drop !== undefined) {
    command.error("error: option '--drop <operands>' cannot be used with method dense, which drops nothing");
  }
  if (Array.isArray(schedule) && command.getOptionValueSource("learningRate") === "cli") {
    command.error(
      "error: option '--learning-rate <rate>' cannot be used with a list of rates in '--schedule <schedule>'",
    );
  }
  const epochs = pick("epochs", "epochs", rest.epochs);
  const augment = rest.augment ?? file.augment;
  const drop = rest.drop ?? file.drop;
  return {
    method,
    sparsity: chosen.sparsity,
    ...(chosen.methodOptions === undefined ? {} : { methodOptions: chosen.methodOptions }),
    ...(method === "dense" || drop === undefined || isSwat(drop) ? {} : { drop }),
    pruning: chosen.pruning,
    topKPeriod: pick("topKPeriod", "topkPeriod", rest.topkPeriod),
    warmup: pick("warmup", "warmup", rest.warmup),
    firstLayerDense: flag(rest.denseFirstLayer, rest.sparseFirstLayer) ?? file.firstLayerDense ?? firstLayerDense,
    lastLayerDense: flag(rest.denseLastLayer, rest.sparseLastLayer) ?? file.lastLayerDense ?? lastLayerDense,
    epochs,
    batchSize: pick("batchSize", "batchSize", rest.batchSize),
    ...rateSettings(options, command, file, epochs),
    rateWarmup: pick("rateWarmup", "rateWarmup", rest.rateWarmup),
    momentum: pick("momentum", "momentum", rest.momentum),
    nesterov: pick("nesterov", "nesterov", rest.nesterov ?? TRAIN_DEFAULTS.nesterov),
    weightDecay: pick("weightDecay", "weightDecay", rest.weightDecay),
    batchNormDecay: pick("batchNormDecay", "batchNormDecay", rest.batchNormDecay ?? TRAIN_DEFAULTS.batchNormDecay),
    labelSmoothing: pick("labelSmoothing", "labelSmoothing", rest.labelSmoothing),
    seed: pick("seed", "seed", rest.seed),
    evaluation: pick("evaluation", "evaluation", rest.evaluation),
    ...defined(sharingOptions(rest.sharing, rest, file)),
    ...(augment === undefined ? {} : { augment }),
  };
}

async function readSettings(path: string, network: string): Promise<RunConfiguration["settings"]> {
  const { bytes } = await readBytes(path);
  const { settings, convolutions } = parseRunConfiguration(new TextDecoder().decode(bytes), path);
  const definition = networkNamed(network);
  const ours = layersOf(definition.build(definition.image, definition.classes)).filter(
    ({ op }) => op === "conv",
  ).length;
  if (convolutions !== undefined && convolutions !== ours) {
    console.error(`warning: ${path}: num_conv_layer: network ${network} has ${ours} convolutions, got ${convolutions}`);
  }
  return settings;
}

/** Optimizer and rates: a rate that the command line gives wins over a schedule of the file. */
function rateSettings(
  options: SettingsOptions,
  command: Command,
  file: Partial<TrainSettings>,
  epochs: number,
): Pick<TrainSettings, "schedule" | "rateDecay" | "optimizer" | "beta2"> {
  const { schedule: option, beta2 = file.beta2 } = options;
  const isGiven = (name: keyof SettingsOptions) => command.getOptionValueSource(name) === "cli";
  const named = options.optimizer === "sgd" ? undefined : options.optimizer;
  const optimizer = isGiven("optimizer") ? named : file.optimizer;
  const rateDecay = option === "cosine" ? option : Array.isArray(option) ? undefined : file.rateDecay;
  const isOfAdam = optimizer === "adamw" && !isGiven("learningRate");
  const byRate = defaultSchedule(epochs, isOfAdam ? ADAMW_RATE : options.learningRate, rateDecay);
  const isByRate = option === "cosine" || isGiven("learningRate");
  const schedule = Array.isArray(option) ? option : isByRate ? byRate : (file.schedule ?? byRate);
  return {
    schedule,
    ...(rateDecay && { rateDecay }),
    ...(optimizer && { optimizer }),
    ...(beta2 === undefined ? {} : { beta2 }),
  };
}

/** Without the keys whose value is undefined. */
function defined<Value extends object>(values: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Value>;
}

/** True for dense, false for sparse, undefined where neither is given. */
function flag(dense: true | undefined, sparse: true | undefined): boolean | undefined {
  return dense ?? (sparse === undefined ? undefined : false);
}

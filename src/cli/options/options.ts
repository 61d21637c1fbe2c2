/** Options and parsers of their values that several commands share; commander turns what the parsers throw into a usage error. */
import { type Command, InvalidArgumentError } from "commander";
import { type ImageShape, layersOf, parameterShape } from "../../networks/graph.ts";
import { parseImageShape } from "../../networks/image-shape.ts";
import { networkNamed } from "../../networks/index.ts";
import { FIXED_METHODS, type FixedMethod } from "../../sparsity/methods.ts";
import { type Drop, parseDrops } from "../../sparsity/operand-masking.ts";
import { layerSparsities } from "../../step/layer-sparsities.ts";
import type { Shard } from "../../studies/sweep/points.ts";
import { type RateDecay, TRAIN_DEFAULTS } from "../../swat/settings.ts";
import { POSITIONS, type Position } from "../../synthetic/positions.ts";

/** Option of the commands that take machines: which. */
export const HW = [
  "--hw <config...>",
  "equal-peak, published or all (sets of shipped machines), names of shipped machines, or paths of configs",
  ["equal-peak"],
] as [string, string, string[]];

/** Option of the commands that take machines. */
export const MACHINE = ["--machine <module...>", "modules with accelerators that configs name (.js)"] as const;

/** Option of the commands that compare machines. */
export const BASELINE = [
  "--baseline <config>",
  "dense machine to compare with (default: dadiannao-4096; machines of another peak, clock, datatype or memory: their own dense counterpart)",
] as const;

/** Option that goes with `BASELINE`. */
export const ALLOW_UNEQUAL = [
  "--allow-unequal",
  "compare with a baseline of another peak, clock, datatype or memory",
] as const;

/** Values of these two. */
export interface BaselineOptions {
  baseline?: string;
  allowUnequal?: true;
}

/** Options of the commands that count on a network without training it. */
export function addStepOptions(command: Command): Command {
  return command
    .requiredOption("--network <name>", "a network, such as resnet50-imagenet or wrn28-10", networkName)
    .option("--method <name>", FIXED_METHODS.join(", "), oneOf(FIXED_METHODS), TRAIN_DEFAULTS.method)
    .option(
      "--sparsity <s>",
      "share of weights and activations dropped, 0 ≤ s < 1",
      numberIn(0, 1),
      TRAIN_DEFAULTS.sparsity,
    )
    .option("--activation-sparsity <s>", "another share for the saved activations of all layers", numberIn(0, 1));
}

/** Values of these. */
export interface StepOptions {
  network: string;
  method: FixedMethod;
  sparsity: number;
  activationSparsity?: number;
  classes?: number;
  images?: ImageShape;
}

/** The network that they mean and the sparsities of its layers; ends with a usage error where the options exclude each other. */
export function networkOf(options: StepOptions, command: Command) {
  if (options.method === "dense" && options.activationSparsity !== undefined) {
    command.error("error: option '--activation-sparsity <s>' needs a sparse '--method <name>', got 'dense'");
  }
  const definition = networkNamed(options.network);
  const network = definition.build(options.images ?? definition.image, options.classes ?? definition.classes);
  return { network, sparsities: layerSparsities(layersOf(network).map(parameterShape), options) };
}

/** Parser of an integer of at least `minimum` and at most `maximum`. */
export function integer(minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
      const most = maximum === Number.MAX_SAFE_INTEGER ? "" : ` and at most ${maximum}`;
      throw new InvalidArgumentError(`valid: an integer of at least ${minimum}${most}.`);
    }
    return value;
  };
}

/** Parser of a number in [low, high), or (low, high) with `open`. */
export function numberIn(low: number, high: number, open = false): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(open ? value > low : value >= low) || !(value < high)) {
      const bracket = open ? "more than" : "at least";
      throw new InvalidArgumentError(
        `valid: a number of ${bracket} ${low}${high === Infinity ? "" : ` and less than ${high}`}.`,
      );
    }
    return value;
  };
}

/** Parser of a position in training: a name, or a number of images. */
export function position(text: string): Position {
  if (Object.hasOwn(POSITIONS, text)) return text as keyof typeof POSITIONS;
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError(`valid: ${Object.keys(POSITIONS).join(", ")}, or a number of images.`);
  }
  return value;
}

/** Parser of a density, 0 < d ≤ 1. */
export function density(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1)) {
    throw new InvalidArgumentError("valid: a number of more than 0 and at most 1.");
  }
  return value;
}

/** Parser of a share, 0 < s ≤ 1, or as a percentage. */
export function share(text: string): number {
  const value = /^[\d.]+%$/.test(text) ? Number(text.slice(0, -1)) / PERCENT : Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1)) {
    throw new InvalidArgumentError("valid: a percentage as 25%, or a share of more than 0 and at most 1.");
  }
  return value;
}

/** Options of `simulate` that the notes of its table point at. */
export const TABLE_HINTS = { energy: "--explain-energy lists the constants", training: "--columns training" };

const PERCENT = 100;

/** Parser of the size of images, height x width x channels as 32x32x3. */
export function imageShape(text: string): ImageShape {
  const shape = parseImageShape(text);
  if (shape === undefined) throw new InvalidArgumentError("valid: height, width and channels, as 32x32x3.");
  return shape;
}

/** Parser of a step schedule `0:0.05,2:0.005` (epoch:rate, the first at epoch 0, ascending). */
function schedule(text: string): { epoch: number; rate: number }[] {
  const steps = text.split(",").map((part) => {
    const [epoch, rate] = part.split(":").map(Number);
    return { epoch, rate, valid: /^\d+:[^:]+$/.test(part) && rate > 0 && rate < Infinity };
  });
  const ascending = steps.every(({ epoch }, i) => (i === 0 ? epoch === 0 : epoch > steps[i - 1].epoch));
  if (!ascending || !steps.every(({ valid }) => valid)) {
    throw new InvalidArgumentError(
      "valid: epoch:rate pairs from epoch 0 on, as 0:0.05,2:0.005, or cosine, or a .yaml file.",
    );
  }
  return steps.map(({ epoch, rate }) => ({ epoch, rate }));
}

/** A file that holds settings, as `--schedule` names one. */
export interface SettingsFile {
  readonly path: string;
}

/** Parser of a step schedule, of the word "cosine", or of the path of a file of settings, which ends in .yaml or .yml. */
export function scheduleOrFile(text: string): { epoch: number; rate: number }[] | RateDecay | SettingsFile {
  if (text === "cosine") return text;
  return /\.ya?ml$/i.test(text) ? { path: text } : schedule(text);
}

/** Parser of one of a list of words. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw new InvalidArgumentError(`known: ${words.join(", ")}.`);
    return word;
  };
}

/** Parser of a set `a,b` of such words: each once, in the order of `words`. */
export function setOf<Word extends string>(words: readonly Word[]): (text: string) => Word[] {
  const word = oneOf(words);
  return (text) => {
    const named = new Set(text.split(",").map(word));
    return words.filter((candidate) => named.has(candidate));
  };
}

/** Parser of a list `a,b` of different values, each read by `parse`. */
export function uniqueList<Value>(parse: (text: string) => Value): (text: string) => Value[] {
  return (text) => {
    const values = text.split(",").map(parse);
    const keys = values.map((value) => JSON.stringify(value));
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined) throw new InvalidArgumentError(`valid: each once, got ${twice} twice.`);
    return values;
  };
}

/** Parser of the name of a network. */
export function networkName(text: string): string {
  try {
    return networkNamed(text).name;
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Parser of what is dropped, as weights:forward+inputs:backward. */
export function drops(text: string): Drop[] {
  try {
    return parseDrops(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const TEST_SHARE = 5;

/** Test images to use: where only training images are limited, a fifth as many. */
export function testImages({ limit, testLimit }: { limit?: number; testLimit?: number }): number | undefined {
  return testLimit ?? (limit === undefined ? undefined : Math.max(1, Math.floor(limit / TEST_SHARE)));
}

/** Refuses a sparsity for a method that drops nothing. */
export function checkSparsity(command: Command, { method, sparsity }: { method: string; sparsity: number }): void {
  if (method === "dense" && sparsity > 0 && command.getOptionValueSource("sparsity") === "cli") {
    command.error("error: option '--sparsity <s>' needs a sparse '--method <name>', got 'dense'");
  }
}

/** The kernel build that the environment asks for; an empty variable asks for none. */
export function kernelBuild(): string | undefined {
  return process.env.SWAT_SIM_KERNELS || undefined;
}

/** A part of a study: the i-th of n. @throws InvalidArgumentError */
export function shard(text: string): Shard {
  const [part, of] = /^[1-9]\d*\/[1-9]\d*$/.test(text) ? text.split("/").map(Number) : [0, 0];
  if (part < 1 || part > of) throw new InvalidArgumentError("valid: i/n with 1 ≤ i ≤ n, as 2/3.");
  return { part, of };
}

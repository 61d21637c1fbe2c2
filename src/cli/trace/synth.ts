/** `swat-sim trace synth`: a trace of a step of any network at full size, with masks drawn to given statistics; trains nothing. */
import type { Command } from "commander";
import { openTraces, writeTrace } from "../../api/open.ts";
import { synthesizeTrace } from "../../api/synthesize.ts";
import { type LikeOptions, optionsLike } from "../../api/synthesize-like.ts";
import type { ImageShape } from "../../networks/graph.ts";
import { METHODS, type Method } from "../../sparsity/methods.ts";
import { PRUNINGS, type Pruning } from "../../sparsity/structured.ts";
import { TRAIN_DEFAULTS } from "../../swat/settings.ts";
import { meanSettings, type TracePatterns, tracePatterns } from "../../synthetic/measure/statistics.ts";
import { DEFAULT_POSITION, type Position } from "../../synthetic/positions.ts";
import type { SyntheticSettings } from "../../synthetic/settings.ts";
import { checkSparsity, imageShape, integer, networkName, numberIn, oneOf, position } from "../options/options.ts";
import { SETTING_OPTIONS } from "../options/synthetic-options.ts";
import { warn, warned } from "../terminal/warnings.ts";

interface SynthOptions extends Partial<SyntheticSettings> {
  network?: string;
  method: Method;
  sparsity: number;
  pruning: Pruning;
  batch: number;
  images?: ImageShape;
  classes?: number;
  seed: number;
  position: Position;
  like?: string;
  out: string;
}

/** Adds the command. */
export function addTraceSynthCommand(trace: Command): void {
  const d = TRAIN_DEFAULTS;
  const command = trace
    .command("synth")
    .description("Synthesize the trace of a training step, with zeros spread as in recorded steps, without training.")
    .option(
      "--network <name>",
      "a network, such as resnet50-imagenet or wrn28-10 (default: that of --like)",
      networkName,
    )
    .requiredOption("-o, --out <file>", "the trace to write (.safetensors)")
    .option("--method <name>", METHODS.join(", "), oneOf(METHODS), d.method)
    .option("--sparsity <s>", "share of weights and activations dropped, 0 ≤ s < 1", numberIn(0, 1), d.sparsity)
    .option(
      "--pruning <unit>",
      `${PRUNINGS.join(", ")}: the unit of convolutions that is pruned as a whole`,
      oneOf(PRUNINGS),
      d.pruning,
    )
    .option("--batch <n>", "images of the step", integer(1), d.batchSize)
    .option("--images <HxWxC>", "size of the images (default: those of the network's data set)", imageShape)
    .option("--classes <n>", "classes (default: those of the network's data set)", integer(1))
    .option("--seed <n>", "seed of all draws", integer(0), d.seed)
    .option(
      "--position <where>",
      "early, middle or late in training, or a number of images that the network was trained on",
      position,
      DEFAULT_POSITION,
    )
    .option(
      "--like <trace>",
      "network, method, sparsity, batch and the spread of zeros, layer by layer, of this recorded step, unless given",
    );
  for (const { flag, value, description, parse } of SETTING_OPTIONS) {
    command.option(`${flag} ${value}`, description, parse);
  }
  command
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim trace synth --network resnet50-imagenet --method swat-u --sparsity 0.8 --batch 4 -o resnet50.safetensors
  $ swat-sim simulate resnet50.safetensors --hw tensordash-4096
  $ swat-sim trace synth --like traces/resnet8-swat-u90.safetensors -o alike.safetensors

Without options, zeros are spread as fitted to recorded steps, by method, sparsity, layer and position; --like measures them on a
step of yours. An option holds for all layers. See docs/synthetic-traces.md.`,
    )
    .action(synth);
}

async function synth(options: SynthOptions, command: Command): Promise<void> {
  const { pruning, seed, position, out } = options;
  const [recorded] = options.like === undefined ? [] : warned(await openTraces([options.like]));
  const asked = askedFor(command, options);
  const step = recorded === undefined ? options : optionsLike(recorded.trace.manifest, asked, recorded.name);
  const { network, method = TRAIN_DEFAULTS.method, sparsity = TRAIN_DEFAULTS.sparsity, batch, images, classes } = step;
  if (network === undefined) {
    command.error("error: required option '--network <name>' or '--like <trace>' not specified");
  }
  checkSparsity(command, { method, sparsity });
  const like = recorded === undefined ? undefined : await tracePatterns(recorded.trace);
  const given = SETTING_OPTIONS.flatMap(({ setting }) =>
    options[setting] === undefined ? [] : [[setting, options[setting]]],
  );
  const settings: Partial<SyntheticSettings> = Object.fromEntries(given);
  if (like !== undefined) warnUnmeasured(options.like as string, like, settings);
  const order = { network, method, sparsity, pruning, batch, images, classes, seed, position, settings };
  const { manifest, masks } = synthesizeTrace({ ...order, like });
  await writeTrace(out, { manifest, masks });
  console.log(`${out}: ${manifest.tensors.length} tensors, ${masks.size} masks, ${manifest.ops.length} ops`);
}

/** No trace records the density of gradients behind batch norm. */
const NEVER_MEASURED: readonly (keyof SyntheticSettings)[] = ["gradDensity"];

function warnUnmeasured(path: string, like: TracePatterns, given: Partial<SyntheticSettings>): void {
  const known = { ...meanSettings(like), ...given };
  const unmeasured = SETTING_OPTIONS.filter(
    ({ setting }) => known[setting] === undefined && !NEVER_MEASURED.includes(setting),
  );
  const flags = unmeasured.map(({ flag }) => flag).join(", ");
  if (unmeasured.length > 0) warn(`${path}: has no masks to measure ${flags}; taken as fitted to recorded steps`);
}

/** The options of the step itself that the command line gives. */
function askedFor(command: Command, options: SynthOptions): Partial<LikeOptions> {
  const names = ["network", "method", "sparsity", "batch", "images", "classes"] as const;
  return Object.fromEntries(
    names.filter((name) => command.getOptionValueSource(name) === "cli").map((name) => [name, options[name]]),
  );
}

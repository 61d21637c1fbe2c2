/** `swat-sim trace synth`: a trace of a step of any network at full size, with masks drawn to given statistics; trains nothing. */
import type { Command } from "commander";
import type { ImageShape } from "../networks/graph.ts";
import { FIXED_METHODS, type FixedMethod } from "../sparsity/methods.ts";
import { PRUNINGS, type Pruning } from "../sparsity/structured.ts";
import { openTraces, writeTrace } from "../studies/inputs.ts";
import { synthesizeTrace } from "../studies/synthetic/order.ts";
import { SYNTHETIC_DEFAULTS, type SyntheticSettings } from "../studies/synthetic/settings.ts";
import { tracePatterns } from "../studies/synthetic/statistics.ts";
import { TRAIN_DEFAULTS } from "../swat/settings.ts";
import { checkSparsity, imageShape, integer, networkName, numberIn, oneOf } from "./options.ts";
import { SETTING_OPTIONS } from "./synthetic-options.ts";
import { warn, warned } from "./warnings.ts";

interface SynthOptions extends SyntheticSettings {
  network: string;
  method: FixedMethod;
  sparsity: number;
  pruning: Pruning;
  batch: number;
  images?: ImageShape;
  classes?: number;
  seed: number;
  like?: string;
  out: string;
}

/** Adds the command. */
export function addTraceSynthCommand(trace: Command): void {
  const d = TRAIN_DEFAULTS;
  const command = trace
    .command("synth")
    .description(
      "Make up the trace of a step of a network, with zeros spread as those of recorded steps; trains nothing.",
    )
    .requiredOption("--network <name>", "a network, as resnet50-imagenet or wrn28-10", networkName)
    .requiredOption("-o, --out <file>", "the trace to write (.safetensors)")
    .option("--method <name>", FIXED_METHODS.join(", "), oneOf(FIXED_METHODS), d.method)
    .option("--sparsity <s>", "share of weights and activations dropped, 0 ≤ s < 1", numberIn(0, 1), d.sparsity)
    .option("--pruning <unit>", `${PRUNINGS.join(", ")}: what of convolutions is pruned`, oneOf(PRUNINGS), d.pruning)
    .option("--batch <n>", "images of the step", integer(1), d.batchSize)
    .option("--images <HxWxC>", "size of the images (default: those of the network's data set)", imageShape)
    .option("--classes <n>", "classes (default: those of the network's data set)", integer(1))
    .option("--seed <n>", "seed of all draws", integer(0), d.seed)
    .option("--like <trace>", "spread zeros as in this recorded step; the options below win over what it tells");
  for (const { setting, flag, value, description, parse } of SETTING_OPTIONS) {
    command.option(`${flag} ${value}`, description, parse, SYNTHETIC_DEFAULTS[setting]);
  }
  command
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim trace synth --network resnet50-imagenet --method swat-u --sparsity 0.8 --batch 4 -o resnet50.safetensors
  $ swat-sim simulate resnet50.safetensors --hw tensordash-4096

The defaults are those of recorded steps; --like measures them on yours, as trace stats does. See docs/synthetic-traces.md.`,
    )
    .action(synth);
}

async function synth(options: SynthOptions, command: Command): Promise<void> {
  checkSparsity(command, options);
  const { network, method, sparsity, pruning, batch, images, classes, seed, out, like } = options;
  const [recorded] = like === undefined ? [] : warned(await openTraces([like]));
  const measured = recorded === undefined ? undefined : (await tracePatterns(recorded.trace)).settings;
  const isAsked = (setting: keyof SyntheticSettings) => command.getOptionValueSource(setting) === "cli";
  const settings = Object.fromEntries(
    SETTING_OPTIONS.map(({ setting }) => {
      const told = isAsked(setting) ? undefined : measured?.[setting];
      return [setting, told ?? options[setting]];
    }),
  ) as unknown as SyntheticSettings;
  if (measured !== undefined) {
    // No trace tells gradDensity.
    const untold = SETTING_OPTIONS.filter(
      ({ setting }) => setting !== "gradDensity" && measured[setting] === undefined && !isAsked(setting),
    );
    const flags = untold.map(({ flag }) => flag).join(", ");
    if (untold.length > 0) warn(`${like}: has no masks that tell ${flags}; the defaults are taken`);
  }
  const order = { network, method, sparsity, pruning, batch, images, classes, seed, settings };
  const { manifest, masks } = synthesizeTrace(order);
  await writeTrace(out, { manifest, masks });
  console.log(`${out}: ${manifest.tensors.length} tensors, ${masks.size} masks, ${manifest.ops.length} ops`);
}

/** `swat-sim record`: one real training step as a trace, of a network of any size, after a few steps of training. */
import type { Command } from "commander";
import { recordStep, type StepOptions } from "../../api/record.ts";
import { writeFileAtomically } from "../../io/atomic-file.ts";
import { PRUNINGS } from "../../sparsity/structured.ts";
import { TRAIN_DEFAULTS } from "../../swat/settings.ts";
import {
  chooseMethod,
  METHOD_MODULE,
  type MethodOptions,
  methodNames,
  methodOption,
  pruning,
} from "../options/method.ts";
import { checkSparsity, integer, kernelBuild, networkName, numberIn } from "../options/options.ts";
import { progressBar } from "../terminal/progress.ts";

interface RecordOptions extends Omit<StepOptions, "warmSteps" | "kernels" | "methodOptions"> {
  method: string;
  readonly methodOption?: MethodOptions;
  readonly methodModule?: string[];
  readonly sparsity: number;
  readonly pruning: string;
  readonly steps: number;
  readonly out: string;
}

/** Adds its options and its action. */
export function addRecordCommand(command: Command): void {
  const d = TRAIN_DEFAULTS;
  command
    .requiredOption("--network <name>", "a network, such as resnet50-imagenet or wrn28-10", networkName)
    .requiredOption("--data <spec>", "as of train: generated:224x224x3, images:DIR, cifar10:DIR …")
    .requiredOption("-o, --out <file>", "the trace to write (.safetensors)")
    .option("--method <name>", methodNames(), d.method)
    .option("--method-option <key=value...>", "options of the method, as of train", methodOption)
    .option(...METHOD_MODULE)
    .option("--sparsity <s>", "share of weights and activations dropped, 0 ≤ s < 1", numberIn(0, 1), d.sparsity)
    .option(
      "--pruning <unit>",
      `${PRUNINGS.join(", ")}: the unit of convolutions that is pruned as a whole; or N:M, as 2:4`,
      pruning,
      d.pruning,
    )
    .option("--batch <n>", "images per step", integer(1), d.batchSize)
    .option("--steps <n>", "steps of training before the one that is recorded", integer(0), 1)
    .option("--seed <n>", "seed of weights, shuffling and generated images", integer(0), d.seed)
    .option("--threads <count>", "worker threads; does not affect results (default: all cores)", integer(1))
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim record --network resnet50-imagenet --data generated:224x224x3 --batch 4 --sparsity 0.8 -o resnet50.safetensors
  $ swat-sim record --network resnet20 --data generated:32x32x3 --pruning 2:4 -o resnet20-2of4.safetensors

Every step recomputes its top-k thresholds. For a trace of later training use train --record.`,
    )
    .action(record);
}

async function record(options: RecordOptions, command: Command): Promise<void> {
  await chooseMethod(options, command);
  checkSparsity(command, options);
  const { steps, out, method, sparsity, pruning, methodOption: methodOptions, methodModule: _, ...order } = options;
  /** Undefined where the user did not give it, so that the method decides. */
  const given = <Value>(name: string, value: Value) =>
    command.getOptionValueSource(name) === "cli" ? value : undefined;
  const chosen = {
    method: given("method", method),
    sparsity: given("sparsity", sparsity),
    pruning: given("pruning", pruning),
    methodOptions,
  };
  const bar = progressBar("training");
  try {
    const onProgress = ({ step, loss }: { step: number; loss: number }) =>
      bar.update(step, steps + 1, `· loss ${loss.toFixed(3)}`);
    const bytes = await recordStep({ ...order, ...chosen, warmSteps: steps, kernels: kernelBuild() }, { onProgress });
    await writeFileAtomically(out, bytes);
    bar.stop();
    console.log(out);
  } finally {
    bar.stop();
  }
}

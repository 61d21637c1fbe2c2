/** `swat-sim record`: one real training step as a trace, of a network of any size, after a few steps of training. */
import type { Command } from "commander";
import { recordStep, type StepOptions } from "../../api/record.ts";
import { writeFileAtomically } from "../../io/atomic-file.ts";
import { METHODS, type Method } from "../../sparsity/methods.ts";
import { PRUNINGS } from "../../sparsity/structured.ts";
import { TRAIN_DEFAULTS } from "../../swat/settings.ts";
import { checkSparsity, integer, kernelBuild, networkName, numberIn, oneOf } from "../options/options.ts";
import { progressBar } from "../terminal/progress.ts";

interface RecordOptions extends Omit<StepOptions, "warmSteps" | "kernels"> {
  readonly method: Method;
  readonly sparsity: number;
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
    .option("--method <name>", METHODS.join(", "), oneOf(METHODS), d.method)
    .option("--sparsity <s>", "share of weights and activations dropped, 0 ≤ s < 1", numberIn(0, 1), d.sparsity)
    .option(
      "--pruning <unit>",
      `${PRUNINGS.join(", ")}: the unit of convolutions that is pruned as a whole`,
      oneOf(PRUNINGS),
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

Every step recomputes its top-k thresholds. For a trace of later training use train --record.`,
    )
    .action(record);
}

async function record({ steps, out, ...order }: RecordOptions, command: Command): Promise<void> {
  checkSparsity(command, order);
  const bar = progressBar("training");
  try {
    const onProgress = ({ step, loss }: { step: number; loss: number }) =>
      bar.update(step, steps + 1, `· loss ${loss.toFixed(3)}`);
    const bytes = await recordStep({ ...order, warmSteps: steps, kernels: kernelBuild() }, { onProgress });
    await writeFileAtomically(out, bytes);
    bar.stop();
    console.log(out);
  } finally {
    bar.stop();
  }
}

/** `swat-sim time-to-accuracy`: what whole training runs take on machines, and how soon each method reaches an accuracy. */
import type { Command } from "commander";
import { readJsonFile } from "../io/file-source.ts";
import { studyTable } from "../report/whole-run/tables.ts";
import type { Shard } from "../studies/sweep/points.ts";
import { timeToAccuracy } from "../studies/whole-run/time-to-accuracy.ts";
import { integer, kernelBuild, shard } from "./options/options.ts";
import { listenForInterruption } from "./terminal/interruption.ts";
import { progressBar } from "./terminal/progress.ts";
import { warn } from "./terminal/warnings.ts";

interface StudyOptions {
  out: string;
  threads?: number;
  shard?: Shard;
  json?: true;
}

/** Adds its options and its action. */
export function addTimeToAccuracyCommand(command: Command): void {
  command
    .argument("<spec>", "runs and machines (.json)")
    .option("-o, --out <dir>", "folder for runs, simulated steps and the result", "out/time-to-accuracy")
    .option("--threads <count>", "worker threads; does not affect results (default: automatic)", integer(1))
    .option("--shard <i/n>", "train and simulate part i of n of the runs; then run it without this option", shard)
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim time-to-accuracy examples/time-to-accuracy.json --out out/study
  $ swat-sim report --study out/study/time-to-accuracy.json --html study.html

Running a study again does only what is missing; an interrupted run resumes. Runs made elsewhere are folders of traces
with a CSV of step,accuracy. See docs/whole-runs.md.`,
    )
    .action(runStudy);
}

async function runStudy(path: string, { json, ...options }: StudyOptions): Promise<void> {
  const interruption = listenForInterruption();
  const bar = progressBar("study");
  const kernels = kernelBuild();
  try {
    const { done, of, result, files } = await timeToAccuracy(
      { spec: await readJsonFile(path), where: path, ...options, ...(kernels === undefined ? {} : { kernels }) },
      {
        signal: interruption.signal,
        onProgress: (done, of, what) => bar.update(done, of, `· ${what}`),
        onWarning: (text) => warn(text),
      },
    );
    bar.stop();
    if (done < of) {
      console.error(
        `interrupted; ${done} of ${of} runs are finished and kept in ${options.out}; the same command does the others`,
      );
      interruption.exit();
    } else if (result === undefined) console.log(`${done} runs in ${options.out}`);
    else if (json) console.log(JSON.stringify(result));
    else console.log([studyTable(result), "", ...files].join("\n"));
  } finally {
    bar.stop();
    interruption.end();
  }
}

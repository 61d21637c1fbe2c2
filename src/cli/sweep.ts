/** `swat-sim sweep`: simulates every point of a space of machines and traces, recorded or synthetic, and picks the best of them. */
import type { Command } from "commander";
import { readJsonFile } from "../io/file-source.ts";
import { axisNamed, frontTable, paretoFront } from "../report/sweep/pareto.ts";
import type { SweepPoint } from "../report/sweep/sweep-points.ts";
import type { Shard } from "../studies/sweep/points.ts";
import { mergedPoints, readSweep, writeSweep } from "../studies/sweep/points-file.ts";
import { runSweep } from "../studies/sweep/run-sweep.ts";
import { ALLOW_UNEQUAL, BASELINE, type BaselineOptions, integer, shard } from "./options/options.ts";
import { listenForInterruption } from "./terminal/interruption.ts";
import { progressBar } from "./terminal/progress.ts";
import { warn } from "./terminal/warnings.ts";

interface SweepOptions extends BaselineOptions {
  out: string;
  threads?: number;
  shard?: Shard;
  json?: true;
}

interface PickOptions {
  x: string;
  y: string;
  json?: true;
}

/** Adds its options, its action, and the commands below it. */
export function addSweepCommand(sweep: Command): void {
  sweep
    // Options behind the name of a command below are that command's.
    .enablePositionalOptions()
    .argument("<spec>", "sweep spec (.json)")
    .option("-o, --out <dir>", "folder for the points and the result", "out/sweep")
    .option(...BASELINE)
    .option(...ALLOW_UNEQUAL)
    .option("--threads <count>", "worker threads; does not affect results (default: all cores)", integer(1))
    .option("--shard <i/n>", "simulate part i of n, for job arrays; combine the parts with sweep merge", shard)
    .option("--json", "print the result: one line of JSON for each point")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim sweep examples/sweep.json --out out/shapes
  $ swat-sim sweep pareto out/shapes/sweep.jsonl --x min:memory.dram.channels --y seconds
  $ swat-sim sweep examples/sweep-sparsity.json --out out/sparsity    # fields as synthetic.sparsity, of trace synth

Running a sweep again simulates only the missing points. --baseline and --allow-unequal override the keys of the spec. See docs/sweeps.md.`,
    )
    .action(runSweepCommand);
  sweep
    .command("merge")
    .description("Merge the points of several shards.")
    .argument("<dir...>", "output folders of the shards")
    .requiredOption("-o, --out <file>", "write the result")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim sweep examples/sweep.json --out out/wide --shard 1/3    # and 2/3, 3/3, anywhere
  $ swat-sim sweep merge out/wide -o sweep.jsonl`,
    )
    .action(async (folders: string[], { out }: { out: string }) => {
      const lines = await mergedPoints(folders);
      await writeSweep(out, lines);
      tellRefused(lines);
      console.log(`${lines.length} points in ${out}`);
    });
  sweep
    .command("pareto")
    .description("Print the Pareto front of two metrics.")
    .argument("<file>", "result of a sweep (.jsonl)")
    .requiredOption("--x <axis>", "a metric, or min:FIELD or max:FIELD of a swept field")
    .requiredOption("--y <axis>", "as --x")
    .option("--json", "print the points as lines of JSON")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim sweep pareto out/shapes/sweep.jsonl --x min:memory.dram.channels --y seconds`,
    )
    .action(pickFront);
}

async function runSweepCommand(path: string, { json, ...options }: SweepOptions): Promise<void> {
  const interruption = listenForInterruption();
  const bar = progressBar("sweep");
  try {
    const { done, of, file, lines } = await runSweep(
      {
        spec: await readJsonFile(path),
        where: path,
        ...options,
      },
      { signal: interruption.signal, onProgress: (done, of) => bar.update(done, of) },
    );
    bar.stop();
    if (done < of) {
      console.error(`interrupted; ${done} of ${of} points are kept in ${file}; the same command does the others`);
      interruption.exit();
    } else {
      tellRefused(lines);
      console.log(json ? lines.join("\n") : `${done} points in ${file}`);
    }
  } finally {
    bar.stop();
    interruption.end();
  }
}

/** Says on stderr how many points have no metrics, and why the first has none. */
function tellRefused(lines: readonly string[]): void {
  const errors = lines.flatMap((line) => (JSON.parse(line) as SweepPoint).error ?? []);
  if (errors.length > 0) warn(`${errors.length} of ${lines.length} points were refused; the first: ${errors[0]}`);
}

async function pickFront(file: string, { x: xName, y: yName, json }: PickOptions): Promise<void> {
  const points = await readSweep(file);
  const [x, y] = [axisNamed(xName, points), axisNamed(yName, points)];
  const front = paretoFront(points, x, y);
  console.log(json ? front.map((point) => JSON.stringify(point)).join("\n") : frontTable(front, x, y));
}

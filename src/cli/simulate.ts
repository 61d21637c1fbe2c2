/** `swat-sim simulate`: replays traces on machines and compares them with a dense baseline. */

import { type Command, Option } from "commander";
import { type SpilledRows, shownResult, withSpilledRows } from "../api/spilled-rows.ts";
import { simulateFilesInto } from "../api/workers/simulate-threads.ts";
import { writeFileAtomically, writeJsonFile } from "../io/atomic-file.ts";
import { jsonParts } from "../io/json-parts.ts";
import { resultCsvParts } from "../report/csv.ts";
import { COLUMN_NAMES, type ColumnName } from "../report/machine-columns.ts";
import { bandwidthTable } from "../report/tables/bandwidth-table.ts";
import { energyTable } from "../report/tables/energy-table.ts";
import { resultTable } from "../report/tables/result-table.ts";
import type { StreamedResult } from "../sim/result/result.ts";
import {
  ALLOW_UNEQUAL,
  BASELINE,
  type BaselineOptions,
  HW,
  integer,
  MACHINE,
  oneOf,
  share,
  TABLE_HINTS,
  uniqueList,
} from "./options/options.ts";
import { checkOutputs } from "./options/outputs.ts";
import { printParts } from "./terminal/output.ts";
import { progressBar } from "./terminal/progress.ts";
import { warn } from "./terminal/warnings.ts";

interface SimulateOptions extends BaselineOptions {
  hw: string[];
  machine?: string[];
  baselineTrace?: string[];
  explainBandwidth?: true;
  json?: true;
  out?: string;
  csv?: string;
  threads?: number;
  energy?: string;
  explainEnergy?: true;
  sample?: number;
  columns?: ColumnName[];
  sort?: ColumnName;
  wide?: true;
}

/** Adds its options and its action. */
export function addSimulateCommand(command: Command): void {
  command
    .argument("<trace...>", "recorded steps (.safetensors)")
    .option(...HW)
    .option(...MACHINE)
    .option(...BASELINE)
    .option(...ALLOW_UNEQUAL)
    .option("--baseline-trace <file...>", "steps of dense training, to show what the method adds")
    .addOption(
      new Option("--columns <names>", `columns of the table: ${COLUMN_NAMES.join(", ")}`)
        .argParser(uniqueList(oneOf(COLUMN_NAMES)))
        .conflicts("wide"),
    )
    .option(
      "--sort <column>",
      "column that orders the table, the best machine first (default: step)",
      oneOf(COLUMN_NAMES),
    )
    .option("--wide", "all columns, however wide the table")
    .option("--explain-bandwidth", "print the achieved share of peak DRAM bandwidth, with losses by cause")
    .option(
      "--energy <table>",
      "energy table for all machines: a name or a path (default: that of their configs, or 45nm)",
    )
    .option("--explain-energy", "print energy by component, and every constant with its source")
    .option("--json", "print the result as JSON")
    .option("-o, --out <file>", "write the result as JSON")
    .option("--csv <file>", "write one line for each machine, step and op, in the words and units of the table")
    .option("--threads <count>", "worker threads; does not affect results (default: automatic)", integer(1))
    .option(
      "--sample <share>",
      "simulate a stratified sample, as 25% or 0.25 of the images or channels, with 95 % confidence intervals (default: everything, exactly)",
      share,
    )
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim simulate out/fm/step-000938.safetensors --hw tensordash-4096 bit-tactical-4096 --csv layers.csv

Options that take several values take all that follow: name the traces first.`,
    )
    .action(runSimulate);
}

async function runSimulate(paths: string[], options: SimulateOptions): Promise<void> {
  await checkOutputs({ "--out": options.out, "--csv": options.csv }, [...paths, ...(options.baselineTrace ?? [])]);
  const bar = progressBar("simulating");
  const { hw, baseline, energy, baselineTrace: baselineTraces, machine: modules } = options;
  const sample = options.sample === undefined ? undefined : { share: options.sample, seed: "1" };
  const files = { traces: paths, baselineTraces, hw, modules, baseline, energy, sample };
  const settings = {
    allowUnequal: options.allowUnequal ?? false,
    threads: options.threads,
    onWarning: warn,
    onProgress: (done: number, of: number) => bar.update(done, of),
  };
  await withSpilledRows(options.out ?? options.csv, async (rows) => {
    const result = await simulateFilesInto(rows.newList, files, settings).finally(() => bar.stop());
    await write(result, rows, options);
  });
}

async function write(result: StreamedResult, rows: SpilledRows, options: SimulateOptions): Promise<void> {
  if (options.out !== undefined) await writeJsonFile(options.out, result);
  if (options.csv !== undefined) await writeFileAtomically(options.csv, resultCsvParts(result));
  if (options.json) {
    await printParts(jsonParts(result));
    return console.log();
  }
  const shown = shownResult(result, rows);
  const tables = [
    resultTable(shown, { columns: options.columns, sort: options.sort, wide: options.wide, hints: TABLE_HINTS }),
    ...(options.explainBandwidth ? [bandwidthTable(shown)] : []),
    ...(options.explainEnergy ? [energyTable(shown)] : []),
  ];
  console.log(tables.join("\n\n"));
}

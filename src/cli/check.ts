/** `swat-sim check record`, `check run` and `check bless`: cycle counts as a regression test. */

import { dirname, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { loadAccelerators, openMachines, openTraces } from "../api/open.ts";
import { withSpilledRows } from "../api/spilled-rows.ts";
import { simulateOpenedInto } from "../api/workers/simulate-threads.ts";
import type { SimulationSources } from "../api/workers/work.ts";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { allOf, InputError } from "../io/faults.ts";
import { resolveEnergyTable } from "../sim/energy/table.ts";
import { resolveMachine } from "../sim/hardware/machine.ts";
import type { StreamedResult } from "../sim/result/result.ts";
import type { NewRowList } from "../sim/result/row-list.ts";
import type { SimulationInput } from "../sim/simulate.ts";
import {
  type CheckedEnergy,
  type CheckFile,
  checkVersions,
  ENERGY_TOLERANCE,
  formatCheck,
  recordedCheck,
} from "../studies/check.ts";
import type { CheckVerdict } from "../studies/check-comparison.ts";
import { openCheck } from "../studies/check-file.ts";
import { checkXml, isChanged, verdictText } from "../studies/check-report.ts";
import { ALLOW_UNEQUAL, BASELINE, type BaselineOptions, HW, integer, MACHINE, numberIn } from "./options/options.ts";
import { checkOutputs } from "./options/outputs.ts";
import { progressBar } from "./terminal/progress.ts";
import { warned } from "./terminal/warnings.ts";

const THREADS = [
  "--threads <count>",
  "worker threads; does not affect counts (default: automatic)",
  integer(1),
] as const;

/** Adds the commands below it. */
export function addCheckCommand(check: Command): void {
  check.addHelpText(
    "after",
    "\nExample:\n  $ swat-sim check record traces/*.safetensors -o counts.json\n  $ swat-sim check run counts.json",
  );
  check
    .command("record")
    .description("Simulate and write every count to a check file.")
    .argument("<trace...>", "recorded steps (.safetensors)")
    .option(...HW)
    .option(...MACHINE)
    .option(...BASELINE)
    .option(...ALLOW_UNEQUAL)
    .option(...THREADS)
    .option("--energy [table]", "also keep energies: by this table (a name or a path), or by those of the configs")
    .addOption(
      new Option("--energy-tolerance <t>", "relative difference up to which energies are equal; counts are exact")
        .argParser(numberIn(0, 1))
        .default(ENERGY_TOLERANCE),
    )
    .requiredOption("-o, --out <file>", "check file to write (.json)")
    .addHelpText(
      "after",
      "\nExample:\n  $ swat-sim check record traces/*.safetensors --hw all --energy -o counts.json\n\nName the traces first.",
    )
    .action(record);
  check
    .command("run")
    .description("Simulate again and compare, counts exactly; exit 1 on a difference.")
    .argument("<file>", "check file")
    .option(...MACHINE)
    .option(...THREADS)
    .option("--junit <file>", "write the outcome as JUnit XML: a suite for each machine, a case for each op")
    .option("--json", "print the verdicts as JSON")
    .addHelpText("after", "\nExample:\n  $ swat-sim check run counts.json --junit counts.xml")
    .action(run);
  check
    .command("bless")
    .description("Simulate again, show what changed, and update the check file on request.")
    .argument("<file>", "check file")
    .option(...MACHINE)
    .option(...THREADS)
    .option("--yes", "write without asking")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim check bless counts.json
  $ swat-sim check bless counts.json --yes

Asks on a terminal; elsewhere it writes with --yes only, and exits 1 where there was something to write.`,
    )
    .action(bless);
}

/** What all three take. */
interface CommonOptions {
  machine?: string[];
  threads?: number;
}

interface RecordOptions extends CommonOptions, BaselineOptions {
  hw: string[];
  energy?: string | true;
  energyTolerance: number;
  out: string;
}

async function record(paths: string[], options: RecordOptions, command: Command): Promise<void> {
  const { energy: asked, energyTolerance: tolerance, machine: modules = [], threads } = options;
  if (asked === undefined && command.getOptionValueSource("energyTolerance") === "cli") {
    command.error("error: option '--energy-tolerance <t>' needs '--energy [table]'");
  }
  await checkOutputs({ "--out": options.out }, paths);
  const { hw, baseline: over, allowUnequal = false } = options;
  const table = asked === true ? undefined : asked;
  const [{ machines, energy, ...compared }, traces] = await allOf([
    openMachines({ hw, modules, baseline: over, energy: table }),
    openTraces(paths).then(warned),
  ]);
  const tables = asked === undefined ? [] : energy;
  const input = { traces, machines, ...compared, allowUnequal, energy: tables };
  const folder = dirname(resolve(options.out));
  const energies = tables.map((table) => ({ table, tolerance }));
  const relatives = paths.map((path) => relative(folder, resolve(path)).replaceAll("\\", "/"));
  const configs = Object.entries(compared).map(([key, { config }]) => [key, config]);
  await withSpilledRows(options.out, async ({ newList }) => {
    const result = await simulated(newList, input, { traces: paths, modules }, threads);
    const recorded = recordedCheck(result, relatives, energies, { ...Object.fromEntries(configs), allowUnequal });
    await writeFileAtomically(options.out, formatCheck(recorded));
  });
  const [baseline] = Object.values(compared).map(({ name }) => name);
  console.log(`${options.out}: machines ${machines.length}, traces ${paths.length}, baseline ${baseline}`);
}

async function run(file: string, options: CommonOptions & { json?: true; junit?: string }): Promise<void> {
  const verdicts = await simulateAgain(file, options, async ({ verdicts }) => verdicts);
  if (options.junit !== undefined) await writeFileAtomically(options.junit, checkXml(verdicts));
  if (options.json) console.log(JSON.stringify(verdicts));
  else for (const verdict of verdicts) console.log(verdictText(verdict));
  if (verdicts.some(({ differences }) => differences.length > 0)) process.exitCode = 1;
}

async function bless(file: string, options: CommonOptions & { yes?: true }): Promise<void> {
  await simulateAgain(file, options, (simulated) => update(file, simulated, options.yes ?? false));
}

async function update(file: string, simulated: SimulatedCheck, isAsked: boolean): Promise<void> {
  const { check, result, energies, verdicts } = simulated;
  const changed = verdicts.filter(isChanged);
  for (const verdict of changed) console.log(verdictText(verdict));
  if (changed.length === 0) {
    console.log(`${file}: nothing changed`);
  } else if (isAsked || (await isAgreed(`Write this into ${file}?`))) {
    const paths = check.traces.map(({ path }) => path);
    await writeFileAtomically(file, formatCheck(recordedCheck(result, paths, energies, check)));
    console.log(`${file}: written`);
  } else {
    console.log(`${file}: not written`);
    process.exitCode = 1;
  }
}

/** The answer of who sits at the terminal; no without one. */
async function isAgreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D end the terminal without an answer.
  const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
  try {
    return /^y(es)?$/i.test((await Promise.race([terminal.question(`${question} [y/N] `), closed])).trim());
  } finally {
    terminal.close();
  }
}

interface SimulatedCheck {
  readonly check: CheckFile;
  readonly result: StreamedResult;
  readonly energies: readonly (CheckedEnergy | undefined)[];
  readonly verdicts: readonly CheckVerdict[];
}

/** Reads a check file, simulates what it holds, and compares; rows can be read until `work` has ended. */
async function simulateAgain<Result>(
  file: string,
  { machine: modules = [], threads }: CommonOptions,
  work: (simulated: SimulatedCheck) => Promise<Result>,
): Promise<Result> {
  const { check, compare } = await openCheck(file);
  const folder = dirname(file);
  const paths = check.traces.map(({ path }) => resolve(folder, path));
  const [traces, known] = await allOf([openTraces(paths).then(warned), loadAccelerators(modules)]);
  traces.forEach(({ trace, sha256 }, index) => {
    if (sha256 !== check.traces[index].sha256) {
      throw new InputError([
        `${trace.name}: is not the trace that was recorded: SHA-256 ${sha256}, recorded ${check.traces[index].sha256}`,
      ]);
    }
  });
  const machines = check.machines.map(({ config }) => resolveMachine(config, `${file}: ${config.name}`, known));
  checkVersions(check, machines, file);
  const energies = check.machines.map(({ config, energy }) => {
    if (energy === undefined) return undefined;
    const { table, tolerance } = energy;
    return { table: resolveEnergyTable(table, `${file}: ${config.name}: energy.table`), tolerance };
  });
  const { baseline, commonBaseline, allowUnequal = false } = check;
  const input = {
    ...{ traces, machines, allowUnequal, energy: energies.map((energy) => energy?.table) },
    ...(baseline && { baseline: resolveMachine(baseline, `${file}: baseline`, known) }),
    ...(commonBaseline && { commonBaseline: resolveMachine(commonBaseline, `${file}: commonBaseline`, known) }),
  };
  return withSpilledRows(undefined, async ({ newList }) => {
    const result = await simulated(newList, input, { traces: paths, modules }, threads);
    return work({ check, result, energies, verdicts: await compare(result) });
  });
}

function simulated(
  newList: NewRowList,
  input: SimulationInput,
  sources: SimulationSources,
  threads: number | undefined,
): Promise<StreamedResult> {
  const bar = progressBar("simulating");
  return simulateOpenedInto(newList, input, sources, { threads, onProgress: bar.update }).finally(() => bar.stop());
}

/** `swat-sim check record`, `check run` and `check bless`: cycle counts as a regression test. */
import { dirname, relative, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Command, Option } from "commander";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { checkSchema } from "../io/faults.ts";
import { readJsonFile } from "../io/file-source.ts";
import { resolveEnergyTable } from "../sim/energy/table.ts";
import { resolveMachine } from "../sim/machine.ts";
import type { SimulationResult } from "../sim/result.ts";
import { type SimulationInput, simulate } from "../sim/simulate.ts";
import {
  type CheckedEnergy,
  type CheckFile,
  CheckSchema,
  checkFileOf,
  compareWithCheck,
  ENERGY_TOLERANCE,
  formatCheck,
} from "../studies/check.ts";
import { checkXml, isChanged, verdictText } from "../studies/check-report.ts";
import { loadAccelerators, loadEnergyTables, loadMachines, openTraces } from "../studies/inputs.ts";
import { numberIn } from "./options.ts";
import { progressBar } from "./progress.ts";
import { warned } from "./warnings.ts";

const MACHINE = [
  "--machine <module...>",
  "modules of accelerators of your own (.js), for the configs that name them",
] as const;

/** Adds the commands. */
export function addCheckCommand(program: Command): void {
  const check = program.command("check").description("Guard cycle counts against change.");
  check.addHelpText(
    "after",
    "\nExample:\n  $ swat-sim check record traces/*.safetensors -o counts.json\n  $ swat-sim check run counts.json",
  );
  check
    .command("record")
    .description("Simulate and keep every count in a check file.")
    .argument("<trace...>", "recorded steps (.safetensors)")
    .option("--hw <config...>", "names of shipped machines, paths of configs, or all", ["all"])
    .option(...MACHINE)
    .option("--energy [table]", "keep energies, too: by this table, a name or a path, or by those of the configs")
    .addOption(
      new Option("--energy-tolerance <t>", "relative difference up to which energies are equal; counts are exact")
        .argParser(numberIn(0, 1))
        .default(ENERGY_TOLERANCE),
    )
    .requiredOption("-o, --output <file>", "check file to write (.json)")
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
    .option("--junit <file>", "write the outcome as JUnit XML: a suite for each machine, a case for each op")
    .option("--json", "print the verdicts as JSON")
    .addHelpText("after", "\nExample:\n  $ swat-sim check run counts.json --junit counts.xml")
    .action(run);
  check
    .command("bless")
    .description("Simulate again, show what changed, and write it into the check file when told to.")
    .argument("<file>", "check file")
    .option(...MACHINE)
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

interface MachineOptions {
  machine?: string[];
}

interface RecordOptions extends MachineOptions {
  hw: string[];
  energy?: string | true;
  energyTolerance: number;
  output: string;
}

async function record(paths: string[], options: RecordOptions): Promise<void> {
  const machines = await loadMachines(options.hw, await loadAccelerators(options.machine ?? []));
  const { energy: asked, energyTolerance: tolerance } = options;
  const tables = asked === undefined ? [] : await loadEnergyTables(machines, asked === true ? undefined : asked);
  const result = await simulated({ traces: warned(await openTraces(paths)), machines, energy: tables });
  const folder = dirname(resolve(options.output));
  const energies = tables.map((table) => ({ table, tolerance }));
  const relatives = paths.map((path) => relative(folder, resolve(path)).replaceAll("\\", "/"));
  await writeFileAtomically(options.output, formatCheck(checkFileOf(result, relatives, energies)));
  console.log(`${options.output}: ${machines.length} machines, ${paths.length} traces`);
}

async function run(file: string, options: MachineOptions & { json?: true; junit?: string }): Promise<void> {
  const { check, result } = await simulateAgain(file, options);
  const verdicts = compareWithCheck(check, result);
  if (options.junit !== undefined) await writeFileAtomically(options.junit, checkXml(verdicts));
  if (options.json) console.log(JSON.stringify(verdicts));
  else for (const verdict of verdicts) console.log(verdictText(verdict));
  if (verdicts.some(({ differences }) => differences.length > 0)) process.exitCode = 1;
}

async function bless(file: string, options: MachineOptions & { yes?: true }): Promise<void> {
  const { check, result, energies } = await simulateAgain(file, options);
  const changed = compareWithCheck(check, result).filter(isChanged);
  for (const verdict of changed) console.log(verdictText(verdict));
  if (changed.length === 0) {
    console.log(`${file}: nothing changed`);
  } else if (options.yes || (await isAgreed(`Write this into ${file}?`))) {
    const paths = check.traces.map(({ path }) => path);
    await writeFileAtomically(file, formatCheck(checkFileOf(result, paths, energies)));
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
  readonly result: SimulationResult;
  readonly energies: readonly (CheckedEnergy | undefined)[];
}

/** Reads a check file and simulates what it holds. */
async function simulateAgain(file: string, { machine: modules = [] }: MachineOptions): Promise<SimulatedCheck> {
  const check = checkSchema(CheckSchema, await readJsonFile(file), file);
  const folder = dirname(file);
  const traces = warned(await openTraces(check.traces.map(({ path }) => resolve(folder, path))));
  traces.forEach(({ trace, sha256 }, index) => {
    if (sha256 !== check.traces[index].sha256) {
      throw new Error(
        `${trace.name}: is not the trace that was recorded: SHA-256 ${sha256}, recorded ${check.traces[index].sha256}`,
      );
    }
  });
  const known = await loadAccelerators(modules);
  const machines = check.machines.map(({ config }) => resolveMachine(config, `${file}: ${config.name}`, known));
  const energies = check.machines.map(({ config, energy }) => {
    if (energy === undefined) return undefined;
    const { table, tolerance } = energy;
    return { table: resolveEnergyTable(table, `${file}: ${config.name}: energy.table`), tolerance };
  });
  const result = await simulated({ traces, machines, energy: energies.map((energy) => energy?.table) });
  return { check, result, energies };
}

function simulated(input: SimulationInput): Promise<SimulationResult> {
  const bar = progressBar("simulating");
  return simulate({ ...input, onProgress: (done, of) => bar.update(done, of) }).finally(() => bar.stop());
}

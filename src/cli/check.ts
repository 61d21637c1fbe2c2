/** `swat-sim check record` and `check run`: cycle counts as a regression test. */
import { dirname, relative, resolve } from "node:path";
import type { Command } from "commander";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { checkSchema } from "../io/faults.ts";
import { readJsonFile } from "../io/file-source.ts";
import { accelerators } from "../sim/accelerators/index.ts";
import { resolveMachine } from "../sim/machine.ts";
import { simulate } from "../sim/simulate.ts";
import { CheckSchema, type CheckVerdict, checkFileOf, compareWithCheck, formatCheck } from "../studies/check.ts";
import { loadMachines, openTraces } from "../studies/inputs.ts";
import { warned } from "./warnings.ts";

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
    .requiredOption("-o, --output <file>", "check file to write (.json)")
    .addHelpText("after", "\nExample:\n  $ swat-sim check record traces/*.safetensors --hw all -o counts.json")
    .action(record);
  check
    .command("run")
    .description("Simulate again and compare exactly; exit 1 on a difference.")
    .argument("<file>", "check file")
    .option("--json", "print the verdicts as JSON")
    .addHelpText("after", "\nExample:\n  $ swat-sim check run counts.json")
    .action(run);
}

async function record(paths: string[], options: { hw: string[]; output: string }): Promise<void> {
  const machines = await loadMachines(options.hw);
  const result = await simulate({ traces: warned(await openTraces(paths)), machines });
  const folder = dirname(resolve(options.output));
  const relatives = paths.map((path) => relative(folder, resolve(path)).replaceAll("\\", "/"));
  await writeFileAtomically(options.output, formatCheck(checkFileOf(result, relatives)));
  console.log(`${options.output}: ${machines.length} machines, ${paths.length} traces`);
}

async function run(file: string, options: { json?: true }): Promise<void> {
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
  const machines = check.machines.map(({ config }) => resolveMachine(config, `${file}: ${config.name}`, accelerators));
  const verdicts = compareWithCheck(check, await simulate({ traces, machines }));
  if (options.json) console.log(JSON.stringify(verdicts));
  else for (const verdict of verdicts) for (const line of describe(verdict)) console.log(line);
  if (verdicts.some(({ differences }) => differences.length > 0)) process.exitCode = 1;
}

function describe({ machine, recordedVersion, modelVersion, compared, differences }: CheckVerdict): string[] {
  const changed =
    modelVersion > recordedVersion ? `model changed: version ${recordedVersion} to ${modelVersion}` : null;
  if (differences.length === 0)
    return [`${machine}: ${compared} counts equal${changed === null ? "" : `; ${changed}`}`];
  const kind = changed ?? "regression";
  return [
    `${machine}: ${kind}: ${differences.length} of ${compared} counts differ`,
    ...differences.map(
      ({ op, counter, expected, actual }) => `  ${op} ${counter}: ${expected ?? "not recorded"} → ${actual ?? "gone"}`,
    ),
  ];
}

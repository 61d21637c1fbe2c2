#!/usr/bin/env node
/** The command line. One file a command; this one puts them together, and is where every error ends. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { faultsOf } from "../io/faults.ts";
import { addCheckCommand } from "./check.ts";
import { addDemoCommand } from "./demo.ts";
import { addDramCommand } from "./dram.ts";
import { addExplainCommand } from "./explain.ts";
import { addFlopsCommand } from "./flops.ts";
import { addFootprintCommand } from "./footprint.ts";
import { addRecordCommand } from "./record.ts";
import { addReportCommand } from "./report.ts";
import { addSensitivityCommand } from "./sensitivity.ts";
import { addSimulateCommand } from "./simulate.ts";
import { addSweepCommand } from "./sweep.ts";
import { addTraceCommand } from "./trace.ts";
import { addTrainCommand } from "./train.ts";

const FAILED = 1;
const WRONG_USAGE = 2;

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

// A reader that has seen enough, as `head`, closes the pipe: no fault of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const program = new Command("swat-sim")
  .description(
    "What would sparse training gain on this hardware? Train with SWAT, record traces, replay them on accelerators.",
  )
  .version(version)
  .option("--debug", "print the stack of an error")
  .addHelpText(
    "after",
    `
Example:
  $ swat-sim train --record last --out out/run
  $ swat-sim simulate out/run/step-*.safetensors --hw all`,
  )
  .exitOverride()
  .configureHelp({ showGlobalOptions: true });

for (const add of [
  addDemoCommand,
  addTrainCommand,
  addRecordCommand,
  addTraceCommand,
  addSimulateCommand,
  addReportCommand,
  addExplainCommand,
  addCheckCommand,
  addFlopsCommand,
  addFootprintCommand,
  addSensitivityCommand,
  addSweepCommand,
  addDramCommand,
])
  add(program);
for (const command of program.commands) applyExitOverride(command);

try {
  await program.parseAsync();
} catch (error) {
  report(error);
}

function applyExitOverride(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) applyExitOverride(child);
}

function report(error: unknown): void {
  if (error instanceof CommanderError) {
    // commander has printed its message; help and version end with code 0.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
    return;
  }
  for (const line of faultsOf(error)) console.error(`error: ${line}`);
  if (program.opts<{ debug?: true }>().debug) console.error(error);
  process.exitCode = FAILED;
}

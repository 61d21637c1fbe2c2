/** The command line. One file a command; this one puts them together, and is where every error ends. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { faultsOf } from "../io/faults.ts";

/** What adds each command, in the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  demo: async () => (await import("./demo.ts")).addDemoCommand,
  train: async () => (await import("./train.ts")).addTrainCommand,
  record: async () => (await import("./record.ts")).addRecordCommand,
  trace: async () => (await import("./trace.ts")).addTraceCommand,
  simulate: async () => (await import("./simulate.ts")).addSimulateCommand,
  report: async () => (await import("./report.ts")).addReportCommand,
  explain: async () => (await import("./explain.ts")).addExplainCommand,
  check: async () => (await import("./check.ts")).addCheckCommand,
  flops: async () => (await import("./flops.ts")).addFlopsCommand,
  footprint: async () => (await import("./footprint.ts")).addFootprintCommand,
  sensitivity: async () => (await import("./sensitivity.ts")).addSensitivityCommand,
  sweep: async () => (await import("./sweep.ts")).addSweepCommand,
  paper: async () => (await import("./paper.ts")).addPaperCommand,
  dram: async () => (await import("./dram.ts")).addDramCommand,
};

const FAILED = 1;
const WRONG_USAGE = 2;
/** Allowed anywhere on the line. */
const DEBUG = "--debug";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/**
 * Runs the command that these arguments name, to its end; what fails is printed on stderr.
 * `process.exitCode` is set where it is not 0.
 */
export async function runCommand(args: readonly string[]): Promise<void> {
  const program = newProgram();
  // A process runs one command: it loads what belongs to that, and all of them only to tell about all.
  const asked = args.find((argument) => !argument.startsWith("-"));
  const wanted = asked !== undefined && Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS);
  for (const name of wanted) (await COMMANDS[name]())(program);
  for (const command of program.commands) applyExitOverride(command);
  try {
    await program.parseAsync(
      args.filter((argument) => argument !== DEBUG),
      { from: "user" },
    );
  } catch (error) {
    report(error, args.includes(DEBUG));
  }
}

function newProgram(): Command {
  const program: Command = new Command("swat-sim")
    .description(
      "What would sparse training gain on this hardware? Train with SWAT, record traces, replay them on accelerators.",
    )
    .version(version)
    .option(DEBUG, "print the stack of an error")
    // So that subcommands such as `sweep merge` keep options that `sweep` also has.
    .enablePositionalOptions()
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim train --record last --out out/run
  $ swat-sim simulate out/run/step-*.safetensors --hw all`,
    )
    .exitOverride()
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (command) =>
        command === program ? [] : program.options.filter(({ long }) => long === DEBUG),
    });
  return program;
}

function applyExitOverride(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) applyExitOverride(child);
}

function report(error: unknown, debug: boolean): void {
  if (error instanceof CommanderError) {
    // commander has printed its message; help and version end with code 0.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
    return;
  }
  for (const line of faultsOf(error)) console.error(`error: ${line}`);
  if (debug) console.error(error);
  process.exitCode = FAILED;
}

/** The command line. One file a command; this one runs them, and is where every error ends. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addCommands } from "./commands.ts";

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
  const [first, second] = args.filter((argument) => !argument.startsWith("-"));
  await addCommands(program, (name) => name === (first === "help" ? second : first));
  for (const command of program.commands) applyExitOverride(command);
  try {
    await program.parseAsync(
      args.filter((argument) => argument !== DEBUG),
      { from: "user" },
    );
  } catch (error) {
    await report(error, args.includes(DEBUG));
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
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
      visibleGlobalOptions: (command) =>
        command === program ? [] : program.options.filter(({ long }) => long === DEBUG),
    });
  return program;
}

function applyExitOverride(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) applyExitOverride(child);
}

async function report(error: unknown, debug: boolean): Promise<void> {
  if (error instanceof CommanderError) {
    // commander has printed its message; help and version end with code 0.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
    return;
  }
  const { faultsOf } = await import("../io/faults.ts");
  for (const line of faultsOf(error)) console.error(`error: ${line}`);
  if (debug) console.error(error);
  process.exitCode = FAILED;
}

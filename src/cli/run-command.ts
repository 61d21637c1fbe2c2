/** The command line. One file a command; this one runs them, and is where every error ends. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { visibleLines } from "../core/input/visible-text.ts";
import { addCommands } from "./commands.ts";
import { shieldConsole } from "./terminal/output.ts";

const FAILED = 1;
const WRONG_USAGE = 2;
/** EX_SOFTWARE of sysexits.h. */
const INTERNAL = 70;
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
  shieldConsole(console);
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
    await report(error, args);
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
    .configureOutput({
      writeOut: (text) => process.stdout.write(visibleLines(text)),
      writeErr: (text) => process.stderr.write(visibleLines(text)),
    })
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

/** Fields of the library, and what fills them in on the command line. */
const OPTIONS: Readonly<Record<string, string>> = {
  ...{ machines: "--hw", baseline: "--baseline", energy: "--energy", record: "--record", data: "--data" },
  ...{ layer: "--layer", axis: "--x" },
  kernels: "SWAT_SIM_KERNELS",
};

/** A fault that begins with a field that `args` or the environment gave, by their name for it. */
function inOptions(fault: string, args: readonly string[]): string {
  const [, field = "", rest] = /^(\w+): ((?:unknown|must|\S+ is not (?:comparable|a dense)) .*)$/s.exec(fault) ?? [];
  const option = Object.hasOwn(OPTIONS, field) ? OPTIONS[field] : undefined;
  if (option === undefined) return fault;
  return option in process.env || isGiven(option, args)
    ? `${option}: ${rest.replace("allowUnequal", "--allow-unequal")}`
    : fault;
}

function isGiven(option: string, args: readonly string[]): boolean {
  return args.some((given) => given.split("=")[0] === option);
}

async function report(error: unknown, args: readonly string[]): Promise<void> {
  if (error instanceof CommanderError) {
    // commander has printed its message; help and version end with code 0.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
    return;
  }
  const { faultsOf, InputError, isInternal } = await import("../io/faults.ts");
  if (isInternal(error)) {
    console.error(`error: internal error of swat-sim ${version}; please report it, with the command and these lines:`);
    console.error(error.stack);
    process.exitCode = INTERNAL;
    return;
  }
  for (const line of faultsOf(error)) console.error(`error: ${inOptions(line, args)}`);
  if (args.includes(DEBUG)) console.error(error);
  const unknownNames = error instanceof InputError ? error.unknownNames : [];
  const isMisspelled = unknownNames.some((field) => Object.hasOwn(OPTIONS, field) && isGiven(OPTIONS[field], args));
  process.exitCode = isMisspelled ? WRONG_USAGE : FAILED;
}

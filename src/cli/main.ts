#!/usr/bin/env node
import { runCommand } from "./run-command.ts";
/** The program: a process that runs one command. */
import { guardOutput } from "./terminal/output.ts";

guardOutput(process.stdout, (message) => {
  console.error(`error: stdout: cannot be written: ${message}`);
  process.exitCode = 1;
});
guardOutput(process.stderr, () => {});

await runCommand(process.argv.slice(2));

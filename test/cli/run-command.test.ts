/** Where every error of a command ends. */
import type { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { runCommand } from "../../src/cli/run-command.ts";
import { hasStack } from "./program.ts";

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

/** The exit code of a command that throws, and what it prints. */
async function outcomeOf(thrown: unknown) {
  const lines: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
  vi.spyOn(COMMANDS.demo, "load").mockResolvedValue((command: Command) => {
    command.action(() => {
      throw thrown;
    });
  });
  await runCommand(["demo"]);
  return { code: process.exitCode, lines };
}

describe("a bug of the program exits with 70 and its stack, apart from faults of the input", () => {
  it.each<[string, unknown]>([
    ["a TypeError", new TypeError("x is not a function")],
    ["a RangeError", new RangeError("Invalid array length")],
    ["an error that nobody expected", new Error("cannot happen")],
  ])("%s", async (_, thrown) => {
    const { code, lines } = await outcomeOf(thrown);
    expect(lines[0]).toMatch(/^error: internal error of swat-sim [\d.]+; please report it/);
    expect(hasStack(lines[1])).toBe(true);
    expect(code).toBe(70);
  });

  it.each<[string, unknown, string]>([
    [
      "a full disk",
      Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" }),
      "ENOSPC: no space left on device",
    ],
    [
      "too little memory",
      new RangeError("Array buffer allocation failed"),
      "needs more memory than this process can have",
    ],
  ])("%s is none", async (_, thrown, reason) => {
    expect(await outcomeOf(thrown)).toEqual({ code: 1, lines: [`error: ${reason}`] });
  });
});

/** What the commands take and say, in this process. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { addCommands, COMMANDS } from "../../../src/cli/commands.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { SWAT_DENSITIES, traceBytes } from "../../support/make-trace.ts";

let told = "";

/** All commands, which throw where they would exit. */
async function program(): Promise<Command> {
  told = "";
  const all = new Command("swat-sim").enablePositionalOptions();
  await addCommands(all, () => true);
  for (const command of [all, ...below(all)]) {
    command.exitOverride().configureOutput({
      writeErr: (text) => {
        told += text;
      },
    });
  }
  return all;
}

function below(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...below(child)]);
}

it("what a command writes is named by -o, --out in all that have one thing to write", async () => {
  const outputs = below(await program()).flatMap(({ options }) =>
    options.filter(({ long }) => /^--out/.test(long ?? "")),
  );
  expect(outputs.length).toBeGreaterThan(12);
  for (const { flags } of outputs) expect(flags).toMatch(/^-o, --out <(file|dir)>$/);
});

it("only the command that runs is loaded", async () => {
  const all = new Command("swat-sim");
  await addCommands(all, (name) => name === "flops");
  expect(all.commands.filter(({ options }) => options.length > 0).map((command) => command.name())).toEqual(["flops"]);
});

it("the list of commands says of each what it says itself", async () => {
  expect((await program()).commands.map((command) => [command.name(), command.usage()])).toEqual(
    Object.entries(COMMANDS).map(([name, { usage }]) => [name, usage]),
  );
});

describe("wrong usage", () => {
  const STEP = ["--network", "resnet8", "--method", "dense", "--sparsity", "0.5", "-o", "x"];
  it.each([
    [["trace", "synth", ...STEP], /'--sparsity <s>' needs a sparse '--method <name>', got 'dense'/],
    [["record", "--data", "generated", ...STEP], /'--sparsity <s>' needs a sparse '--method <name>', got 'dense'/],
    [["check", "record", "t", "-o", "x", "--energy-tolerance", "0.1"], /'--energy-tolerance <t>' needs '--energy/],
    [["sweep", "merge", "folder", "-o", "x", "--threads", "2"], /unknown option '--threads'/],
    [["sweep", "pareto", "file", "--x", "cycles", "--y", "cycles", "--shard", "1/2"], /unknown option '--shard'/],
  ])("%j", async (args, message) => {
    await expect((await program()).parseAsync(args, { from: "user" })).rejects.toThrow();
    expect(told).toMatch(message);
  });
});

describe("trace", () => {
  /** What a command prints on stdout and stderr. */
  async function printed(...args: string[]): Promise<{ out: string; error: string }> {
    const [out, error] = (["log", "error"] as const).map((name) =>
      vi.spyOn(console, name).mockImplementation(() => {}),
    );
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    await (await program()).parseAsync(["trace", ...args], { from: "user" });
    const text = ({ mock }: typeof out) => mock.calls.map((call) => `${call[0]}\n`).join("");
    return { out: text(out), error: text(error) };
  }

  it("synth --like says what a step without masks does not tell, but for what is asked for", async () => {
    const path = join(await temporaryFolder(), "like.safetensors");
    const step = ["--network", "lenet5", "--images", "12x12x1", "--batch", "1", "--channel-spread", "0.3", "-o", path];
    const { error } = await printed("synth", ...step, "--like", "traces/resnet8-dense.safetensors");
    expect(error).toBe(
      "warning: traces/resnet8-dense.safetensors: has no masks to measure --filter-spread, --slice-spread, --saved-offsets, --saved-image-offsets, --saved-plane-offsets, --saved-place-offsets, --saved-channel-place-offsets, --saved-common; taken as fitted to recorded steps\n",
    );
  });

  it("stats and inspect keep names on one line", async () => {
    const path = join(await temporaryFolder(), "names.safetensors");
    await writeFile(path, traceBytes(SWAT_DENSITIES, "names", { network: "one\ntwo" }));
    for (const command of ["stats", "inspect"]) expect((await printed(command, path)).out).toContain("one\\u000atwo");
  });
});

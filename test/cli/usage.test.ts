import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { ended, hasStack, linesOf, swatSim, swatSimProcess } from "./program.ts";

describe("--help", () => {
  for (const command of [
    "",
    "demo",
    "train",
    "trace",
    "trace inspect",
    "trace verify",
    "trace import",
    "trace import npy",
    "trace import scalesim",
    "simulate",
    "report",
    "explain",
    "check",
    "check record",
    "check run",
    "check bless",
    "flops",
    "paper",
    "dram",
  ]) {
    it.concurrent(`of "swat-sim ${command}" shows how to use it, with an example`, async ({ expect }) => {
      const called = `swat-sim ${command}`.trim();
      const { code, stdout, stderr } = await swatSim([...called.split(" ").slice(1), "--help"]);
      expect(stdout).toContain(`Usage: ${called} `);
      expect(stdout.split("Example:\n")[1]).toMatch(new RegExp(`^  \\$ ${called} `));
      expect(stderr).toBe("");
      expect(code).toBe(0);
    });
  }
});

describe("wrong usage exits with 2 and says what is wrong", () => {
  const WRONG: Record<string, [args: string[], message: RegExp]> = {
    "an unknown option": [["train", "--epoch", "3"], /unknown option '--epoch'\n.*--epochs/],
    "a number that is none": [["train", "--epochs", "three"], /'--epochs <n>' argument 'three' is invalid/],
    "an empty number": [["train", "--seed", ""], /'--seed <n>' argument '' is invalid/],
    "a number outside its range": [["train", "--sparsity", "1"], /'--sparsity <s>' .* at least 0 and less than 1/],
    "an unknown word": [["train", "--network", "vgg"], /'--network <name>' .* known: resnet8, resnet20/],
    "a selection of steps that is none": [["train", "--record", "often"], /'--record <steps>' .* known: last, every:N/],
    "drops of dense training": [
      ["train", "--method", "dense", "--drop", "weights:forward"],
      /'--drop <operands>' cannot be used with method dense/,
    ],
    "a rate and a list of rates": [
      ["train", "--learning-rate", "0.1", "--schedule", "0:0.05"],
      /'--learning-rate <rate>' cannot be used with a list of rates in '--schedule <schedule>'/,
    ],
    "an unknown command": [["simulat"], /unknown command 'simulat'\n.*simulate/],
    "a missing argument": [["simulate"], /missing required argument 'trace'/],
    "a missing option": [["check", "record", "some.safetensors"], /required option '-o, --out <file>'/],
    "a report of nothing": [["report", "--html", "r.html"], /missing a result, --sweep <file> or --study <file>/],
    "a report to nowhere": [["report", "r.json"], /missing --html <file>, --svg <dir> or --csv <file>/],
    "no command at all": [[], /Usage: swat-sim/],
  };
  for (const [what, [args, message]] of Object.entries(WRONG)) {
    it.concurrent(what, async ({ expect }) => {
      const { code, stdout, stderr } = await swatSim(args);
      expect(stderr).toMatch(message);
      expect(stdout).toBe("");
      expect(code).toBe(2);
    });
  }
});

describe("a misspelled name exits with 2, whatever the command, and a bad file with 1", () => {
  const TRACE = "traces/resnet8-swat-u90.safetensors";
  const SIMULATE = ["simulate", TRACE];
  const CHECK = ["check", "record", TRACE, "-o", "/proc/nowhere/counts.json"];
  it.concurrent.each<[option: string, args: string[]]>([
    ["--hw", [...SIMULATE, "--hw", "sigm-4096"]],
    ["--hw", [...SIMULATE, "--hw", "missing.json"]],
    ["--hw", ["explain", TRACE, "--hw", "sigm-4096"]],
    ["--hw", [...CHECK, "--hw", "sigm-4096"]],
    ["--hw", ["paper", "--hw", "sigm-4096"]],
    ["--hw", ["footprint", "--network", "resnet20", "--hw", "sigm-4096"]],
    ["--hw", ["sensitivity", "--hw", "sigm-4096", "-o", "/proc/nowhere"]],
    ["--baseline", [...SIMULATE, "--baseline", "dadianao"]],
    ["--baseline", ["explain", TRACE, "--hw", "sigma", "--baseline", "dadianao"]],
    ["--baseline", [...CHECK, "--baseline", "dadianao"]],
    ["--baseline", ["sweep", "examples/sweep.json", "--baseline", "dadianao", "-o", "/proc/nowhere"]],
    ["--baseline", ["paper", "--baseline=dadianao"]],
    ["--energy", [...SIMULATE, "--energy", "6nm"]],
    ["--energy", [...CHECK, "--energy", "6nm"]],
    ["--data", ["train", "--data", "mnits:data", "-o", "/proc/nowhere"]],
    ["--data", ["record", "--network", "resnet8", "--data", "mnits:data", "-o", "/proc/nowhere"]],
    ["--data", ["sensitivity", "--data", "mnits:data", "-o", "/proc/nowhere"]],
    ["--network", ["flops", "--network", "resnet9"]],
    ["--method", ["train", "--method", "swat"]],
    ["--layer", ["explain", TRACE, "--hw", "sigma", "--layer", "layer1"]],
  ])("%s of %j", async (option, args) => {
    const { code, stdout, stderr } = await swatSim(args);
    expect(stderr).toMatch(option === "--layer" ? /did you mean/ : new RegExp(`${option}|missing.json: no such file`));
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it.concurrent.each<[what: string, args: string[]]>([
    ["config", [...SIMULATE, "--hw", "package.json"]],
    ["baseline", [...SIMULATE, "--baseline", "package.json"]],
    ["energy table", [...SIMULATE, "--energy", "./package.json"]],
    ["trace", ["simulate", "missing.safetensors"]],
    ["folder of data", ["train", "--data", "mnist:/nowhere", "-o", "/proc/nowhere"]],
  ])("a bad %s exits with 1", async (_, args) => {
    expect((await swatSim(args)).code).toBe(1);
  });

  it.concurrent("all names and files are checked before any work, and their faults told at once", async () => {
    const { code, stderr } = await swatSim(
      ["simulate", "missing.safetensors", "--hw", "sigm-4096", "--baseline", "dadianao", "--energy", "6nm"].concat(
        "--baseline-trace",
        "gone.safetensors",
      ),
    );
    expect(linesOf(stderr).map((line) => line.replace(/, got.*/, ""))).toEqual([
      "error: --hw: unknown machine",
      "error: --baseline: unknown machine",
      "error: --energy: unknown energy table",
      "error: missing.safetensors: no such file",
      "error: gone.safetensors: no such file",
    ]);
    expect(code).toBe(2);
  });
});

describe("a fault of the input exits with 1 and one line", () => {
  it.concurrent("for each file that is missing, without a stack", async ({ expect }) => {
    const { code, stdout, stderr } = await swatSim(["trace", "verify", "missing.safetensors", "gone.safetensors"]);
    expect(linesOf(stderr)).toEqual([
      "error: missing.safetensors: no such file",
      "error: gone.safetensors: no such file",
    ]);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it.concurrent("with --debug, followed by the stack of where it arose", async ({ expect }) => {
    const { code, stderr } = await swatSim(["simulate", "missing.safetensors", "--debug"]);
    expect(linesOf(stderr)[0]).toBe("error: missing.safetensors: no such file");
    expect(hasStack(stderr)).toBe(true);
    expect(stderr).toContain("ENOENT");
    expect(code).toBe(1);
  });

  it.concurrent("for an unknown kernel build, before anything is written", async ({ expect }) => {
    const { code, stdout, stderr } = await swatSim(["train", "--out", "/proc/nowhere"], {
      env: { SWAT_SIM_KERNELS: "nonsense" },
    });
    expect(stderr).toMatch(/^error: SWAT_SIM_KERNELS: unknown kernel build, got "nonsense".*; known: .*js.*\n$/);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it.concurrent("for each file of a data set that is missing", async ({ expect }) => {
    const directory = await mkdtemp(join(tmpdir(), "swat-sim-usage-"));
    const counts: [data: string, lines: number][] = [
      ["mnist", 4],
      ["cifar10", 2],
      ["cifar100", 2],
    ];
    for (const [data, lines] of counts) {
      const { code, stderr } = await swatSim(["train", "--data", `${data}:${directory}`]);
      expect(linesOf(stderr)).toHaveLength(lines);
      for (const line of linesOf(stderr)) expect(line).toMatch(/^error: .*missing, got n/);
      expect(code).toBe(1);
    }
    for (const folder of ["train/cat", "val/dog", "val/cow"]) await mkdir(join(directory, folder), { recursive: true });
    const { stderr } = await swatSim(["train", "--data", `images:${directory}`]);
    expect(linesOf(stderr)).toHaveLength(2);
    await rm(directory, { recursive: true });
  });

  it.concurrent("for a file of settings that is a folder", async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), "swat-sim-usage-"));
    const path = join(folder, "run.yaml");
    await mkdir(path);
    const { code, stderr } = await swatSim(["train", "--schedule", path]);
    expect(stderr).toBe(`error: ${path}: cannot be read, got a directory, not a file\n`);
    expect(code).toBe(1);
    await rm(folder, { recursive: true });
  });

  it.concurrent("for a data set that is not there", async ({ expect }) => {
    const { code, stderr } = await swatSim(["train", "--data", "mnist:/nowhere/mnist"]);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/^error: \/nowhere\/mnist: /);
    expect(code).toBe(1);
  });
});

it.concurrent("--version is that of the package", async ({ expect }) => {
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  expect(await swatSim(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

describe("a process of its own", () => {
  it.skipIf(!existsSync("/dev/full"))("ends with 1 and one line where what it prints finds no room", async () => {
    const full = await open("/dev/full", "w");
    const child = spawn(process.execPath, [inject("program"), "flops", "--network", "resnet20"], {
      stdio: ["ignore", full.fd, "pipe"],
    });
    const outcome = await ended(child, ["stderr"]);
    await full.close();
    expect(outcome.code).toBe(1);
    expect(linesOf(outcome.stderr)).toEqual([
      expect.stringMatching(/^error: stdout: cannot be written: the disk is full; .* \(ENOSPC\)$/),
    ]);
  });

  it.each([
    [0, ["--version"]],
    [0, ["flops", "--help"]],
    [1, ["trace", "verify", "missing.safetensors", "gone.safetensors"]],
    [2, ["simulate", "--threads", "0"]],
  ])("ends with %i after %j, and prints where and what the command does inside the test", async (code, args) => {
    const outcome = await swatSimProcess(args);
    expect(outcome.code).toBe(code);
    expect(outcome).toEqual(await swatSim(args));
  });
});

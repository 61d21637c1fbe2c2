import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesizeTrace, writeTrace } from "../../src/index.ts";
import { rankedMachines } from "../../src/sim/result/ranking.ts";
import type { MachineResult } from "../../src/sim/result/result.ts";
import { damaged, fileBytes, handMade, macOp, type Parts } from "../support/hand-made.ts";
import { ended, linesOf, start, swatSim, swatSimProcess } from "./program.ts";

const SHIPPED = "hw-configs";
const TRACE = "hand.safetensors";
/** Steps of a small network, with every kind of op. */
const STEPS = { swat: "swat.safetensors", dense: "dense.safetensors" };
const STEP = { network: "resnet8", images: [1, 8, 8], batch: 4 } as const;

let cwd = "";

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-simulate-"));
  await write(TRACE, fileBytes(handMade()));
  await writeTrace(join(cwd, STEPS.swat), synthesizeTrace({ ...STEP, sparsity: 0.9 }));
  await writeTrace(join(cwd, STEPS.dense), synthesizeTrace({ ...STEP, method: "dense" }));
});
afterAll(() => rm(cwd, { recursive: true }));

const write = (name: string, content: string | Uint8Array) => writeFile(join(cwd, name), content);
const simulate = (...args: string[]) => swatSim(["simulate", ...args], { cwd });

/** Writes a shipped config under another name, with changes. */
async function writeConfig(name: string, from: string, change: (config: Config) => void): Promise<void> {
  const config: Config = JSON.parse(await readFile(join(SHIPPED, `${from}.json`), "utf8"));
  config.name = name;
  change(config);
  await write(`${name}.json`, JSON.stringify(config, null, 2));
}

interface Config {
  name: string;
  clock: unknown;
  params: Record<string, unknown>;
  memory: { onChip?: unknown; levels?: unknown; dram: Record<string, unknown> };
}

describe("simulate", () => {
  it("runs every shipped machine and prints the result as JSON, the same bytes each time and in the file", async () => {
    const names = (await readdir(SHIPPED))
      .filter((file) => file.endsWith(".json"))
      .map((file) => basename(file, ".json"));
    const [one, two] = await Promise.all([
      simulate(TRACE, "--hw", ...names, "--json", "--out", "new/result.json", "--csv", "new/layers.csv"),
      swatSimProcess(["simulate", TRACE, "--hw", ...names, "--json"], { cwd }),
    ]);
    expect(one).toEqual({ code: 0, stdout: one.stdout, stderr: "" });
    expect(two).toEqual(one);
    const result = JSON.parse(one.stdout);
    expect(result.machines.map(({ name }: Config) => name).sort()).toEqual(names.sort());
    expect(result.machines.map(({ name }: Config) => name)).toEqual(
      rankedMachines(result.machines as MachineResult[]).map(({ name }) => name),
    );
    expect(JSON.parse(await readFile(join(cwd, "new/result.json"), "utf8"))).toEqual(result);
    const lines = linesOf(await readFile(join(cwd, "new/layers.csv"), "utf8"));
    // A header, and for each machine the four ops of the trace and what the method costs.
    expect(lines).toHaveLength(
      1 + result.machines.reduce((sum: number, { rows }: { rows: object[] }) => sum + rows.length, 0),
    );
    for (const { rows } of result.machines) {
      const ofTrace = rows.filter(({ kind }: { kind: string }) => kind !== "select" && kind !== "transpose");
      expect(ofTrace).toHaveLength(4);
    }
    const width = lines[0].split(",").length;
    for (const line of lines) expect(line.split(",")).toHaveLength(width);
    // Forward: K · P · Q · N · C · R · S dense MACs.
    for (const { rows } of result.machines) {
      const forward = rows.find(({ kind }: { kind: string }) => kind === "conv");
      expect(forward.macs.dense).toBe(2 * 2 * 2 * 2 * 3 * 2 * 2);
    }
  });

  it("gives the same bytes on any number of threads, baselines and all", async () => {
    const hw = ["--hw", "tensordash-4096", "systolic"];
    const args = [STEPS.swat, "--baseline-trace", STEPS.dense, ...hw, "--json"];
    const [one, three] = await Promise.all(["1", "3"].map((threads) => simulate(...args, "--threads", threads)));
    expect(one.code).toBe(0);
    expect(three).toEqual(one);
  });

  it("draws the same sample on any number of threads, and takes a share as a percentage too", async () => {
    const args = [STEPS.swat, "--baseline-trace", STEPS.dense, "--hw", "scnn", "--json", "--sample"];
    const [one, two] = await Promise.all([
      simulate(...args, "40%", "--threads", "1"),
      simulate(...args, "0.4", "--threads", "2"),
    ]);
    expect(one.code).toBe(0);
    expect(two).toEqual(one);
    const { sample, machines } = JSON.parse(one.stdout);
    expect(sample).toEqual({ share: 0.4, seed: "1" });
    expect(machines[0].totals.training.ci95.speedupOverDenseTraining).toBeGreaterThan(0);
    for (const share of ["0", "40", "140%", "x", ""]) {
      const refused = await simulate(STEPS.swat, "--hw", "scnn", "--sample", share);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain("valid: a percentage as 25%");
    }
  });

  it("prints a table with a line for each machine", async () => {
    const { code, stdout, stderr } = await simulate(TRACE, "--hw", "tensordash-4096", "dadiannao");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^hand\.safetensors: one layer, by hand, step 7$/m);
    for (const name of ["tensordash-4096", "dadiannao"]) expect(stdout).toMatch(new RegExp(`^\\W*${name} `, "m"));
  });

  it("tells energy by the table asked for, and every constant with its source on request", async () => {
    const args = [TRACE, "--hw", "tensordash-4096", "--energy", "7nm"];
    const [plain, explained] = await Promise.all([simulate(...args), simulate(...args, "--explain-energy")]);
    expect({ code: explained.code, stderr: explained.stderr }).toEqual({ code: 0, stderr: "" });
    expect(explained.stdout.startsWith(plain.stdout.trimEnd())).toBe(true);
    expect(explained.stdout).toMatch(/^Energy table 7nm \(7 nm\): Jouppi/m);
    // 0.21 pJ for the multiplication and 0.38 pJ for the sum.
    expect(explained.stdout).toMatch(/^\W*mac\.bf16-fp32 +mac +0\.590 +pJ\/MAC +\[1\] *$/m);
    expect(explained.stdout).toMatch(/^\[1\] Jouppi .*Table 2/m);

    const refused = await simulate(TRACE, "--hw", "tensordash-4096", "--energy", "6nm");
    expect(refused.stderr).toMatch(
      /^error: --energy: unknown energy table, got "6nm"; did you mean "7nm"\? known: .*\n$/,
    );
    expect(refused.code).toBe(2);
  });

  it("ends in silence when its reader has closed the pipe", async () => {
    const child = start(["simulate", TRACE, "--hw", "dadiannao", "--json"], { cwd });
    const outcome = ended(child, ["stderr"]);
    child.stdout?.destroy();
    const { code, stderr } = await outcome;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("warns of a newer minor version and goes on", async () => {
    await write(
      "newer.safetensors",
      damaged(({ manifest }) => Object.assign(manifest, { version: "1.9", added: true })),
    );
    const { code, stdout, stderr } = await simulate("newer.safetensors", "--hw", "dadiannao", "--json");
    expect(stderr).toMatch(/^warning: newer\.safetensors: trace version 1\.9 is newer than 1\.3; .*\n$/);
    expect(JSON.parse(stdout).traces[0].name).toBe("newer.safetensors");
    expect(code).toBe(0);
  });
});

describe("a baseline", () => {
  it("of another peak is refused, and accepted with --allow-unequal", async () => {
    await writeConfig("fast", "dadiannao-4096", (config) => {
      config.clock = "2 GHz";
    });
    const args = [TRACE, "--hw", "fast.json", "--baseline", "dadiannao-4096", "--json", "--out", "unequal.json"];
    const refused = await simulate(...args);
    expect(linesOf(refused.stderr)).toHaveLength(1);
    // 4,096 MACs a cycle at 2 and at 1 GHz.
    expect(refused.stderr).toMatch(
      /^error: --baseline: dadiannao-4096 is not comparable with fast, which differs in peak \(MAC\/s\) 8192000000000 instead of 4096000000000, .*or --allow-unequal$/m,
    );
    expect(refused.stdout).toBe("");
    expect(refused.code).toBe(1);
    expect(await readdir(cwd)).not.toContain("unequal.json");

    const accepted = await simulate(...args, "--allow-unequal");
    expect(accepted.stderr).toBe("");
    expect(JSON.parse(accepted.stdout).baseline.machine).toBe("dadiannao-4096");
    expect(await readdir(cwd)).toContain("unequal.json");
  });

  it("trace of another batch size is refused", async () => {
    await write("dense-3.safetensors", damaged(denseBatch(3)));
    const { code, stdout, stderr } = await simulate(TRACE, "--baseline-trace", "dense-3.safetensors");
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/^error: dense-3\.safetensors: is not comparable with hand\.safetensors: .*batch size/);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it("trace of dense training gains nothing on a machine that skips and compresses nothing", async () => {
    await write("dense-2.safetensors", damaged(denseBatch(2)));
    const args = ["--baseline-trace", "dense-2.safetensors", "--hw", "dadiannao", "--json"];
    const { code, stdout } = await simulate(TRACE, ...args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).machines[0].totals.matmul.compute.speedupFromZeros).toBe(1);
    // It pays for the selection.
    expect(JSON.parse(stdout).machines[0].totals.training.speedupOverDenseTraining).toBeLessThanOrEqual(1);
  });
});

/** The hand-made step without a zero, for a batch of N images. */
function denseBatch(N: number): (parts: Parts) => void {
  return (parts) => {
    parts.stored = {};
    parts.manifest.tensors = parts.manifest.tensors.map(({ id, role, shape: [first, ...rest] }) => {
      const shape = [role === "weight" || role === "parameterGrad" ? first : N, ...rest];
      return { id, role, shape, nonzeros: shape.reduce((size, extent) => size * extent, 1) };
    });
    for (const index of [0, 2, 3] as const) macOp(parts, index).geometry.N = N;
    // What is saved is the input itself, which may stay on chip.
    macOp(parts, 3).operands.input = macOp(parts, 0).operands.input as string;
  };
}

describe("what is given twice", () => {
  it("is refused of traces before anything is written, whatever their paths", async () => {
    await write("copy.safetensors", fileBytes(handMade()));
    const args = [TRACE, "copy.safetensors", `./${TRACE}`, "--hw", "dadiannao", "--out", "twice.json"];
    const { code, stdout, stderr } = await simulate(...args);
    expect(linesOf(stderr)).toEqual([
      `error: copy.safetensors: is the same trace as ${TRACE}; valid: each trace once`,
      `error: ./${TRACE}: is the same trace as ${TRACE}; valid: each trace once`,
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(await readdir(cwd)).not.toContain("twice.json");
  });

  it("is one machine", async () => {
    const { code, stdout } = await simulate(TRACE, "--hw", "sigma-4096", "sigma-4096", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout).machines.map(({ name }: { name: string }) => name)).toEqual(["sigma-4096"]);
  });
});

describe("faulty input exits with 1, one line a fault, and leaves no file", () => {
  it("hardware configs", async () => {
    await writeConfig("keys", "tensordash-4096", (config) => {
      Object.assign(config, { clok: "1 GHz" });
      config.memory.dram.bandwith = "1 GB/s";
    });
    await writeConfig("units", "tensordash-4096", (config) => {
      config.clock = "3 bananas";
      config.memory.levels = undefined;
      config.memory.onChip = "-48 MiB";
      config.memory.dram = { bandwidth: "1 kg" };
      config.params.lanes = -16;
      config.params.lnaes = 16;
    });
    await writeConfig("other", "tensordash-4096", (config) => {
      config.name = "another";
    });
    await write("damaged.json", "{\n  'name': 1\n}");
    await write("list.json", "[]");
    const configs = ["keys", "units", "other", "damaged", "list"].map((name) => `${name}.json`);
    const before = await readdir(cwd);
    const { code, stdout, stderr } = await simulate(
      TRACE,
      "--hw",
      ...configs,
      "--out",
      "never.json",
      "--csv",
      "never.csv",
    );
    expect(linesOf(stderr).map((line) => line.replace(/; .*/, ""))).toEqual([
      'error: keys.json: unknown key, got "clok"',
      'error: keys.json: memory.dram: unknown key, got "bandwith"',
      'error: units.json: params: unknown key, got "lnaes"',
      "error: units.json: params.lanes: must be >= 1, got -16",
      'error: units.json: clock: is not a frequency, got "3 bananas"',
      'error: units.json: memory.onChip: must be finite and more than zero, got "-48 MiB"',
      'error: units.json: memory.dram.bandwidth: is not a bandwidth, got "1 kg"',
      'error: other.json: name must equal the file name, got "another"',
      expect.stringMatching(/^error: damaged\.json: is not JSON: /),
      "error: list.json: must be object, got []",
    ]);
    expect(stderr).toContain('got "clok"; did you mean "clock"? known: ');
    expect(stdout).toBe("");
    expect(code).toBe(1);
    expect(await readdir(cwd)).toEqual(before);
  });

  it("traces", async () => {
    const whole = fileBytes(handMade());
    const traces: Record<string, Uint8Array> = {
      cut: whole.subarray(0, whole.length - 3),
      shorter: whole.slice().fill(whole[0] - 1, 0, 1),
      beyond: whole.slice().fill(0xff, 0, 4),
      missing: damaged(({ manifest }) => (manifest.tensors[2].mask = "nowhere")),
      short: damaged(({ stored }) => Object.assign(stored["w.mask"], { shape: [2, 1], bytes: [1, 2] })),
      geometry: damaged((parts) => (macOp(parts, 0).geometry.C = 4)),
    };
    for (const [name, bytes] of Object.entries(traces)) await write(`${name}.safetensors`, bytes);
    const before = await readdir(cwd);
    const paths = Object.keys(traces).map((name) => `${name}.safetensors`);
    const { code, stdout, stderr } = await simulate(...paths, "--out", "never.json", "--csv", "never.csv");
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(/^error: cut\.safetensors: file is cut: /),
      expect.stringMatching(/^error: shorter\.safetensors: header of \d+ bytes is not JSON/),
      expect.stringMatching(
        /^error: beyond\.safetensors: header length points beyond the file, which is cut or corrupt, got 4294967295; valid: /,
      ),
      'error: missing.safetensors: tensor "w": mask "nowhere" is not in the file',
      'error: short.safetensors: tensor "w": mask "w.mask" must be U8 [2,2], got U8 [2,1]',
      'error: geometry.safetensors: ops.0 (conv forward): operands.input: geometry needs [2,4,3,3], got tensor "x" of [2,3,3,3]',
      'error: geometry.safetensors: ops.0 (conv forward): operands.weight: geometry needs [2,4,2,2], got tensor "w" of [2,3,2,2]',
    ]);
    expect(stdout).toBe("");
    expect(code).toBe(1);
    expect(await readdir(cwd)).toEqual(before);
  });

  it("masks that trace verify finds to be wrong, beside a trace that is right", async () => {
    await write(
      "wrong.safetensors",
      damaged(({ manifest }) => (manifest.tensors[2].nonzeros += 1)),
    );
    const { code, stdout, stderr } = await swatSim(["trace", "verify", TRACE, "wrong.safetensors"], { cwd });
    expect(stdout).toBe(`${TRACE}: ok, 3 masks, 4 ops\n`);
    expect(stderr).toMatch(/^error: wrong\.safetensors: tensor "w": mask has \d+ ones, got nonzeros \d+\n$/);
    expect(code).toBe(1);
  });
});

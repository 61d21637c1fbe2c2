/** Kinds of cases that the stored ones lack, made by altering one so that its right numbers are known. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import seedrandom from "seedrandom";
import { describe, expect, test } from "vitest";
import { readJsonFile } from "../../src/io/file-source.ts";
import { temporaryFolder } from "../support/folder.ts";
import { dnnsim } from "./dnnsim.ts";
import { alterJson, copyCases } from "./golden-copies.ts";
import { type CaseEntry, CountingTally, type Oracle, type OracleIndex, runCases } from "./oracle.ts";
import { safetensorsBytes } from "./safetensors-bytes.ts";
import { type GoldenTensor, readSafetensors } from "./safetensors-file.ts";
import { swat, swatOn } from "./swat.ts";

async function tallyOf(oracle: Oracle, dir: string): Promise<CountingTally> {
  const tally = new CountingTally();
  await runCases(oracle, dir, (await readJsonFile(join(dir, "index.json"))) as OracleIndex, tally);
  return tally;
}

const TRAJECTORY = "traj_resnet3x1_8_16_32";

/** Batch norm takes the mean away and with it any bias before it: the same run without these biases has the same numbers. */
test("a training run whose network has no convolution biases is compared whole", async () => {
  const names = [`${TRAJECTORY}_data`, `${TRAJECTORY}_swat_u0.9_p4`];
  const dir = await copyCases(await temporaryFolder(), "swat", names);
  await alterJson<{ cases: CaseEntry[] }>(join(dir, "index.json"), (index) => ({
    ...index,
    cases: index.cases.map((one) =>
      one.kind === "traj_data" ? { ...one, params: { ...(one.params as object), bias: false } } : one,
    ),
  }));
  const isConvolutionBias = (name: string) => name.endsWith(".bias") && !/linear|bn|shortcut\.1/.test(name);
  for (const name of names) {
    const path = join(dir, `${name}.safetensors`);
    const kept = new Map([...(await readSafetensors(path))].filter(([tensor]) => !isConvolutionBias(tensor)));
    await writeFile(path, safetensorsBytes(kept));
  }
  const tally = await tallyOf(swatOn(["simd"]), dir);
  expect(tally.differences).toEqual([]);
  expect([...tally.skips]).toEqual([]);
  // 10 weights, 10 biases and gains of 9 batch norms and of the linear layer less 9 of the convolutions: 29 parameters.
  expect(tally.rows.get("trajectory gradient (simd)")?.compared).toBe(29);
  expect(tally.rows.get("trajectory final weights (simd)")).toMatchObject({ compared: 1, equal: 1 });
});

test("beyond its reliable steps a training run is not compared, and the skip is named", async () => {
  const names = [`${TRAJECTORY}_data`, `${TRAJECTORY}_swat_m0.9_p1`];
  const dir = await copyCases(await temporaryFolder(), "swat", names);
  await alterJson<{ cases: CaseEntry[] }>(join(dir, "index.json"), (index) => ({
    ...index,
    cases: index.cases.map((one) => (one.kind === "trajectory" ? { ...one, noise: { reliable_steps: 3 } } : one)),
  }));
  const tally = await tallyOf(swatOn(["simd"]), dir);
  expect(tally.differences).toEqual([]);
  expect(tally.rows.get("trajectory loss (simd)")?.compared).toBe(3);
  expect(tally.rows.get("trajectory sparsity (simd)")?.compared).toBe(30);
  expect([...tally.skips.keys()]).toEqual([expect.stringMatching(/^trajectory rest of a run \(simd\): beyond its/)]);
});

describe("global average pooling", () => {
  /** [2, 3, 5, 4] with the mean of each image and channel, and the gradient spread evenly over it. */
  async function globalPool(wrongBy: number): Promise<CountingTally> {
    const random = seedrandom("global pool");
    const x = Float32Array.from({ length: 120 }, () => Math.fround(random() - 0.5));
    const gradOut = Float32Array.from({ length: 6 }, () => Math.fround(random() - 0.5));
    const out = Float32Array.from(
      gradOut,
      (_, at) => x.subarray(at * 20, at * 20 + 20).reduce((a, b) => a + b, 0) / 20,
    );
    out[0] += wrongBy;
    const tensors = new Map<string, GoldenTensor>([
      ["x", { shape: [2, 3, 5, 4], data: x }],
      ["grad_out", { shape: [2, 3], data: gradOut }],
      ["out", { shape: [2, 3], data: out }],
      ["grad_x", { shape: [2, 3, 5, 4], data: x.map((_, at) => gradOut[Math.floor(at / 20)] / 20) }],
    ]);
    const dir = await temporaryFolder();
    await writeFile(join(dir, "pool.safetensors"), safetensorsBytes(tensors));
    const cases = [{ name: "pool", kind: "global_avgpool", file: "pool.safetensors", params: {} }];
    await writeFile(join(dir, "index.json"), JSON.stringify({ oracle: "swat", cases }));
    return tallyOf(swat, dir);
  }

  test("is compared on every build", async () => {
    const tally = await globalPool(0);
    expect(tally.differences).toEqual([]);
    expect(tally.rows.get("global_avgpool (reference)")).toMatchObject({ compared: 2, equal: 2 });
    expect(tally.rows.get("global_avgpool (js)")).toMatchObject({ compared: 2, equal: 2 });
  });

  test("differs where the mean is another", async () => {
    const tally = await globalPool(1e-4);
    expect(tally.rows.get("global_avgpool (reference)")).toMatchObject({ compared: 2, equal: 1 });
  });
});

interface Shares {
  eps: number;
  sparsity: number[];
  keep?: number[];
}

test("Erdős–Rényi values may be 4 units in the last place away, and no more", async () => {
  const dir = await copyCases(await temporaryFolder(), "swat", ["erk_sparsity.json"]);
  const next = (value: number, ulps: number) => value * (1 + ulps * 2 ** -53);
  await alterJson<Record<string, Record<string, Shares>>>(join(dir, "erk_sparsity.json"), (table) => {
    const key = Object.keys(table)[0];
    const { eps, ...shares } = table[key].erdos_renyi_kernel;
    const sparsity = shares.sparsity.map((value, layer) => next(value, layer === 3 ? 40 : 3));
    const { layer_order } = table[key];
    return { [key]: { layer_order, erdos_renyi_kernel: { eps: next(eps, 3), ...shares, sparsity } } };
  });
  const tally = await tallyOf(swatOn([]), dir);
  expect(tally.differences).toEqual([expect.stringContaining("Erdős–Rényi sparsity: expected")]);
  expect(tally.rows.get("Erdős–Rényi epsilon")).toMatchObject({ compared: 1, equal: 1 });
});

interface DnnsimCase {
  layers: { padding: number; stride: number }[];
  runs: { stats?: { layer: string; halo_transfers?: number }[] }[];
}

describe("what a bug of DNNsim decides is skipped, and nothing else", () => {
  test("reads and conflicts of activation banks and cycles, where outputs are no square", async () => {
    const tally = await tallyOf(dnnsim, await copyCases(await temporaryFolder(), "dnnsim", ["nonsquare_6x10"]));
    expect(tally.differences).toEqual([]);
    const skipped = [...tally.skips.keys()].filter((key) => key.includes("Ox ≠ Oy"));
    expect(skipped.map((key) => key.split(":")[0])).toEqual([
      "gbuffer_act_reads.0",
      "gbuffer_act_bank_conflicts.0",
      "cycles",
    ]);
    for (const count of ["compute_cycles", "gbuffer_wgt_reads.0", "gbuffer_out_writes.0"]) {
      expect(tally.rows.get(`DaDianNao ${count}`)?.compared, count).toBeGreaterThan(0);
    }
    expect(tally.rows.get("DaDianNao gbuffer_act_reads.0")).toBeUndefined();
  });

  test("halo transfers of SCNN, where the padding exceeds kernel − 1", async () => {
    const transfers = async (padding: number) => {
      const dir = await copyCases(await temporaryFolder(), "dnnsim", ["c3_dense"]);
      await alterJson<DnnsimCase>(join(dir, "c3_dense.json"), (golden) => ({
        ...golden,
        layers: golden.layers.map((layer) => ({ ...layer, padding })),
      }));
      const tally = await tallyOf(dnnsim, dir);
      return {
        compared: tally.rows.get("SCNN halo_transfers")?.compared ?? 0,
        others: tally.rows.get("SCNN idle_halo")?.compared ?? 0,
        skipped: [...tally.skips.keys()].filter((key) => key.startsWith("SCNN")),
      };
    };
    expect(await transfers(2)).toMatchObject({ compared: 1, skipped: [] });
    const beyond = await transfers(3);
    expect(beyond).toMatchObject({ compared: 0, others: 1 });
    expect(beyond.skipped).toEqual([expect.stringMatching(/^SCNN halo_transfers: bug: a halo of negative width/)]);
  });
});

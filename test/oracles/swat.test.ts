import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isSupported } from "../../src/kernels/index.ts";
import { BUILD_NAMES } from "../../src/kernels/kernels.ts";
import { CountingTally, type OracleIndex } from "./oracle.ts";
import { swatOn } from "./swat.ts";

const dir = join(import.meta.dirname, "../golden/swat");

const LIMIT_MS = 180_000;

test.each(BUILD_NAMES.filter(isSupported))(
  "the %s build reproduces every golden operation, SWAT layer, training run and keep count of PyTorch",
  async (build) => {
    const tally = new CountingTally();
    const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as OracleIndex;
    // The reference takes a minute for the training runs: they are left to `npm run validate`.
    const trains = build !== "reference";
    const cases = index.cases.filter(({ kind }) => trains || kind !== "trajectory");
    await swatOn([build]).run(dir, { ...index, cases }, tally);
    expect(tally.differences).toEqual([]);
    expect([...tally.skips]).toEqual([]);
    const compared = Object.fromEntries([...tally.rows].map(([quantity, row]) => [quantity, row.compared]));
    const perBuild = {
      conv2d: 22,
      linear: 4,
      batchnorm2d: 10,
      maxpool2d: 4,
      avgpool2d: 2,
      relu: 2,
      cross_entropy: 4,
      sgd: 17,
      swat_conv: 71,
      swat_linear: 6,
      masks: 26,
      counts: 65,
      "trajectory logits": 3,
      "trajectory loss": 60,
      "trajectory gradient": 114,
      "trajectory weight mask": 20,
      "trajectory kept weights": 400,
      "trajectory kept inputs": 400,
      "trajectory final weights": 3,
    };
    const expected: Record<string, number> = { "keep count": 96, "keep count (float32)": 96 };
    for (const [quantity, count] of Object.entries(perBuild)) {
      if (trains || !quantity.startsWith("trajectory")) expected[`${quantity} (${build})`] = count;
    }
    expect(compared).toEqual(expected);
  },
  LIMIT_MS,
);

test("a value outside the tolerance, a wrong count and an unknown kind are reported", async () => {
  const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as OracleIndex;
  const conv = index.cases.find(({ name }) => name === "conv_k3_s1_p1_bias");
  const layer = index.cases.find(({ name }) => name === "swat_conv_k3_u0.9");
  const cases = [
    { ...conv, params: { stride: 1, pad: 1, dilation: 1, groups: 1 }, file: "conv_k3_s2_p1_nobias.safetensors" },
    { ...layer, params: { ...(layer?.params as object), sparsity: 0.8 } },
    { name: "new", kind: "dropout", file: "none" },
  ];
  const tally = new CountingTally();
  await swatOn(["js", "reference"]).run(dir, { oracle: "swat", cases }, tally);
  expect(tally.differences.some((line) => line.includes("conv2d (js)"))).toBe(true);
  expect(tally.differences.some((line) => line.includes("masks (reference)"))).toBe(true);
  expect(tally.differences.some((line) => line.includes("counts (js)"))).toBe(true);
  expect([...tally.skips.keys()]).toEqual(["dropout: unknown kind of case"]);
});

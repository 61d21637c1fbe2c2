import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isSupported } from "../../src/kernels/index.ts";
import { BUILD_NAMES } from "../../src/kernels/kernels.ts";
import { CountingTally, type OracleIndex, runCases } from "./oracle.ts";
import { swatOn } from "./swat.ts";
import { PARTED } from "./swat-trajectory.ts";

const dir = join(import.meta.dirname, "../golden/swat");

const LIMIT_MS = 180_000;
/** Runs of seven that may part on a build that adds in vectors. */
const MOST_PARTED = 1;

test.each(BUILD_NAMES.filter(isSupported))(
  "the %s build reproduces every golden operation, SWAT layer, training run and keep count of PyTorch",
  async (build) => {
    const tally = new CountingTally();
    const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as OracleIndex;
    // The reference takes a minute for the training runs: they are left to `npm run validate`.
    const trains = build !== "reference";
    const cases = index.cases.filter(({ kind }) => trains || kind !== "trajectory");
    await runCases(swatOn([build]), dir, { ...index, cases }, tally);
    expect(tally.differences).toEqual([]);
    // Vectors add in another order: there a run may part from PyTorch's where rounding decides, and ends.
    const parted = tally.skips.get(`trajectory rest of a run (${build}): ${PARTED}`) ?? [];
    expect(tally.skips.size).toBe(parted.length > 0 ? 1 : 0);
    expect(parted.length).toBeLessThanOrEqual(MOST_PARTED);
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
      "trajectory logits": 7,
      "trajectory loss": 140,
      "trajectory gradient": 266,
      "trajectory weight mask": 60,
      "trajectory sparsity": 400,
      "trajectory kept weights": 1200,
      "trajectory kept inputs": 1200,
      "trajectory final weights": 7,
    };
    const expected: Record<string, number> = {
      "keep count": 96,
      "keep count (float32)": 96,
      "Erdős–Rényi order of layers": 19,
      "Erdős–Rényi epsilon": 76,
      "Erdős–Rényi dense layers": 76,
      "Erdős–Rényi sparsity": 2568,
      "Erdős–Rényi kept weights": 1926,
      "Erdős–Rényi reductions": 304,
      "inventory totals": 90,
      "inventory number of layers": 9,
      "inventory layers": 3489,
    };
    for (const [quantity, count] of Object.entries(perBuild)) {
      if (trains || !quantity.startsWith("trajectory")) expected[`${quantity} (${build})`] = count;
    }
    for (const [quantity, count] of Object.entries(expected)) {
      if (parted.length > 0 && quantity.startsWith("trajectory")) {
        expect(compared[quantity], quantity).toBeLessThanOrEqual(count);
        expect(compared[quantity], quantity).toBeGreaterThan(count / 2);
      } else expect(compared[quantity], quantity).toBe(count);
    }
    expect(Object.keys(compared).sort()).toEqual(Object.keys(expected).sort());
  },
  LIMIT_MS,
);

test("a value outside the tolerance, a wrong count and an unknown kind are reported as differences", async () => {
  const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as OracleIndex;
  const conv = index.cases.find(({ name }) => name === "conv_k3_s1_p1_bias");
  const layer = index.cases.find(({ name }) => name === "swat_conv_k3_u0.9");
  const cases = [
    { ...conv, params: { stride: 1, pad: 1, dilation: 1, groups: 1 }, file: "conv_k3_s2_p1_nobias.safetensors" },
    { ...layer, params: { ...(layer?.params as object), sparsity: 0.8 } },
    { name: "new", kind: "dropout", file: "none" },
  ];
  const tally = new CountingTally();
  await runCases(swatOn(["js", "reference"]), dir, { oracle: "swat", cases }, tally);
  expect(tally.differences.some((line) => line.includes("conv2d (js)"))).toBe(true);
  expect(tally.differences.some((line) => line.includes("masks (reference)"))).toBe(true);
  expect(tally.differences.some((line) => line.includes("counts (js)"))).toBe(true);
  expect(tally.differences.at(-1)).toMatch(
    /^new: cannot be replayed: unknown kind of case, got "dropout"; did you mean/,
  );
  expect(tally.cases).toEqual({ listed: 3, replayed: 2 });
});

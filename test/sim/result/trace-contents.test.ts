/** Traces that say the same in other words, or less than a trace may say. */
import seedrandom from "seedrandom";
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { countOnes } from "../../../src/core/bit-mask.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { type SimulationInput, simulate } from "../../../src/sim/simulate.ts";
import type { TraceOp, TraceTensor } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace } from "../../../src/trace/trace.ts";
import { DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../../support/make-trace.ts";

const machines = await loadMachines(["all"]);
const swat = await makeTrace(SWAT_DENSITIES);
const dense = await makeTrace(DENSE_DENSITIES, "dense");
const run = (input: Partial<SimulationInput> = {}) => simulate({ traces: [swat], machines, ...input });

describe("a linear layer", () => {
  it("costs the same whether its input is [N, C, 1, 1], [N, C], or not yet flattened", async () => {
    const [N, C, K] = [4, 64, 24];
    const geometry = {
      ...{ N, C, H: 1, W: 1, K, R: 1, S: 1, groups: 1 },
      stride: [1, 1] as [number, number],
      padding: [0, 0, 0, 0] as [number, number, number, number],
      dilation: [1, 1] as [number, number],
    };
    const linear = { kind: "linear", layer: "fc", geometry } as const;
    const random = seedrandom("linear");
    const bytes = Uint8Array.from({ length: (N * C) / 8 }, () => Math.floor(random() * 256));
    const rowsOf = async (shape: number[]) => {
      const mask = { shape, bytes };
      const tensors: TraceTensor[] = [
        { id: "x", role: "activation", shape, nonzeros: countOnes(mask), mask: "x" },
        { id: "w", role: "weight", shape: [K, C], nonzeros: K * C },
        { id: "g", role: "gradient", shape: [N, K], nonzeros: N * K },
      ];
      const ops: TraceOp[] = [
        { ...linear, pass: "forward", operands: { input: "x", weight: "w" } },
        { ...linear, pass: "weightGrad", operands: { outputGrad: "g", input: "x" } },
      ];
      const manifest = { version: "1.0", network: "fc", method: { name: "dense" }, step: 0, tensors, ops };
      const trace = await openTrace(memorySource("fc.safetensors", encodeTrace(manifest, new Map([["x", mask]]))));
      const result = await run({ traces: [{ trace, name: trace.name, sha256: "" }] });
      return result.machines.map(({ rows }) => rows);
    };
    const expected = await rowsOf([N, C, 1, 1]);
    expect(await rowsOf([N, C])).toEqual(expected);
    expect(await rowsOf([N, 16, 2, 2])).toEqual(expected);
  });
});

describe("what a trace does not hold", () => {
  it("is named, and costs nothing", async () => {
    const { trace } = dense;
    const ops = trace.manifest.ops.filter(({ kind }) => kind === "conv");
    const result = await run({ traces: [await makeTrace(DENSE_DENSITIES, "bare", { ops })] });
    expect(result.notCharged).toEqual(["batch norm, pooling and additions, if any", "relu", "loss", "optimizer"]);
    for (const { totals } of result.machines) expect(totals.training.cycles).toBe(totals.matmul.cycles);
    expect((await run()).notCharged).toEqual(["loss"]);
  });
});

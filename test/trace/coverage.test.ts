import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { coverageOf, coverageText } from "../../src/trace/coverage.ts";
import type { TraceManifest, UnrecordedOp } from "../../src/trace/manifest.ts";
import { encodeTrace, openTrace } from "../../src/trace/trace.ts";

/** A linear layer of 4 images, 8 inputs and 10 outputs: 320 MACs in each of its passes. */
function manifestWith(change: Partial<TraceManifest>): TraceManifest {
  const geometry = { N: 4, C: 8, H: 1, W: 1, K: 10, R: 1, S: 1, groups: 1 };
  const op = {
    kind: "linear" as const,
    layer: "fc",
    geometry: {
      ...geometry,
      stride: [1, 1] as [number, number],
      padding: [0, 0, 0, 0] as [number, number, number, number],
      dilation: [1, 1] as [number, number],
    },
  };
  const tensor = (id: string, role: "weight" | "activation" | "gradient", shape: number[]) => ({
    ...{ id, role, shape },
    nonzeros: shape.reduce((a, b) => a * b),
  });
  return {
    ...{ version: "1.1", network: "net", method: { name: "dense" }, step: 0 },
    tensors: [tensor("w", "weight", [10, 8]), tensor("x", "activation", [4, 8]), tensor("g", "gradient", [4, 10])],
    ops: [
      { ...op, pass: "forward", operands: { input: "x", weight: "w" } },
      { ...op, pass: "weightGrad", operands: { outputGrad: "g", input: "x" } },
    ],
    ...change,
  };
}

const unrecorded = (kind: string, macs?: UnrecordedOp["macs"]): UnrecordedOp => ({
  name: `a.${kind}`,
  kind,
  shapes: { reads: [[4, 8]], writes: [[4, 8]] },
  ...(macs === undefined ? {} : { macs }),
  bytesRead: 128,
  bytesWritten: 64,
});

const phrase = (change: Partial<TraceManifest>) => {
  const coverage = coverageOf(manifestWith(change));
  return coverage === undefined ? undefined : coverageText(coverage);
};

describe("the coverage of a step", () => {
  it("is not spoken of where the trace lists nothing", () => {
    expect(phrase({})).toBeUndefined();
    expect(phrase({ unrecorded: [], microBatches: { recorded: 4, of: 4 } })).toBeUndefined();
  });

  it("is the share of the MACs of a pass that is recorded, with the rest by kind, most MACs first", () => {
    const up = { forward: 40, inputGrad: 40 };
    const ops = [
      unrecorded("lstm", { forward: 20 }),
      unrecorded("conv_transpose2d", up),
      unrecorded("conv_transpose2d", up),
    ];
    // 320 of 320 + 20 + 2 · 40 = 76.2 %.
    expect(phrase({ unrecorded: ops })).toBe(
      "76 % of the forward MACs are recorded; not recorded: 2 × conv_transpose2d, 1 × lstm",
    );
    expect(coverageOf(manifestWith({ unrecorded: ops }))).toEqual({
      macs: {
        forward: { recorded: 320, unrecorded: 100 },
        inputGrad: { recorded: 0, unrecorded: 80 },
        weightGrad: { recorded: 320, unrecorded: 0 },
      },
      unknownMacs: 0,
      unrecorded: [
        { kind: "conv_transpose2d", count: 2, bytesRead: 256, bytesWritten: 128 },
        { kind: "lstm", count: 1, bytesRead: 128, bytesWritten: 64 },
      ],
    });
  });

  it("is a bound where MACs are not known, and never rounds up to all", () => {
    expect(phrase({ unrecorded: [unrecorded("einsum"), unrecorded("mm", { forward: 1 })] })).toBe(
      "at most 99 % of the forward MACs are recorded; not recorded: 1 × mm, 1 × einsum",
    );
    expect(phrase({ unrecorded: [unrecorded("bmm", { forward: 320_000 })] })).toMatch(/^less than 1 % of the forward/);
    expect(phrase({ unrecorded: [unrecorded("softmax", {})] })).toBe(
      "100 % of the forward MACs are recorded; not recorded: 1 × softmax",
    );
  });

  it("names micro-batches that are not recorded", () => {
    expect(phrase({ microBatches: { recorded: 1, of: 4 } })).toBe("1 of 4 micro-batches of the optimizer step");
  });
});

describe("a trace of an incomplete step", () => {
  const open = (manifest: TraceManifest) => openTrace(memorySource("t", encodeTrace(manifest, new Map())));

  it("opens with a warning", async () => {
    const trace = await open(manifestWith({ unrecorded: [unrecorded("lstm", { forward: 320 })] }));
    expect(trace.warnings).toEqual([
      "t: incomplete step: 50 % of the forward MACs are recorded; not recorded: 1 × lstm",
    ]);
    expect((await open(manifestWith({ version: "1.0" }))).warnings).toEqual([]);
  });

  it("with more micro-batches than there are is refused", async () => {
    await expect(open(manifestWith({ microBatches: { recorded: 3, of: 2 } }))).rejects.toThrow(
      "t: microBatches: more are recorded than there are, got 3 of 2",
    );
  });
});

import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/core/geometry.ts";
import { footprintOf } from "../../src/step/footprint.ts";
import { isMacOp, type TraceOp, type TraceTensor } from "../../src/trace/manifest.ts";
import { DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";

const part = (footprint: ReturnType<typeof footprintOf>, name: string) =>
  footprint.parts.find((candidate) => candidate.part.includes(name));

describe("the footprint of a training step", () => {
  it("with SWAT keeps dense masters, gradients and momentum, and compresses the copy of the weights and the saved input", async () => {
    const { trace } = await makeTrace(SWAT_DENSITIES);
    const footprint = footprintOf(trace.manifest);
    const weights = sizeOf([24, 20, 3, 3]);
    const input = sizeOf([2, 20, 6, 6]);
    const { w, saved } = Object.fromEntries(trace.manifest.tensors.map(({ id, nonzeros }) => [id, nonzeros]));

    for (const name of ["master", "gradients", "optimizer"]) {
      expect(part(footprint, name)).toMatchObject({ denseBytes: 4 * weights, sparseIndexedBytes: 4 * weights });
    }
    expect(part(footprint, "sparse copy")).toMatchObject({
      denseBytes: 0,
      sparseBytes: 4 * w,
      sparseIndexedBytes: 4 * w + weights / 8,
    });
    expect(part(footprint, "saved inputs")).toMatchObject({
      denseBytes: 4 * input,
      sparseBytes: 4 * saved,
      sparseIndexedBytes: 4 * saved + input / 8,
    });
  });

  it("counts an activation once for dense training, and each selection of it with SWAT", async () => {
    const { trace } = await makeTrace(SWAT_DENSITIES);
    const { manifest } = trace;
    const saved = manifest.tensors.find(({ id }) => id === "saved") as TraceTensor;
    const weightGrad = manifest.ops.filter(isMacOp).find(({ pass }) => pass === "weightGrad");
    if (weightGrad?.pass !== "weightGrad") throw new Error("the trace has no weight gradient");
    const second = { ...weightGrad, layer: "shortcut", operands: { ...weightGrad.operands, input: "again" } };
    const twice = {
      ...manifest,
      tensors: [...manifest.tensors, { ...saved, id: "again" }],
      ops: [...manifest.ops, second],
    };
    const [once, both] = [footprintOf(manifest), footprintOf(twice)].map((footprint) =>
      part(footprint, "saved inputs"),
    );
    expect(both?.denseBytes).toBe(once?.denseBytes);
    expect(both?.sparseBytes).toBe(2 * (once?.sparseBytes as number));
  });

  it("is the same in all columns for dense training", async () => {
    const { trace } = await makeTrace(DENSE_DENSITIES, "dense");
    const { total } = footprintOf(trace.manifest);
    expect(total.sparseIndexedBytes).toBe(total.denseBytes);
    expect(total.sparseBytes).toBe(total.denseBytes);
  });

  it("takes near-linear work: 15,000 layers that read one tensor, each with a ReLU and an update", () => {
    const layers = 15_000;
    const geometry = {
      N: 1,
      C: 8,
      H: 1,
      W: 1,
      K: 8,
      R: 1,
      S: 1,
      stride: [1, 1],
      padding: [0, 0, 0, 0],
      dilation: [1, 1],
      groups: 1,
    };
    const each = Array.from({ length: layers }, (_, i) => i);
    const tensor = (id: string, role: TraceTensor["role"]): TraceTensor => ({ id, role, shape: [1, 8], nonzeros: 8 });
    const ops = each.flatMap((i): TraceOp[] => [
      {
        kind: "linear",
        pass: "forward",
        layer: `l${i}`,
        geometry,
        operands: { input: "in", weight: `w${i}` },
        output: `o${i}`,
      } as TraceOp,
      { kind: "relu", pass: "forward", layer: `l${i}`, reads: [`o${i}`], writes: [`r${i}`] },
      { kind: "optimizer", pass: "update", layer: `l${i}`, reads: [`p${i}`], writes: [`p${i}`] },
    ]);
    const tensors = [
      tensor("in", "activation"),
      ...each.flatMap((i) => [
        tensor(`w${i}`, "weight"),
        tensor(`o${i}`, "activation"),
        tensor(`r${i}`, "activation"),
        tensor(`p${i}`, "parameter"),
      ]),
    ];
    const footprint = footprintOf({ method: { name: "swat-u" }, step: 0, tensors, ops });
    expect(part(footprint, "master")?.denseBytes).toBe(layers * 8 * 4);
    // One bit for the sign of each element that a ReLU wrote.
    expect(part(footprint, "ReLU signs")?.sparseIndexedBytes).toBe(layers);
  });
});

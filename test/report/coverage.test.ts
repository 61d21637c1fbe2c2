/** Steps whose traces list what they lack: the result, the tables and the page say so, and the update is charged its share. */
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../src/api/open.ts";
import { reportPage } from "../../src/report/html/page.ts";
import { resultTable } from "../../src/report/result-table.ts";
import { traceTable } from "../../src/report/trace-table.ts";
import { readResult } from "../../src/sim/result/read-result.ts";
import type { SimulationResult } from "../../src/sim/result/result.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { isMacOp, type OtherOp, type UnrecordedOp } from "../../src/trace/manifest.ts";
import { CONV, makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";
import { named } from "../support/report-input.ts";

const machines = await loadMachines(["tensordash-4096"]);
/** As many forward MACs as the trace's one convolution, padding included. */
const macs = CONV.N * CONV.K * CONV.C * CONV.R * CONV.S * CONV.H * CONV.W;
const lstm: UnrecordedOp = {
  ...{ name: "rnn", kind: "lstm", shapes: { reads: [[2, 3, 4]], writes: [[2, 3, 5]] } },
  ...{ macs: { forward: macs, inputGrad: macs, weightGrad: macs }, bytesRead: 96, bytesWritten: 120 },
};
const whole = await makeTrace(SWAT_DENSITIES);
const partial = await makeTrace(SWAT_DENSITIES, "trace", { unrecorded: [lstm] });
const TEXT = "50 % of the forward MACs are recorded; not recorded: 1 × lstm";

describe("a step that is not recorded whole", () => {
  it("has its coverage in the result, which reads back", async () => {
    const result = await simulate({ traces: [partial], machines });
    expect(result.incomplete).toEqual([`${partial.name}: ${TEXT}`]);
    expect(result.traces[0].coverage?.macs.forward).toEqual({ recorded: macs, unrecorded: macs });
    expect(readResult(JSON.parse(JSON.stringify(result)), "r.json").result).toEqual(result);
  });

  it("is marked in the table, the page and what trace inspect prints; a whole one is not", async () => {
    const [incomplete, complete] = await Promise.all(
      [partial, whole].map((trace) => simulate({ traces: [trace], machines })),
    );
    expect(resultTable(incomplete)).toContain(`* incomplete step, ${partial.name}: ${TEXT}.`);
    expect(resultTable(incomplete)).toMatch(/^tensordash-4096 .* \d+\.\d+\* /m);
    expect(resultTable(complete)).not.toMatch(/incomplete|\d\*/);
    expect(complete.incomplete).toBeUndefined();
    const page = (result: SimulationResult) => reportPage({ results: [named(result)], points: [] });
    expect(await page(incomplete)).toContain(`incomplete step, ${partial.name}: ${TEXT}.`);
    expect(await page(complete)).not.toContain("incomplete step");
    const { manifest } = partial.trace;
    const ids = manifest.ops.filter(isMacOp).flatMap(({ operands }) => Object.values(operands));
    const statistics = new Map(ids.map((id) => [id, { density: 1, spreadOverSlices: 0, spreadOverChannels: 0 }]));
    const text = traceTable("t", manifest, statistics);
    expect(text).toContain(`incomplete step: ${TEXT}`);
    expect(text).toMatch(/^rnn +lstm +2×3×4 +2×3×5 +\d+\.\d\d +0\.00 *$/m);
  });

  it("is charged its share of the update", async () => {
    const quarter = whole.trace.manifest.ops.map((op) => (op.kind === "optimizer" ? { ...op, share: 0.25 } : op));
    const trace = await makeTrace(SWAT_DENSITIES, "trace", { ops: quarter, microBatches: { recorded: 1, of: 4 } });
    const result = await simulate({ traces: [trace], machines });
    expect(result.incomplete).toEqual([`${trace.name}: 1 of 4 micro-batches of the optimizer step`]);
    const rowOf = ({ machines: [{ rows }] }: SimulationResult) => rows.find(({ kind }) => kind === "optimizer");
    const [share, all] = [rowOf(result), rowOf(await simulate({ traces: [whole], machines }))];
    // Master, gradient and momentum are read: 3 values a weight, a quarter of them.
    const weights = CONV.K * CONV.C * CONV.R * CONV.S;
    expect(share?.cycles.vector).toBe(Math.ceil((3 * weights) / 4 / machines[0].vectorLanes));
    const bytes = (row: typeof all) =>
      Object.values(row?.traffic ?? {})
        .flatMap((place) => Object.values(place))
        .reduce((sum, each) => sum + each, 0);
    expect(bytes(share)).toBe(bytes(all) / 4);
    const isUpdate = (op: { kind: string }): op is OtherOp => op.kind === "optimizer";
    expect(trace.trace.manifest.ops.find(isUpdate)?.share).toBe(0.25);
  });
});

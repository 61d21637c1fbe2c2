/** Steps whose traces list what they lack: the result, the tables and the page say so, and the update is charged its share. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../src/api/open.ts";
import type { Chart } from "../../src/report/charts/chart.ts";
import { chartsOf } from "../../src/report/charts/index.ts";
import { reportPage } from "../../src/report/html/page.ts";
import { axisNamed, frontTable, paretoFront } from "../../src/report/sweep/pareto.ts";
import { isMeasured } from "../../src/report/sweep/sweep-points.ts";
import { resultTable } from "../../src/report/tables/result-table.ts";
import { traceTable } from "../../src/report/tables/trace-table.ts";
import { readResult } from "../../src/sim/result/read-result.ts";
import type { SimulationResult } from "../../src/sim/result/result.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { readSweep } from "../../src/studies/sweep/points-file.ts";
import { runSweep } from "../../src/studies/sweep/run-sweep.ts";
import { isMacOp, type OtherOp, type UnrecordedOp } from "../../src/trace/manifest.ts";
import { temporaryFolder } from "../support/folder.ts";
import { CONV, makeTrace, SWAT_DENSITIES, traceBytes } from "../support/make-trace.ts";
import { named, valuesOf } from "../support/report-input.ts";

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

  it("marks every column of the whole step in the page's summary, where its row is, and names what is missing in the CSV", async () => {
    const [incomplete, complete] = await Promise.all(
      [partial, { ...(await makeTrace(SWAT_DENSITIES, "whole", { network: "other" })), sha256: "other" }].map((trace) =>
        simulate({ traces: [trace], machines }),
      ),
    );
    const page = await reportPage({ results: [named(incomplete), named(complete, "whole.json")], points: [] });
    const table = page.slice(page.indexOf('<details id="summary-table"'), page.indexOf("</details>"));
    const heads = [...table.matchAll(/<button type="button">(.*?)<\/button>/g)].map(([, head]) => head);
    const rows = [...table.matchAll(/<tr><td.*?<\/tr>/gs)].map(([row]) => [...row.matchAll(/<td.*?>(.*?)<\/td>/g)]);
    const marked = heads.flatMap((head, index) => (head.endsWith("*") ? index : []));
    expect(marked.map((index) => heads[index].slice(0, -1))).toEqual(
      expect.arrayContaining(["step µs", "× over own dense array", "DRAM MB", "selection % of step"]),
    );
    expect(heads).toContain("array only × (no memory)");
    const [own, other] = rows.map((cells) => cells.map(([, text]) => text));
    expect(own.flatMap((text, index) => (/^[\d.]+\*$/.test(text) ? index : []))).toEqual(marked);
    expect(other.filter((text) => /\*$/.test(text))).toEqual([]);
    const [, csv] = /base64,([A-Za-z0-9+/=]*)" download="summary-table.csv"/.exec(page) ?? [];
    const [header, ...lines] = Buffer.from(csv, "base64").toString().trim().split("\n");
    expect(header).toMatch(/,incomplete$/);
    expect(lines.map((line) => line.includes(TEXT))).toEqual([true, false]);
  });

  it("has its coverage in the points of a sweep, in their front, table, CSV and chart", async () => {
    const folder = await temporaryFolder();
    const traces = ["partial", "whole"].map((name) => join(folder, `${name}.safetensors`));
    await writeFile(traces[0], traceBytes(SWAT_DENSITIES, "p", { unrecorded: [lstm] }));
    await writeFile(traces[1], traceBytes(SWAT_DENSITIES));
    const spec = { machines: ["tensordash-4096"], traces, grid: { "memory.dram.channels": [1, 4] } };
    const { file } = await runSweep({ spec, out: folder });
    const points = (await readSweep(file)).filter(isMeasured);
    expect(points.map(({ coverage }) => coverage?.macs.forward)).toEqual([
      ...[0, 1].map(() => ({ recorded: macs, unrecorded: macs })),
      ...[undefined, undefined],
    ]);

    const [x, y] = ["computeSpeedup", "seconds"].map((name) => axisNamed(name, points));
    const front = frontTable(paretoFront(points, x, y), x, y);
    expect(front).toMatch(/partial\.safetensors .* [\d.]+ +[\d.]+\* *$/m);
    expect(front).toMatch(/whole\.safetensors .* [\d.]+ +[\d.]+ *$/m);
    expect(front.replaceAll("\n", " ")).toContain(`* incomplete step, partial.safetensors: ${TEXT}.`);

    const page = await reportPage({ results: [], points });
    const [, csv] = /base64,([A-Za-z0-9+/=]*)" download="pareto-table.csv"/.exec(page) ?? [];
    const records = Buffer.from(csv, "base64")
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    const shares = records.slice(1).map((record) => record[records[0].indexOf("recorded_macs_share")]);
    expect(shares).toEqual(["0.5", "0.5", "1", "1"]);
    const chart = chartsOf({ results: [], points }).find(({ id }) => id === "pareto") as Chart;
    expect(valuesOf(chart).map(({ recordedMacsShare }) => recordedMacsShare)).toEqual([0.5, 0.5, undefined, undefined]);
    expect(chart.note).toContain(TEXT);
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

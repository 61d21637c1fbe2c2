/** Topologies as traces, held to SCALE-Sim's own reports: our systolic array runs the imported layer in its cycles. */
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { getBit } from "../../../src/core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { type SystolicParams, systolic } from "../../../src/sim/arrays/systolic.ts";
import { importScalesim } from "../../../src/trace/import/scalesim.ts";
import { isMacOp } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace, type Trace } from "../../../src/trace/trace.ts";
import { verifyTrace } from "../../../src/trace/verify.ts";

const GOLDEN = "test/golden/scalesim";
const CONV =
  "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides, Sparsity,\n";
const PRODUCT = "Layer, M, N, K,\n";

async function imported(text: string, options: { batch?: number; seed?: number } = {}): Promise<Trace> {
  const { manifest, masks } = importScalesim(text, "t.csv", { network: "t", ...options });
  const trace = await openTrace(memorySource("imported", encodeTrace(manifest, masks)));
  expect(await verifyTrace(trace)).toEqual([]);
  return trace;
}

const geometries = (trace: Trace) => trace.manifest.ops.filter(isMacOp).map(({ geometry }) => geometry);

interface Golden {
  readonly id: string;
  readonly status: string;
  readonly array: { readonly rows: number; readonly cols: number };
  readonly dataflow: SystolicParams["dataflow"];
  readonly sparsity: { readonly opt: boolean; readonly ratio: string } | null;
  readonly topology_text: string;
  readonly compute_report: readonly Readonly<Record<string, number>>[];
}

/** Compute cycles of the layer on the case's array; the last line of a report has the index cycles − 1. */
async function cyclesOf(golden: Golden): Promise<{ ours: number; theirs: number }> {
  const trace = await imported(golden.topology_text);
  const [op] = trace.manifest.ops.filter(isMacOp);
  const [n, m] = (golden.sparsity?.ratio ?? "1:1").split(":").map(Number);
  const sparsity = { n, m, mode: "layer", storage: "ellpack" } as const;
  const { array, dataflow } = golden;
  const params = { rows: array.rows, columns: array.cols, dataflow, batch: "image", sparsity } as const;
  if (op.pass !== "forward") throw new Error(`imported ${op.pass}`);
  const masks = { weight: await trace.mask(op.operands.weight), input: await trace.mask(op.operands.input) };
  const { cycles } = systolic.run(
    { pass: "forward", layer: op.layer, geometry: op.geometry, masks, topKPeriod: 1 },
    params,
  );
  const [row] = golden.compute_report;
  return { ours: cycles, theirs: row["Total Cycles"] - row["Stall Cycles"] + 1 };
}

it("layers of SCALE-Sim's own topologies take its cycles", async () => {
  let cases = 0;
  for (const name of (await readdir(GOLDEN)).filter((file) => file !== "index.json")) {
    const golden = JSON.parse(await readFile(`${GOLDEN}/${name}`, "utf8")) as Golden;
    // Row-wise patterns are drawn by the program, not told by the topology.
    if (golden.status !== "ok" || golden.sparsity?.opt) continue;
    const { ours, theirs } = await cyclesOf(golden);
    expect(ours, golden.id).toBe(theirs);
    cases++;
  }
  expect(cases).toBeGreaterThan(20);
});

describe("a topology", () => {
  it("may mix convolutions and products, with blank lines, quotes, spaces and a byte order mark", async () => {
    const text = `\ufeff${CONV}"conv 1", 10, 8, 3, 3, 4, 6, 2, 2:4,\r\n\r\nfc,5,7,9,\r\n`;
    const [conv, product] = geometries(await imported(text));
    expect(conv).toMatchObject({ N: 1, C: 4, H: 10, W: 8, K: 6, R: 3, S: 3, stride: [2, 2], groups: 1 });
    expect(product).toMatchObject({ N: 1, C: 9, H: 5, W: 1, K: 7, R: 1, S: 1 });
  });

  it("has as many images as asked for", async () => {
    expect(geometries(await imported(`${PRODUCT}a,3,4,5,\n`, { batch: 6 }))[0]).toMatchObject({ N: 6, H: 3 });
  });

  it("has groups where a layer is depth-wise", async () => {
    const [conv] = geometries(await imported(`${CONV}b_DP,8,8,3,3,5,2,1,\n`));
    expect(conv).toMatchObject({ C: 5, K: 10, groups: 5 });
  });

  it("keeps N of every M weights along row, column and channel of the kernel, and what is left over", async () => {
    for (const seed of [undefined, 1, 2]) {
      const trace = await imported(`${CONV}a,5,5,3,2,3,4,1,2:4,\n`, seed === undefined ? {} : { seed });
      const mask = await trace.mask("a:weight");
      for (let k = 0; k < 4; k++) {
        // Element (row · 2 + column) · 3 + channel of the reduction, 18 in all: four blocks and a half.
        const kept = Array.from({ length: 18 }, (_, i) => Number(getBit(mask, k, (i % 3) * 6 + Math.floor(i / 3))));
        const sums = [0, 4, 8, 12, 16].map((start) => kept.slice(start, start + 4).reduce((sum, bit) => sum + bit, 0));
        expect(sums).toEqual([2, 2, 2, 2, 2]);
        if (seed === undefined) expect(kept.slice(0, 8)).toEqual([1, 1, 0, 0, 1, 1, 0, 0]);
      }
    }
  });

  it("numbers layers of one name, past names that are taken", async () => {
    const trace = await imported(`${PRODUCT}g,4,6,8,2:4,\ng#2,1,1,1,\ng,2,6,8,1:4,\ng,1,2,3,\n`);
    expect(trace.manifest.ops.map(({ layer }) => layer)).toEqual(["g", "g#2", "g#3", "g#4"]);
    // 2:4 and 1:4 of 6 · 8 weights.
    expect([trace.tensor("g:weight").nonzeros, trace.tensor("g#3:weight").nonzeros]).toEqual([24, 12]);
  });

  it("has a stride for each dimension where the header names them, in either order", async () => {
    const sizes = "Layer name, H, W, R, S, C, K";
    const [high] = geometries(await imported(`${sizes}, Stride H, Stride W,\na,10,12,3,3,4,8,2,1,\n`));
    // Rows: ⌈(10 − 3 + 2) / 2⌉ = 5, with a row of zeros below; columns: 12 − 3 + 1 = 10.
    expect(high).toMatchObject({ stride: [2, 1], padding: [0, 1, 0, 0] });
    expect([outputHeight(high), outputWidth(high)]).toEqual([5, 10]);
    const [wide] = geometries(await imported(`${sizes}, Stride width, Stride height,\na,10,12,3,3,4,8,2,1,\n`));
    expect(wide).toMatchObject({ stride: [1, 2], padding: [0, 0, 0, 1] });
    const [both] = geometries(await imported(`${sizes}, Stride, Stride,\na,10,12,3,3,4,8,3,2,\n`));
    expect(both).toMatchObject({ stride: [3, 2] });
  });

  it("has as many images as its batch column says, unless told otherwise", async () => {
    const text = "Layer, M, N, K, Batch Size,\na,3,4,5,6,\nb,3,4,5,,\n";
    expect(geometries(await imported(text)).map(({ N }) => N)).toEqual([6, 1]);
    expect(geometries(await imported(text, { batch: 2 })).map(({ N }) => N)).toEqual([2, 2]);
  });

  it("may have tabs or semicolons, titles, and a spreadsheet's columns, which it names", () => {
    const tabs = CONV.replaceAll(",", "\t");
    const text = `\ufeff${tabs}\r\nAlphaGoZero\t\r\nc1\t8\t9\t3\t3\t4\t6\t1\t\r\n\t\t\t\t\t\t\t\t\r\n`;
    const read = importScalesim(text, "t.csv", { network: "t" });
    expect(read.manifest.ops.filter(isMacOp)[0].geometry).toMatchObject({ H: 8, W: 9, C: 4, K: 6, stride: [1, 1] });
    expect(read.notes).toEqual(["t.csv: lines without sizes are taken as titles: AlphaGoZero"]);
    const wide = "Layer;H;W;R;S;C;K;Strides;;;Eh;Ew\nc1;8;9;3;3;4;6;1;;7;5;5\n";
    expect(importScalesim(wide, "t.csv", { network: "t" }).notes).toEqual([
      "t.csv: columns that are not read: Eh, Ew",
      "t.csv: values behind the sizes that the header does not name are not read, in lines 2",
    ]);
  });

  it("has remarks behind its last comma", async () => {
    const text = `${CONV}a, 10, 10, 3, 3, 4, 8, 1,\nb_dw, 8, 8, 3, 3, 1, 1, 1,#dw\nc, 8, 8, 3, 3, 1, 1, 1, 2:4, see text\n`;
    const trace = await imported(text);
    expect(geometries(trace).map(({ H, C, stride }) => [H, C, stride[0]])).toEqual([
      [10, 4, 1],
      [8, 1, 1],
      [8, 1, 1],
    ]);
    // 2 of each 4 of 9, and the one that is left.
    expect(trace.tensor("c:weight").nonzeros).toBe(5);
  });

  it("is read by its header where that names every size, with a note", () => {
    const read = importScalesim("Layer, M, K, N,\na,2,3,4,\n", "t.csv", { network: "t" });
    expect(read.manifest.ops.filter(isMacOp)[0].geometry).toMatchObject({ H: 2, C: 3, K: 4 });
    expect(read.notes).toEqual([
      "t.csv: columns are read as the header names them; SCALE-Sim reads them by their place",
    ]);
    // Twice the width, as DeepBench's files have it, names no height: places count.
    const twice = "Layer, IFMAP Width, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n";
    const { manifest, notes } = importScalesim(`${twice}a,8,9,3,2,4,6,1,\n`, "t.csv", { network: "t" });
    expect(manifest.ops.filter(isMacOp)[0].geometry).toMatchObject({ H: 8, W: 9, R: 3, S: 2 });
    expect(notes).toEqual([]);
  });

  it("is mended where a comma is on the wrong side of a space", () => {
    const { manifest, notes } = importScalesim(`${CONV}FC, 1, 1, 1, ,1 2, 2, 1,\n`, "t.csv", { network: "t" });
    expect(manifest.ops.filter(isMacOp)[0].geometry).toMatchObject({ H: 1, W: 1, R: 1, S: 1, C: 2, K: 2 });
    expect(notes).toEqual([
      't.csv:2: layer "FC": a comma is out of place, got "1,1,1,,1 2,2,1"; read as 1, 1, 1, 1, 2, 2, 1',
    ]);
  });

  it("draws the same weights from the same seed, others from another", async () => {
    const text = `${PRODUCT}a,4,16,64,1:4,\n`;
    const bytes = async (seed: number) => [...(await (await imported(text, { seed })).mask("a:weight")).bytes];
    expect(await bytes(3)).toEqual(await bytes(3));
    expect(await bytes(3)).not.toEqual(await bytes(4));
  });

  it.each([
    [
      "a size that is none",
      `${CONV}a,10,8,3,3,4,6,two,\n`,
      't.csv:2: layer "a": stride: must be a whole number of at least 1, got "two"',
    ],
    [
      "too few values",
      `${CONV}\na,10,8,3,\nb,1,2,\n`,
      't.csv:4: layer "b": needs input height, input width, kernel height',
    ],
    [
      "a ratio above one",
      `${PRODUCT}a,1,2,3,5:4,\n`,
      't.csv:2: layer "a": sparsity: must be N:M with 1 ≤ N ≤ M, got "5:4"',
    ],
    [
      "a kernel beyond the image",
      `${CONV}a,2,8,3,3,4,6,1,\n`,
      't.csv:2: layer "a": the kernel is larger than the input, got 3×3 on 2×8',
    ],
    [
      "a layer in place of the header",
      "a,1,2,3,\nb,1,2,3,\n",
      't.csv:1: the first line must be a header, got layer "a"',
    ],
    [
      "a padding",
      "Layer, H, W, R, S, C, K, Stride, Padding,\na,8,8,3,3,4,8,1,1,\n",
      't.csv:2: layer "a": Padding: a topology has images with their padding, no dilation, no groups but DP, got "1"',
    ],
    [
      "letters in place of numbers",
      `${CONV}LSTM_igate, 1, B, 1, 1, 8, 8, 1,\n`,
      't.csv:2: layer "LSTM_igate": input width: must be a whole number of at least 1, got "B"',
    ],
    ["titles only", `${CONV}AlphaGoZero,\n`, "t.csv: has no layer below its header"],
    ["nothing below the header", PRODUCT, "t.csv: has no layer below its header"],
    ["an open quote", `${PRODUCT}"a,1,2,3\n`, "t.csv: is not CSV: "],
  ])("with %s is refused", (_, text, message) => {
    expect(() => importScalesim(text, "t.csv", { batch: 1, network: "t" })).toThrow(message);
  });
});

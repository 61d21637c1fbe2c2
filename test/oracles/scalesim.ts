/**
 * SCALE-Sim's layers, replayed on our systolic array. A case is translated: output sizes are rounded up, so the image is padded
 * below and on the right until the last window ends at its edge; the channels of a depth-wise layer, which it runs one by
 * one, are groups; its synthetic sparsity becomes a weight mask of that pattern. What is its own accounting (a last line
 * by index, extra writes, padded row-wise blocks, the time base of utilisation) is applied here. Source: SCALE-Sim v3
 * fab89b7 (Samajdar et al.).
 */
import { type BitMask, onesMask, setBit, zerosMask } from "../../src/core/bit-mask.ts";
import { type ConvGeometry, inputShape, outputHeight, outputWidth, weightShape } from "../../src/core/geometry.ts";
import { type SystolicParams, systolic } from "../../src/sim/arrays/systolic.ts";
import type { ComputeResult } from "../../src/sim/hardware/accelerator.ts";
import { readCase } from "./case-files.ts";
import type { Oracle, Tally } from "./oracle.ts";

type Report = readonly Readonly<Record<string, unknown>>[] | null | undefined;

interface Case {
  readonly id: string;
  readonly array: { readonly rows: number; readonly cols: number };
  readonly dataflow: SystolicParams["dataflow"];
  readonly sparsity: {
    readonly opt: boolean;
    readonly rep: "ellpack_block" | "csr" | "csc";
    readonly block: number;
  } | null;
  readonly topology_text: string;
  readonly gemm_flag: boolean;
  readonly status: string;
  readonly error?: string;
  readonly compute_report?: Report;
  readonly detailed_access_report?: Report;
  readonly sparse_report?: Report;
  readonly internals?: readonly { readonly rowwise_nnz_per_block_by_filter?: readonly number[] }[];
}

/** A layer of the topology; `rows` are its lines in the reports. */
interface Layer {
  readonly name: string;
  readonly geometry: ConvGeometry;
  readonly ratio: readonly [number, number];
  readonly rows: readonly number[];
}

/** A layer as we run it. */
interface Replay {
  readonly golden: Case;
  readonly layer: Layer;
  readonly params: SystolicParams;
  readonly result: ComputeResult;
  readonly where: string;
}

const RATIO_TOLERANCE = 1e-9;
const WORD_BITS = 32;
const DENSE = { n: 1, m: 1, mode: "layer", storage: "ellpack" } as const;

/** Adapter of SCALE-Sim's golden cases. */
export const scalesim: Oracle = {
  id: "scalesim",
  async replay(dir, entry, _index, tally) {
    const golden = await readCase<Case>(dir, entry);
    for (const layer of layersOf(golden)) {
      await tally.attempt(`${golden.id} ${layer.name}`, () => replayLayer(golden, layer, tally));
    }
  },
};

function replayLayer(golden: Case, layer: Layer, tally: Tally): void {
  const where = `${golden.id} ${layer.name}`;
  const params = paramsOf(golden, layer);
  if (golden.status !== "ok") {
    if (params.sparsity.mode === "row" && params.dataflow !== "ws") compareRefusal(golden, layer, params, tally);
    else tally.skip("all counts", where, `the program gave an error: ${golden.error}`);
    return;
  }
  if (golden.compute_report?.[layer.rows[0]] === undefined) {
    tally.skip("all counts", where, "the reports have no row of this layer");
    return;
  }
  if (params.sparsity.mode === "row" && layer.rows.length > 1) {
    tally.skip("all counts", where, "row-wise patterns of a depth-wise layer are drawn channel by channel");
    return;
  }
  const replay = { golden, layer, params, where, result: runOf(golden, layer, params) };
  compareCompute(replay, tally);
  compareAccesses(replay, tally);
  if (golden.sparsity !== null) compareStorage(replay, tally);
  tally.skip("stall cycles, totals with prefetch and overall utilisation", where, "its memory model is not ours");
  tally.skip("SRAM start and stop cycles, bandwidths and all DRAM columns", where, "its memory model is not ours");
}

/** Both must refuse: rows that take whole blocks of inputs exist only where weights stay. */
function compareRefusal(golden: Case, layer: Layer, params: SystolicParams, tally: Tally): void {
  let message = "no error";
  try {
    runOf(golden, layer, params);
  } catch (error) {
    message = (error as Error).message;
  }
  const refused = message.includes('mode "row" needs dataflow "ws"');
  tally.judge("refused sparse mapping", `${golden.id} ${layer.name}`, refused, message);
}

function compareCompute({ golden, layer, params, result, where }: Replay, tally: Tally): void {
  const { folds, usedPEs, busyPECycles } = result.counters;
  // Its last line has the index lines − 1.
  const lastLines = sumOf(golden.compute_report, layer, "Total Cycles", "Stall Cycles");
  tally.compare("total − stall cycles", where, lastLines, result.cycles - layer.rows.length);
  const foldSlots = folds * params.rows * params.columns;
  const efficiency = meanOf(golden.compute_report, layer, "Mapping Efficiency %");
  if (params.sparsity.mode === "row" && drawnNonzeros(golden, layer) === undefined) {
    tally.skip("mapping efficiency", where, "the pattern that it drew is not in the file");
  } else judgeRatio("mapping efficiency", where, efficiency, (100 * usedPEs) / foldSlots, tally);
  // It takes a fold of ws and is to last another C − 1 cycles.
  const foldCycles = result.cycles / folds + (params.dataflow === "os" ? 0 : params.columns - 1);
  const utilisation = meanOf(golden.compute_report, layer, "Compute Util %");
  judgeRatio("compute utilisation", where, utilisation, (100 * busyPECycles) / (foldSlots * foldCycles), tally);
}

function compareAccesses({ golden, layer, params, result, where }: Replay, tally: Tally): void {
  const accesses = (column: string) => sumOf(golden.detailed_access_report, layer, column);
  const { rows, columns, sparsity, dataflow } = params;
  const { folds, structured } = result.counters;
  const input = result.onChipReads.input ?? 0;
  if (sparsity.mode === "row") {
    // It counts the m inputs of a block for every row, every line and the empty slots of fill and drain too.
    const windows = outputHeight(layer.geometry) * outputWidth(layer.geometry);
    const delivered = folds * (windows + rows - 1) * rows * sparsity.m;
    tally.compare("SRAM input deliveries of row-wise rows", where, accesses("SRAM IFMAP Reads"), delivered);
  } else {
    // With shared patterns in ws it counts the inputs of whole blocks.
    const whole = structured === 1 && dataflow === "ws" ? sparsity.m / sparsity.n : 1;
    judgeRatio("SRAM input reads", where, accesses("SRAM IFMAP Reads"), input * whole, tally);
  }
  tally.compare("SRAM filter reads", where, accesses("SRAM Filter Reads"), result.onChipReads.weight ?? 0);
  const extra = dataflow === "os" ? folds * (rows + columns) : 0;
  tally.compare("SRAM output writes", where, accesses("SRAM OFMAP Writes") - extra, result.onChipWrites);
}

function compareStorage({ golden, layer, params, result, where }: Replay, tally: Tally): void {
  const { sparsity } = params;
  const unpadded = sparsity.mode === "row" && sparsity.storage !== "ellpack";
  if (unpadded && drawnNonzeros(golden, layer) === undefined) {
    tally.skip("sparse storage", where, "the pattern that it drew is not in the file");
    return;
  }
  // Row-wise it stores the rows of slots in ellpack, but csr and csc of the layer as it was.
  const counters = unpadded ? runOf(golden, layer, params, layer.geometry).counters : result.counters;
  const words = (column: string) => sumOf(golden.sparse_report, layer, column);
  const dense = runOf(golden, layer, systolic.withoutSkipping(params), layer.geometry).counters;
  tally.compare("original storage", where, words("Original Filter Storage"), dense.storedWeights);
  if (sparsity.n === sparsity.m) {
    tally.skip("sparse storage", where, "a dense array (n = m) stores no metadata");
    return;
  }
  const metadata = words("Filter Metadata Storage");
  if (sparsity.mode === "row" && sparsity.storage === "ellpack") {
    tally.skip("metadata storage", where, "bug: the width of a row-wise index comes from the unused layer-wise ratio");
  } else judgeRatio("metadata storage", where, metadata, counters.metadataBits / WORD_BITS, tally);
  const values = words("New Storage (Filter+Metadata)") - metadata;
  judgeRatio("stored weights", where, values, counters.storedWeights, tally);
}

function paramsOf({ array, dataflow, sparsity }: Case, { ratio }: Layer): SystolicParams {
  const own = { rows: array.rows, columns: array.cols, dataflow, batch: "image" } as const;
  if (sparsity === null) return { ...own, sparsity: DENSE };
  const storage = sparsity.rep === "ellpack_block" ? "ellpack" : sparsity.rep;
  const [n, m] = sparsity.opt ? [Math.floor(sparsity.block / 2), sparsity.block] : ratio;
  return { ...own, sparsity: { n, m, mode: sparsity.opt ? "row" : "layer", storage } };
}

/** Runs a layer; a row-wise one as the product that it is, its reduction padded to whole pairs of blocks. */
function runOf(golden: Case, layer: Layer, params: SystolicParams, geometry = arrayGeometry(layer, params)) {
  const { mode, n, m } = params.sparsity;
  const drawn = drawnNonzeros(golden, layer);
  const keeps = mode === "row" ? (filter: number) => drawn?.[filter] ?? n : () => n;
  const weight = patternMask(geometry, layer.geometry, m, keeps);
  return systolic.run(
    {
      pass: "forward",
      layer: layer.name,
      geometry,
      masks: { weight, input: onesMask(inputShape(geometry)) },
      topKPeriod: 1,
    },
    params,
  );
}

function arrayGeometry({ geometry: g }: Layer, { sparsity: { mode, m } }: SystolicParams): ConvGeometry {
  if (mode === "layer") return g;
  const pair = 2 * m;
  const reduction = Math.ceil((g.C * g.R * g.S) / pair) * pair;
  return productGeometry(outputHeight(g) * outputWidth(g), g.K, reduction);
}

/** Weights of `geometry`: of every m along the reduction the first few, and none beyond the reduction of `original`. */
function patternMask(
  geometry: ConvGeometry,
  original: ConvGeometry,
  m: number,
  keeps: (filter: number) => number,
): BitMask {
  const mask = zerosMask(weightShape(geometry));
  const [K, channels, R, S] = weightShape(geometry);
  const reduction = (original.C / original.groups) * original.R * original.S;
  for (let filter = 0; filter < K; filter++) {
    const kept = keeps(filter);
    for (let element = 0; element < reduction; element++) {
      if (element % m >= kept) continue;
      const channel = element % channels;
      setBit(mask, filter, channel * R * S + (element - channel) / channels);
    }
  }
  return mask;
}

/** Nonzeros of a block of each filter, as the program drew them. */
function drawnNonzeros({ internals }: Case, { rows }: Layer): readonly number[] | undefined {
  return internals?.[rows[0]]?.rowwise_nnz_per_block_by_filter;
}

/** Layers of a topology file: a header, then `name, sizes …[, N:M],` a line. */
function layersOf({ topology_text, gemm_flag }: Case): Layer[] {
  const lines = topology_text.split("\n").slice(1);
  const layers: Layer[] = [];
  let row = 0;
  for (const line of lines) {
    const cells = line.split(",").map((cell) => cell.trim());
    const name = cells[0];
    if (name === "") continue;
    const sizes = cells.slice(1).filter((cell) => /^\d+$/.test(cell));
    const ratio = cells.find((cell) => /^\d+:\d+$/.test(cell)) ?? "1:1";
    const [n, m] = ratio.split(":").map(Number);
    const geometry = gemm_flag
      ? productGeometry(Number(sizes[0]), Number(sizes[1]), Number(sizes[2]))
      : convGeometry(sizes.map(Number), name.includes("DP"));
    const count = geometry.groups;
    layers.push({ name, geometry, ratio: [n, m], rows: Array.from({ length: count }, (_, i) => row + i) });
    row += count;
  }
  return layers;
}

/** [M, K] · [K, N] as a 1×1 convolution of an M × 1 image with K channels. */
function productGeometry(M: number, N: number, K: number): ConvGeometry {
  return convGeometry([M, 1, 1, 1, K, N, 1], false);
}

/** A convolution without padding whose output sizes are rounded up; depth-wise: every channel has all filters of its own. */
function convGeometry([H, W, R, S, C, filters, stride]: readonly number[], depthwise: boolean): ConvGeometry {
  const fill = (extent: number, kernel: number) => (stride - ((extent - kernel) % stride)) % stride;
  return {
    ...{ N: 1, C, H, W, K: depthwise ? C * filters : filters, R, S },
    stride: [stride, stride],
    padding: [0, fill(H, R), 0, fill(W, S)],
    dilation: [1, 1],
    groups: depthwise ? C : 1,
  };
}

/** Sum over the layer's rows of one column, less another. */
function sumOf(report: Report, { rows }: Layer, column: string, less?: string): number {
  return rows.reduce((sum, row) => {
    const values = report?.[row] ?? {};
    return sum + Number(values[column]) - (less === undefined ? 0 : Number(values[less]));
  }, 0);
}

function meanOf(report: Report, layer: Layer, column: string): number {
  return sumOf(report, layer, column) / layer.rows.length;
}

/** Equality of values that the program computes in floating point. */
function judgeRatio(quantity: string, where: string, expected: number, actual: number, tally: Tally): void {
  const equal = Math.abs(actual - expected) <= RATIO_TOLERANCE * Math.abs(expected);
  tally.judge(quantity, where, equal, `expected ${expected}, got ${actual}`);
}

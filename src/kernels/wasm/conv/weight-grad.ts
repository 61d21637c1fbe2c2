/**
 * weightGrad: transposes outputGrad once, then lets assembly/conv/weight-grad.ts sum over the nonzeros of the input, or
 * over all of it. Input pixels with the same taps form a phase, as in inputGrad.
 */

import type { ConvGeometry } from "../../../core/geometry.ts";
import { outputHeight, outputWidth, sizeOf, weightShape } from "../../../core/geometry.ts";
import { floatAtLeast } from "../float-threshold.ts";
import { type BlockedTensor, blocksOf, lanesFor } from "../layout.ts";
import type { Runner } from "../run/runner.ts";
import type { AxisPlan } from "./axis.ts";
import { reserveScratch, type Scratch, writeThrough } from "./memory.ts";

/** Output channels of a panel of the transposed outputGrad. */
const PANEL = 16;
const FLOAT_BYTES = 4;
const WORD_BYTES = 4;
const PAIR_BYTES = 8;
const SUM_BYTES = PANEL * FLOAT_BYTES;
/** Positions of a chunk: its part of a panel takes 64 bytes for each, and stays in the first-level cache. */
const CHUNK_POSITIONS = 256;
/** Units to aim at in a call. */
const UNITS = 16;
const JOB_WORDS = 22;
const PHASE_WORDS = 9;

/** The weight gradient of one convolution. */
export class WeightGrad {
  #runner: Runner;
  #g: ConvGeometry;
  #rows: AxisPlan;
  #columns: AxisPlan;
  #top: number;
  #left: number;
  #paddedRows: number;
  #paddedColumns: number;
  #lanes: number;
  #maxBlocks: number;
  #panels: number;
  #groupPanels: number;
  #parts: number;
  #chunkPixels: number;
  #scratch: Scratch;
  #job: Uint32Array;
  #phases: Uint32Array;
  #taps: Uint32Array;
  /** Work space, in bytes from the start of the scratch. */
  #at: { sums: number; pixels: number; pairs: number; copy: number };

  constructor(runner: Runner, g: ConvGeometry, rows: AxisPlan, columns: AxisPlan) {
    this.#runner = runner;
    this.#g = g;
    this.#rows = rows;
    this.#columns = columns;
    const rowReach = reach(rows, outputHeight(g));
    const columnReach = reach(columns, outputWidth(g));
    this.#top = rowReach.before;
    this.#left = columnReach.before;
    this.#paddedRows = rowReach.size;
    this.#paddedColumns = columnReach.size;
    this.#lanes = lanesFor(g.N);
    this.#maxBlocks = Math.ceil(g.N / this.#lanes);
    this.#panels = Math.ceil(g.K / PANEL);
    const groupFilters = g.K / g.groups;
    this.#groupPanels = 1;
    for (let group = 0; group < g.groups; group++) {
      const first = Math.floor((group * groupFilters) / PANEL);
      const last = Math.floor(((group + 1) * groupFilters - 1) / PANEL);
      this.#groupPanels = Math.max(this.#groupPanels, last - first + 1);
    }
    this.#parts = Math.min(this.#groupPanels, Math.ceil(UNITS / g.C));
    this.#chunkPixels = Math.max(1, Math.floor(CHUNK_POSITIONS / this.#lanes));
    const weightBytes = sizeOf(weightShape(g)) * FLOAT_BYTES;
    const units = this.#parts * g.C;
    const gradBytes = this.#panels * this.#panelBytes;
    const sums = align(gradBytes);
    const pixels = align(sums + this.#groupPanels * g.C * g.R * g.S * SUM_BYTES);
    const pairs = align(pixels + units * this.#chunkPixels * PAIR_BYTES);
    const copy = align(pairs + units * (this.#chunkPixels * this.#lanes + 1) * PAIR_BYTES);
    this.#at = { sums, pixels, pairs, copy };
    this.#scratch = reserveScratch(runner, copy + weightBytes);
    const phaseCount = rows.runs.length * columns.runs.length;
    const tapCount = rows.runs.reduce((sum, run) => sum + (rows.phases[run.phase]?.length ?? 0), 0);
    const columnTaps = columns.runs.reduce((sum, run) => sum + (columns.phases[run.phase]?.length ?? 0), 0);
    const sizes = [JOB_WORDS, phaseCount * PHASE_WORDS, tapCount * columnTaps * 2];
    const addresses = sizes.map((size) => runner.allocate(size * WORD_BYTES));
    const view = (i: number) => new Uint32Array(runner.memory.buffer, addresses[i], sizes[i]);
    [this.#job, this.#phases, this.#taps] = [0, 1, 2].map(view);
  }

  /** weightGrad = outputGrad ∗ input, of the elements |x| ≥ threshold; all of them if it is 0. */
  run(
    batch: number,
    outputGrad: BlockedTensor,
    input: BlockedTensor,
    threshold: number,
    weightGrad: Float32Array,
  ): void {
    const blocks = blocksOf(input, batch);
    this.#transpose(blocks, outputGrad);
    writeThrough(this.#runner, weightGrad, this.#scratch.address + this.#at.copy, (address) => {
      this.#writeJob(blocks, input, address);
      const { C, groups } = this.#g;
      const job = this.#job.byteOffset;
      if (threshold > 0) {
        this.#runner.run("convWeightGradSparse", this.#parts * C, job, floatAtLeast(threshold));
      } else {
        this.#runner.run("convWeightGradDense", this.#parts * groups * Math.ceil(C / groups / 2), job);
      }
    });
  }

  get #columnBytes(): number {
    return this.#lanes * SUM_BYTES;
  }
  get #rowBytes(): number {
    return this.#paddedColumns * this.#columnBytes;
  }
  get #blockBytes(): number {
    return this.#paddedRows * this.#rowBytes;
  }
  get #panelBytes(): number {
    return this.#maxBlocks * this.#blockBytes;
  }

  #transpose(blocks: number, { origin, blockBytes, rowBytes, lanes }: BlockedTensor): void {
    this.#runner.run(
      "transposeGrad",
      this.#panels * blocks * this.#paddedRows,
      origin,
      blockBytes,
      rowBytes,
      this.#g.K,
      lanes,
      outputHeight(this.#g),
      outputWidth(this.#g),
      this.#scratch.address,
      this.#top,
      this.#left,
      this.#paddedRows,
      this.#paddedColumns,
      blocks,
      this.#maxBlocks,
    );
  }

  #writeJob(blocks: number, input: BlockedTensor, result: number): void {
    const { C, K, groups, R, S } = this.#g;
    const { address } = this.#scratch;
    const phaseCount = this.#writePhases(input);
    this.#job.set([
      input.origin,
      input.blockBytes,
      this.#lanes,
      blocks,
      groups,
      C / groups,
      K / groups,
      R * S,
      address,
      this.#panelBytes,
      this.#blockBytes,
      this.#rowBytes,
      this.#columnBytes,
      this.#groupPanels,
      this.#parts,
      address + this.#at.sums,
      address + this.#at.pixels,
      address + this.#at.pairs,
      this.#chunkPixels,
      result,
      this.#phases.byteOffset,
      phaseCount,
    ]);
  }

  /** Phases of pixels, each with its taps; returns their number. */
  #writePhases(input: BlockedTensor): number {
    let phases = 0;
    let taps = 0;
    for (const row of this.#rows.runs) {
      for (const column of this.#columns.runs) {
        if (row.phase < 0 || column.phase < 0) continue;
        const first = taps;
        for (const rowTap of this.#rows.phases[row.phase]) {
          for (const columnTap of this.#columns.phases[column.phase]) {
            const distance = rowTap.offset * this.#rowBytes + columnTap.offset * this.#columnBytes;
            this.#taps.set([distance, rowTap.index * this.#g.S + columnTap.index], taps++ * 2);
          }
        }
        this.#phases.set(
          [
            row.count,
            column.count,
            row.first * input.rowBytes + column.first * input.pixelBytes,
            row.step * input.rowBytes,
            column.step * input.pixelBytes,
            (row.source + this.#top) * this.#rowBytes + (column.source + this.#left) * this.#columnBytes,
            this.#taps.byteOffset + first * 8,
            taps - first,
          ],
          phases++ * PHASE_WORDS,
        );
      }
    }
    return phases;
  }
}

/** Elements of outputGrad that the taps of input elements reach into, from `before` elements before the first. */
function reach({ phases, runs }: AxisPlan, output: number): { before: number; size: number } {
  let first = 0;
  let last = output - 1;
  for (const { phase, source, count } of runs) {
    if (phase < 0) continue;
    for (const { offset } of phases[phase]) {
      first = Math.min(first, source + offset);
      last = Math.max(last, source + count - 1 + offset);
    }
  }
  return { before: -first, size: last - first + 1 };
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/**
 * weightGrad: transposes outputGrad once, then lets assembly/conv/weight-grad.ts sum over the nonzeros of the input, or
 * over all of it. Input pixels with the same taps form a phase, as in inputGrad.
 */

import type { ConvGeometry } from "../../../core/geometry.ts";
import { outputHeight, outputWidth, sizeOf, weightShape } from "../../../core/geometry.ts";
import { floatAboveZero } from "../float-threshold.ts";
import { type BlockedTensor, blocksOf, lanesFor } from "../layout.ts";
import { bytesOf, writeRecord } from "../records/record.ts";
import {
  PAIR_BYTES,
  PANEL_CHANNELS,
  PanelsRecord,
  PhaseRecord,
  SUM_BYTES,
  WeightGradRecord,
} from "../records/weight-grad.ts";
import type { Runner } from "../run/runner.ts";
import type { AxisPlan } from "./axis.ts";
import { reserveScratch, type Scratch, writeThrough } from "./memory.ts";

const FLOAT_BYTES = 4;
const WORD_BYTES = 4;
/** Positions of a chunk: its part of a panel takes 64 bytes for each, and stays in the first-level cache. */
const CHUNK_POSITIONS = 256;
/** Units to aim at in a call. */
const UNITS = 16;

/** Memory of a saved input (assembly/conv/saved-input.ts), and the tensor that it was saved of. */
interface Saved {
  readonly table: number;
  readonly lists: number;
  readonly unitBytes: number;
  input: BlockedTensor | null;
}

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
  /** Addresses of the records of the panels and of the gradient, of the phases and of the taps. */
  #panelsRecord: number;
  #record: number;
  #phases: number;
  #taps: Uint32Array;
  /** The input for which the phases are written, and the address behind them. */
  #phasesOf: BlockedTensor | null = null;
  #phasesEnd = 0;
  #saved: Saved | null = null;
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
    this.#panels = Math.ceil(g.K / PANEL_CHANNELS);
    const groupFilters = g.K / g.groups;
    this.#groupPanels = 1;
    for (let group = 0; group < g.groups; group++) {
      const first = Math.floor((group * groupFilters) / PANEL_CHANNELS);
      const last = Math.floor(((group + 1) * groupFilters - 1) / PANEL_CHANNELS);
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
    this.#panelsRecord = runner.allocate(bytesOf(PanelsRecord));
    this.#record = runner.allocate(bytesOf(WeightGradRecord));
    this.#phases = runner.allocate(phaseCount * bytesOf(PhaseRecord));
    const taps = tapCount * columnTaps * (PAIR_BYTES / WORD_BYTES);
    const address = runner.allocate(taps * WORD_BYTES);
    this.#taps = new Uint32Array(runner.memory.buffer, address, taps);
  }

  /** weightGrad = outputGrad ∗ input, of the elements |x| ≥ threshold; all of them if it is 0. */
  run(
    batch: number,
    outputGrad: BlockedTensor,
    input: BlockedTensor,
    threshold: number,
    weightGrad: Float32Array,
  ): void {
    if (threshold > 0) {
      this.save(batch, input, threshold);
      this.runSaved(batch, outputGrad, weightGrad);
      return;
    }
    const { C, groups } = this.#g;
    const units = this.#parts * groups * Math.ceil(C / groups / 2);
    this.#into(weightGrad, blocksOf(input, batch), outputGrad, input, () =>
      this.#runner.run("convWeightGradDense", units, this.#record),
    );
  }

  /** Saves the elements |x| ≥ threshold of an input for `runSaved`. */
  save(batch: number, input: BlockedTensor, threshold: number): void {
    const saved = this.#saved ?? this.#reserveSaved();
    this.#saved = saved;
    this.#writeRecord(blocksOf(input, batch), input, 0);
    const chunks = this.#chunksOf(blocksOf(input, batch));
    const { table, lists, unitBytes } = saved;
    this.#runner.run("saveInput", chunks, this.#record, floatAboveZero(threshold), table, lists, unitBytes);
    saved.input = input;
  }

  /** weightGrad = outputGrad ∗ the input that was saved last. */
  runSaved(batch: number, outputGrad: BlockedTensor, weightGrad: Float32Array): void {
    if (this.#saved?.input == null) throw new Error("weightGrad: no input has been saved");
    const { input, table } = this.#saved;
    this.#into(weightGrad, blocksOf(input, batch), outputGrad, input, () =>
      this.#runner.run("convWeightGradSparse", this.#parts * this.#g.C, this.#record, table),
    );
  }

  #into(
    weightGrad: Float32Array,
    blocks: number,
    outputGrad: BlockedTensor,
    input: BlockedTensor,
    run: () => void,
  ): void {
    this.#transpose(blocks, outputGrad);
    writeThrough(this.#runner, weightGrad, this.#scratch.address + this.#at.copy, (address) => {
      this.#writeRecord(blocks, input, address);
      run();
    });
  }

  /** Chunks of all phases. */
  #chunksOf(blocks: number): number {
    let chunks = 0;
    for (const row of this.#rows.runs) {
      for (const column of this.#columns.runs) {
        if (row.phase < 0 || column.phase < 0) continue;
        chunks += Math.ceil((row.count * column.count * blocks) / this.#chunkPixels);
      }
    }
    return chunks;
  }

  /** Room for all elements, of which only what is written takes memory. */
  #reserveSaved(): Saved {
    const { C } = this.#g;
    const chunks = this.#chunksOf(this.#maxBlocks);
    const positions = this.#chunkPixels * this.#lanes;
    const listBytes = WORD_BYTES + positions * (FLOAT_BYTES + 1);
    const unitBytes = align(this.#chunkPixels * PAIR_BYTES + (this.#chunkPixels + 1) * WORD_BYTES + C * listBytes);
    const table = this.#runner.allocate(chunks * C * WORD_BYTES);
    return { table, lists: this.#runner.allocate(chunks * unitBytes), unitBytes, input: null };
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

  #transpose(blocks: number, outputGrad: BlockedTensor): void {
    const panels = writeRecord(this.#runner, this.#panelsRecord, PanelsRecord, {
      address: this.#scratch.address,
      top: this.#top,
      left: this.#left,
      rows: this.#paddedRows,
      columns: this.#paddedColumns,
      blocks,
      maxBlocks: this.#maxBlocks,
    });
    const units = this.#panels * blocks * this.#paddedRows;
    this.#runner.run("transposeGrad", units, outputGrad.record, panels);
  }

  #writeRecord(blocks: number, input: BlockedTensor, result: number): void {
    if (this.#phasesOf !== input) {
      this.#phasesEnd = this.#writePhases(input);
      this.#phasesOf = input;
    }
    const { C, K, groups, R, S } = this.#g;
    const { address } = this.#scratch;
    writeRecord(this.#runner, this.#record, WeightGradRecord, {
      source: input.origin,
      sourceBlock: input.blockBytes,
      lanes: this.#lanes,
      blocks,
      groups,
      groupChannels: C / groups,
      groupFilters: K / groups,
      taps: R * S,
      grad: address,
      gradPanel: this.#panelBytes,
      gradBlock: this.#blockBytes,
      gradRow: this.#rowBytes,
      gradColumn: this.#columnBytes,
      groupPanels: this.#groupPanels,
      parts: this.#parts,
      sums: address + this.#at.sums,
      pixels: address + this.#at.pixels,
      pairs: address + this.#at.pairs,
      chunkPixels: this.#chunkPixels,
      result,
      phases: this.#phases,
      phasesEnd: this.#phasesEnd,
    });
  }

  /** Phases of pixels, each with its taps; returns the address behind the last. */
  #writePhases(input: BlockedTensor): number {
    let end = this.#phases;
    let taps = 0;
    const tapAddress = () => this.#taps.byteOffset + taps * PAIR_BYTES;
    for (const row of this.#rows.runs) {
      for (const column of this.#columns.runs) {
        if (row.phase < 0 || column.phase < 0) continue;
        const first = tapAddress();
        for (const rowTap of this.#rows.phases[row.phase]) {
          for (const columnTap of this.#columns.phases[column.phase]) {
            const distance = rowTap.offset * this.#rowBytes + columnTap.offset * this.#columnBytes;
            this.#taps.set([distance, rowTap.index * this.#g.S + columnTap.index], taps++ * 2);
          }
        }
        writeRecord(this.#runner, end, PhaseRecord, {
          rows: row.count,
          columns: column.count,
          source: row.first * input.rowBytes + column.first * input.pixelBytes,
          sourceRow: row.step * input.rowBytes,
          sourceColumn: column.step * input.pixelBytes,
          grad: (row.source + this.#top) * this.#rowBytes + (column.source + this.#left) * this.#columnBytes,
          taps: first,
          tapsEnd: tapAddress(),
        });
        end += bytesOf(PhaseRecord);
      }
    }
    return end;
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

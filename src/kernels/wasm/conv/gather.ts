/**
 * Forward, or inputGrad as a convolution of outputGrad: the tables and packed weights of one direction, and the call of its
 * kernels (assembly/conv/sparse.ts, assembly/conv/dense.ts). Byte offsets of taps depend on the rows of the tensor that is
 * read, whose halo is only known with the tensor: the tables are written for the expected one and rewritten for another.
 */

import { type BlockedTensor, blocksOf } from "../layout.ts";
import { GatherRecord, MASK_LANES, NO_PHASE, TILE_CHANNELS } from "../records/gather.ts";
import { bytesOf, writeRecord } from "../records/record.ts";
import type { Runner } from "../run/runner.ts";
import type { AxisPlan } from "./axis.ts";

/** One direction of a convolution. */
export interface GatherShape {
  readonly lanes: number;
  readonly groups: number;
  /** Channels of a group in the tensor that is written, and in the one that is read. */
  readonly targets: number;
  readonly sources: number;
  readonly rows: AxisPlan;
  readonly columns: AxisPlan;
  readonly targetRows: number;
  /** Columns of the kernel: S. */
  readonly kernelColumns: number;
  /** Most nonzero weights that lists are built for. */
  readonly maxPairs: number;
  /** Rows of the tensor that is read, with the halo that it needs. */
  readonly sourceRowBytes: number;
}

/** A tap in two dimensions: its index in R·S and its bytes from the base of a pixel's window. */
export interface Tap {
  readonly phase: number;
  readonly index: number;
  readonly offset: number;
  /** Whether the windows of pixels further left have not read it. */
  readonly isNew: boolean;
}

const FLOAT_BYTES = 4;
const WORD_BYTES = 4;
const PAIR_BYTES = 8;
/** Units to aim at in a call, so that threads find work in small images. */
const UNITS = 32;
/** Fewest channels of a unit of the sparse kernel. */
const MIN_CHANNELS = 8;
const NO_BLOCK = 0xffffffff;

/** One direction of a convolution with its packed weights. */
export class Gather {
  readonly shape: GatherShape;
  /** Address of [phase][channels] lists, and one more. */
  readonly lists: number;
  readonly listCount: number;
  /** Address of the pairs of lists, or of the panels. */
  readonly storage: number;
  /** Address of the table of phases: records/gather.ts. */
  readonly phases: number;
  readonly phaseCount: number;
  /** Whether lists or panels are in the storage. */
  sparse = true;
  #runner: Runner;
  #record: number;
  #rows: Uint32Array;
  #runs: Uint32Array;
  #phases: Uint32Array;
  #taps: Uint32Array;
  #masks: Int32Array;
  #lists: Uint32Array;
  #rowBytes: number;
  #onRows: (taps: readonly Tap[]) => void = () => {};

  constructor(runner: Runner, shape: GatherShape) {
    const { rows, columns, groups, targets, sources, targetRows } = shape;
    const tapCount = countTaps(rows) * countTaps(columns);
    this.shape = shape;
    this.#runner = runner;
    this.phaseCount = rows.phases.length * columns.phases.length;
    this.listCount = this.phaseCount * groups * targets;
    const panelBytes = groups * Math.ceil(targets / TILE_CHANNELS) * TILE_CHANNELS * tapCount * sources * FLOAT_BYTES;
    this.storage = runner.allocate(Math.max(shape.maxPairs * PAIR_BYTES, panelBytes));
    this.#record = runner.allocate(bytesOf(GatherRecord));
    const words = [targetRows * 2, columns.runs.length * 6, this.phaseCount * 5, tapCount * 3, MASK_LANES * 2];
    const addresses = [...words, this.listCount + 1].map((count) => runner.allocate(count * WORD_BYTES));
    const view = (i: number) => new Uint32Array(runner.memory.buffer, addresses[i], words[i]);
    [this.#rows, this.#runs, this.#phases, this.#taps] = [0, 1, 2, 3].map(view);
    this.phases = addresses[2];
    this.#masks = new Int32Array(runner.memory.buffer, addresses[4], MASK_LANES * 2);
    this.#masks.fill(-1);
    this.lists = addresses[5];
    this.#lists = new Uint32Array(runner.memory.buffer, this.lists, this.listCount + 1);
    this.#rowBytes = shape.sourceRowBytes;
    this.#writeTaps();
  }

  /** Taps of all phases, for the tensor read last or expected. */
  get taps(): Tap[] {
    const { rows, columns, lanes, groups, sources, kernelColumns } = this.shape;
    const pixelBytes = groups * sources * lanes * FLOAT_BYTES;
    const step = columns.runs[0].sourceStep;
    return rows.phases.flatMap((rowTaps, i) =>
      columns.phases.flatMap((columnTaps, j) =>
        rowTaps.flatMap((row) =>
          columnTaps.map((column) => ({
            phase: i * columns.phases.length + j,
            index: row.index * kernelColumns + column.index,
            offset: row.offset * this.#rowBytes + column.offset * pixelBytes,
            isNew: !columnTaps.some(({ offset }) => offset > column.offset && (offset - column.offset) % step === 0),
          })),
        ),
      ),
    );
  }

  /** Calls back with the taps, now and whenever their offsets change. */
  onTaps(listener: (taps: readonly Tap[]) => void): void {
    this.#onRows = listener;
    listener(this.taps);
  }

  /** Lengths or addresses of the lists. */
  get listWords(): Uint32Array {
    return this.#lists;
  }

  /** target = source ∗ packed weights (+ bias). `bias` is an address or 0. */
  run(batch: number, source: BlockedTensor, target: BlockedTensor, bias: number, accumulate: boolean): void {
    const { lanes, groups, targets, sources, columns, rows, targetRows } = this.shape;
    for (const { lanes: actual } of [source, target]) {
      if (actual !== lanes) throw new Error(`conv: tensors must have blocks of ${lanes} images, got ${actual}`);
    }
    if (source.rowBytes !== this.#rowBytes) this.#rebase(source.rowBytes);
    const channels = groups * targets;
    const blocks = blocksOf(target, batch);
    const rest = batch % lanes;
    this.#masks.fill(0, MASK_LANES);
    this.#masks.fill(-1, MASK_LANES, MASK_LANES + rest);
    rows.runs.forEach((run) => {
      for (let i = 0; i < run.count; i++) {
        const at = (run.first + i * run.step) * 2;
        this.#rows[at] = (run.source + i * run.sourceStep) * source.rowBytes;
        this.#rows[at + 1] = run.phase < 0 ? NO_PHASE : run.phase;
      }
    });
    this.#runs.set(
      columns.runs.flatMap((run) => [
        run.first * target.pixelBytes,
        run.step * target.pixelBytes,
        run.count,
        run.source * source.pixelBytes,
        run.sourceStep * source.pixelBytes,
        run.phase < 0 ? NO_PHASE : run.phase,
      ]),
    );
    const parts = this.sparse ? Math.ceil(channels / MIN_CHANNELS) : groups * Math.ceil(targets / TILE_CHANNELS);
    const tiles = Math.min(parts, Math.ceil(UNITS / (blocks * targetRows)));
    writeRecord(this.#runner, this.#record, GatherRecord, {
      source: source.origin,
      sourceBlock: source.blockBytes,
      target: target.origin,
      targetBlock: target.blockBytes,
      targetRow: target.rowBytes,
      rows: this.#rows.byteOffset,
      rowCount: targetRows,
      runs: this.#runs.byteOffset,
      runCount: columns.runs.length,
      columnPhases: columns.phases.length,
      channels,
      lanes,
      bias,
      accumulate: accumulate ? 1 : 0,
      masks: this.#masks.byteOffset,
      lastBlock: rest === 0 ? NO_BLOCK : blocks - 1,
      tiles,
      lists: this.lists,
      phases: this.phases,
      groups,
      groupTargets: targets,
      groupSources: sources,
    });
    this.#runner.run(this.sparse ? "convSparse" : "convDense", blocks * targetRows * tiles, this.#record);
  }

  /** Moves tables and lists to tensors with rows of another length. */
  #rebase(rowBytes: number): void {
    if (this.sparse) {
      const end = this.#lists[this.listCount];
      if (end > 0) this.#runner.call("rebaseLists", this.storage, end, this.#rowBytes, rowBytes);
    }
    this.#rowBytes = rowBytes;
    this.#writeTaps();
    this.#onRows(this.taps);
  }

  #writeTaps(): void {
    const { groups, targets, sources } = this.shape;
    const panelBytes = groups * Math.ceil(targets / TILE_CHANNELS) * TILE_CHANNELS * sources * FLOAT_BYTES;
    const taps = this.taps;
    const news = taps.filter((tap) => tap.isNew);
    const address = this.#taps.byteOffset;
    const before = [0, 0];
    for (let phase = 0; phase < this.phaseCount; phase++) {
      const counts = [taps, news].map((list) => list.filter((tap) => tap.phase === phase).length);
      const panels = this.storage + before[0] * panelBytes;
      const newAddress = address + taps.length * 8 + before[1] * WORD_BYTES;
      this.#phases.set([counts[0], address + before[0] * 8, panels, counts[1], newAddress], phase * 5);
      before[0] += counts[0];
      before[1] += counts[1];
    }
    this.#taps.set(taps.flatMap((tap) => [tap.index, tap.offset]));
    this.#taps.set(
      news.map((tap) => tap.offset),
      taps.length * 2,
    );
  }
}

function countTaps(axis: AxisPlan): number {
  let count = 0;
  for (const taps of axis.phases) count += taps.length;
  return count;
}

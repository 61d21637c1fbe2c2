/**
 * The pipeline between the global buffer and the array, six stages that are queues: read the global buffer (M1), read the
 * buffers at the tiles (M2), multiply (EX), compose outputs (W1), write them to the global buffer (W2), retire (W3).
 * An item is one line of all tiles. In a cycle every stage looks at its oldest item, the last stage first, so that an item
 * moves one stage a cycle at most; the array takes one cycle an item. Stages are shared by all tiles, and so are the times
 * at which they are ready: a read that is issued early holds back the items before it that are not at the tiles yet, so
 * that more rows or shorter delays may cost cycles. Where no stage moves, nothing changes until the next of these times: the
 * clock jumps to it. Source: DNNsim 4748a600.
 */
import type { LineDetail } from "../../../hardware/line-detail.ts";
import { Queue } from "./queue.ts";

/** One line of all tiles; every item reads weights. */
export interface Item {
  readonly readsActivations: boolean;
  /** Cycles of its reads of the global buffer. */
  readonly readCycles: number;
  /** What it carries out of the array, null before the last line of a step group. */
  readonly output: Output | null;
}

/** Outputs of a step group. */
export interface Output {
  readonly composeCycles: number;
  /** Cycles of writing them to the global buffer. */
  readonly writeCycles: number;
}

/** A pipeline that runs while items are fed to it. */
export class Pipeline {
  readonly #line: LineDetail;
  #now = 0;
  #computeCycles = 0;

  #reading: Item | null = null;
  readonly #buffered = new Queue<Item>();
  #executing: Item | null = null;
  readonly #composing = new Queue<Output>();
  #collected: Output | null = null;
  #writing = false;

  /** Lines in the buffers. */
  #activationRows = 0;
  #weightRows = 0;
  #outputRows = 0;

  #readReady = 0;
  #activationsReady = 0;
  #weightsReady = 0;
  #outputsReady = 0;
  #writeReady = 0;

  constructor(line: LineDetail) {
    this.#line = line;
  }

  /** Cycles in which the array worked. */
  get computeCycles(): number {
    return this.#computeCycles;
  }

  /** Gives the next item to the first stage, after running until that is free. */
  feed(item: Item): void {
    while (this.#reading !== null) this.#advance();
    this.#reading = item;
  }

  /** Runs until every stage is empty; returns the cycles since the start. */
  finish(): number {
    while (
      this.#reading !== null ||
      this.#buffered.size > 0 ||
      this.#executing !== null ||
      this.#composing.size > 0 ||
      this.#collected !== null ||
      this.#writing
    ) {
      this.#advance();
    }
    return this.#now;
  }

  /** One cycle, or the jump over those in which nothing moves. */
  #advance(): void {
    const line = this.#line;
    const now = this.#now;
    let moved = false;
    if (this.#writing && this.#writeReady <= now) {
      this.#writing = false;
      this.#outputRows--;
      moved = true;
    }
    if (this.#collected !== null && !this.#writing && this.#outputsReady <= now) {
      this.#writeReady = now + this.#collected.writeCycles;
      this.#collected = null;
      this.#writing = true;
      moved = true;
    }
    if (this.#composing.size > 0 && this.#collected === null) {
      this.#collected = this.#composing.take();
      this.#outputsReady = now + this.#collected.composeCycles + line.outputBuffer.writeCycles;
      this.#outputRows++;
      moved = true;
    }
    if (
      this.#executing !== null &&
      this.#outputRows < line.outputBuffer.rows &&
      this.#activationsReady <= now &&
      this.#weightsReady <= now
    ) {
      const { readsActivations, output } = this.#executing;
      this.#executing = null;
      this.#computeCycles++;
      if (readsActivations) this.#activationRows--;
      this.#weightRows--;
      if (output !== null) this.#composing.add(output);
      moved = true;
    }
    if (this.#buffered.size > 0 && this.#executing === null && this.#readReady <= now) {
      this.#executing = this.#buffered.take();
      if (this.#executing.readsActivations) this.#activationsReady = now + line.activationBuffer.readCycles;
      this.#weightsReady = now + line.weightBuffer.readCycles;
      moved = true;
    }
    if (
      this.#reading !== null &&
      this.#activationRows < line.activationBuffer.rows &&
      this.#weightRows < line.weightBuffer.rows
    ) {
      this.#readReady = Math.max(this.#readReady, now + this.#reading.readCycles);
      if (this.#reading.readsActivations) this.#activationRows++;
      this.#weightRows++;
      this.#buffered.add(this.#reading);
      this.#reading = null;
      moved = true;
    }
    this.#now = moved ? now + 1 : this.#nextReady();
  }

  /** The next time at which something becomes ready; there is one wherever no stage moves. */
  #nextReady(): number {
    const now = this.#now;
    let next = Number.POSITIVE_INFINITY;
    if (this.#readReady > now) next = this.#readReady;
    if (this.#activationsReady > now && this.#activationsReady < next) next = this.#activationsReady;
    if (this.#weightsReady > now && this.#weightsReady < next) next = this.#weightsReady;
    if (this.#outputsReady > now && this.#outputsReady < next) next = this.#outputsReady;
    if (this.#writeReady > now && this.#writeReady < next) next = this.#writeReady;
    return next;
  }
}

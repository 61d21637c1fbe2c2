/**
 * One step group as the pipeline sees it: item n is the n-th kept line of every tile that has one. It reads the lines of the
 * rows, sets that several tiles hold only once, and the lines of the columns up to the lookahead, as far as the group has not
 * read them yet; the last item carries the group's outputs. The next group reads everything anew.
 * Source: DNNsim 4748a600, where all tiles of a group share their windows.
 */

import type { LineDetail } from "../../../hardware/line-detail.ts";
import { Banks, type RequestCost } from "./banks.ts";
import { addressesOf, type LineJob } from "./line-jobs.ts";
import type { Item, Output } from "./pipeline.ts";

/** Accesses of banks, and accesses that wait for another one of their request in their bank. */
export interface BankCounts {
  activationBankReads: number;
  activationBankConflicts: number;
  weightBankReads: number;
  weightBankConflicts: number;
  outputBankWrites: number;
  outputBankConflicts: number;
}

/** What a step group feeds to the pipeline, and what that costs the banks. */
export interface StepGroup {
  readonly items: readonly Item[];
  readonly counts: BankCounts;
}

/** Counts of nothing. */
export function noCounts(): BankCounts {
  return {
    activationBankReads: 0,
    activationBankConflicts: 0,
    weightBankReads: 0,
    weightBankConflicts: 0,
    outputBankWrites: 0,
    outputBankConflicts: 0,
  };
}

/** Makes step groups. */
export class StepGroups {
  readonly #line: LineDetail;
  readonly #activationBanks: Banks;
  readonly #weightBanks: Banks;
  readonly #outputBanks: Banks;
  /** Items without outputs by the cycles of their reads: most groups share them. */
  readonly #items = new Map<number, Item>();

  constructor(line: LineDetail) {
    const banksOf = ({ banks, bankBits }: { readonly banks: number; readonly bankBits: number }) =>
      new Banks(banks, Math.ceil(bankBits / line.addressBits));
    this.#line = line;
    this.#activationBanks = banksOf(line.activations);
    this.#weightBanks = banksOf(line.weights);
    this.#outputBanks = banksOf(line.outputs);
  }

  /** The group of `count` pairs from pair `first` of `job` on. */
  make(job: LineJob, first: number, count: number): StepGroup {
    const { inner, lines, kept, lookahead } = job;
    const counts = noCounts();
    const weights = this.#weightReads(job, first % inner.sets, count);
    const size = weights.at(-1)?.end ?? 0;
    if (size === 0) return { items: [], counts };
    const spans = spansOf(job, first, count);
    const output = this.#write(job, first, count, size, counts);
    const items: Item[] = [];
    let part = 0;
    for (let n = 0; n < size; n++) {
      if (n === weights[part].end) part++;
      const { steps, accesses } = weights[part];
      counts.weightBankReads += accesses;
      counts.weightBankConflicts += steps - 1;
      let readsActivations = false;
      for (const span of spans) {
        while (span.pair < span.end && linesOf(job, span.pair % inner.sets) <= n) span.pair++;
        if (span.pair === span.end) continue;
        const current = kept === null ? n : kept[span.pair % inner.sets][n];
        const needed = Math.min(lines, current + 1 + lookahead);
        if (needed <= span.requested) continue;
        job.request(span.outerSet, span.requested, needed, this.#activationBanks);
        span.requested = needed;
        readsActivations = true;
      }
      let readCycles = steps * this.#line.weights.readCycles;
      if (readsActivations) {
        const activations = this.#activationBanks.take();
        counts.activationBankReads += activations.accesses;
        counts.activationBankConflicts += activations.steps - 1;
        readCycles = Math.max(readCycles, activations.steps * this.#line.activations.readCycles);
      }
      const isLast = n === size - 1;
      items.push(isLast ? { readsActivations, readCycles, output } : this.#item(readsActivations, readCycles));
    }
    return { items, counts };
  }

  #item(readsActivations: boolean, readCycles: number): Item {
    const key = 2 * readCycles + Number(readsActivations);
    const item = this.#items.get(key) ?? { readsActivations, readCycles, output: null };
    this.#items.set(key, item);
    return item;
  }

  /** Costs of the rows' reads: those of items up to (not including) `end`, ascending; tiles drop out as their sets end. */
  #weightReads(job: LineJob, firstInner: number, count: number): readonly (RequestCost & { readonly end: number })[] {
    const { inner, lineAddresses } = job;
    const sets = Array.from({ length: Math.min(count, inner.sets) }, (_, i) => (firstInner + i) % inner.sets);
    const ends = [...new Set(sets.map((set) => linesOf(job, set)))].filter((end) => end > 0).sort((a, b) => a - b);
    return ends.map((end) => {
      for (const set of sets) {
        if (linesOf(job, set) >= end) this.#weightBanks.addRun(set * lineAddresses, lineAddresses);
      }
      return { end, ...this.#weightBanks.take() };
    });
  }

  /** The write of a group's outputs, whose addresses lie in consecutive banks, tile after tile from bank 0 on. */
  #write(job: LineJob, first: number, count: number, size: number, counts: BankCounts): Output {
    const { outer, inner, outputBits } = job;
    const { composer, outputs, outputWriters, addressBits } = this.#line;
    let bank = 0;
    let composeSteps = 0;
    for (let pair = first; pair < first + count; pair++) {
      const set = pair % inner.sets;
      const worked = linesOf(job, set);
      if (worked === 0) continue;
      const columns = Math.floor(pair / inner.sets) % outer.sets === outer.sets - 1 ? outer.last : outer.size;
      const rows = set === inner.sets - 1 ? inner.last : inner.size;
      const addresses = addressesOf(columns * rows, outputBits, addressBits);
      if (worked === size || outputWriters === "all") {
        this.#outputBanks.addRun(bank, addresses);
        composeSteps = Math.max(composeSteps, Math.ceil(addresses / composer.inputs));
      }
      bank += addresses;
    }
    const { steps, accesses } = this.#outputBanks.take();
    counts.outputBankWrites += accesses;
    counts.outputBankConflicts += steps - 1;
    return { composeCycles: composeSteps * composer.cycles, writeCycles: steps * outputs.writeCycles };
  }
}

/** The tiles of a group that share an outer set, and how far its lines were read. */
interface Span {
  readonly outerSet: number;
  /** First pair that still works, and the one behind the last. */
  pair: number;
  readonly end: number;
  requested: number;
}

function spansOf({ inner }: LineJob, first: number, count: number): Span[] {
  const spans: Span[] = [];
  for (let pair = first; pair < first + count; ) {
    const outerSet = Math.floor(pair / inner.sets);
    const end = Math.min(first + count, (outerSet + 1) * inner.sets);
    spans.push({ outerSet, pair, end, requested: 0 });
    pair = end;
  }
  return spans;
}

/** Lines that inner set `set` keeps. */
function linesOf({ kept, lines }: LineJob, set: number): number {
  return kept === null ? lines : kept[set].length;
}

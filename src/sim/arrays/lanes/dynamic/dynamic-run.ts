/**
 * What the passes of a dynamically scheduled array share: the state of one run, and the choice of the operand whose zeros
 * are skipped. Source: DNNsim's TensorDash training model (January 2020).
 */
import type { Operand, OperationOf, Pass } from "../../../operation/operation.ts";
import type { ArrayParams } from "../array-params.ts";
import { createSetCosts, type SetCosts } from "../schedule/set-costs.ts";
import { itself, type SetScheduler, type SetsAlike, setRecorder } from "../schedule/set-recorder.ts";
import type { DispatchTotals } from "../tile-dispatch.ts";

/** Values of one entry of the on-chip buffers, by which reads and writes of banks are counted. */
export const BANK_ENTRY_VALUES = 16;

/** Accesses to banks. */
export interface BankCounts {
  reads: number;
  writes: number;
  conflicts: number;
}

/** Counts of nothing. */
export function emptyBankCounts(): BankCounts {
  return { reads: 0, writes: 0, conflicts: 0 };
}

/** One operation, of one of the passes `P`, on one machine, with the sums that it adds to. */
export interface DynamicRun<P extends Pass = Pass> extends DynamicArray {
  readonly operation: OperationOf<P>;
}

/** A machine with the sums of one operation. */
export interface DynamicArray {
  readonly params: ArrayParams & { readonly lookahead: number; readonly banks: number };
  /** How rows fill their zero lanes; null: from queues of their own nonzeros, so that every line but the last is full. */
  readonly scheduler: SetScheduler | null;
  readonly totals: DispatchTotals;
  readonly banks: BankCounts;
}

/** What an operation may skip the zeros of: an operand, the sparser one or both. */
export type SkippedOperand = Operand | "sparser" | "both";

/** Zeros and size of a tensor. */
export interface ZeroShare {
  readonly zeros: number;
  readonly size: number;
}

/** Whether a's share of zeros is larger than b's; equal shares are not. */
export function isSparser(a: ZeroShare, b: ZeroShare): boolean {
  return a.zeros * b.size > b.zeros * a.size;
}

/** An array with what schedules its rows. */
interface ScheduledArray extends Pick<DynamicRun, "scheduler"> {
  readonly params: Pick<DynamicRun["params"], "lanes" | "rows" | "lookahead">;
}

/**
 * Fills (`gather` returns how many rows it filled), schedules and records each of `sets` buffers. One that holds the same as
 * the one before, or as `alike` says, is not scheduled again.
 */
export function scheduleSets(
  { params, scheduler }: ScheduledArray,
  sets: number,
  lines: number,
  gather: (set: number, buffer: Int32Array) => number,
  alike: SetsAlike = itself,
): SetCosts {
  const costs = createSetCosts(sets, lines, params.lookahead);
  if (params.lookahead === 0) {
    // Nothing moves: every line is worked through.
    costs.rest.fill(lines);
    costs.ideal.fill(lines);
    return costs;
  }
  const buffer = new Int32Array((lines + params.lookahead) * params.rows);
  const before = new Int32Array(buffer.length);
  let [setBefore, rowsBefore] = [-1, -1];
  const recorder = setRecorder(scheduler, params.lanes, costs);
  for (let set = 0; set < sets; set++) {
    if (alike(set) !== set) {
      recorder.repeat(set, alike(set));
      continue;
    }
    const rows = gather(set, buffer);
    if (rows === rowsBefore && sameWords(buffer, before, lines * rows)) {
      recorder.repeat(set, setBefore);
      continue;
    }
    before.set(buffer);
    [setBefore, rowsBefore] = [set, rows];
    recorder.add(set, buffer, rows);
  }
  recorder.finish();
  return costs;
}

function sameWords(a: Int32Array, b: Int32Array, words: number): boolean {
  let i = 0;
  while (i < words && a[i] === b[i]) i++;
  return i === words;
}

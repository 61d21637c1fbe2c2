/**
 * What the passes of a dynamically scheduled array share: the state of one run, and the choice of the operand whose zeros
 * are skipped. Source: DNNsim's TensorDash training model (January 2020).
 */
import type { BitMask } from "../../kernels/bit-mask.ts";
import type { Operand, Operation } from "../operation.ts";
import type { ArrayParams } from "./array-params.ts";
import type { DealTotals } from "./dealing.ts";
import type { Scheduler } from "./line-walk.ts";
import { createSetCosts, recordCost, recordIdeal, recordPacked, type SetCosts } from "./set-costs.ts";

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

/** One operation on one machine, with the sums that its passes add to. */
export interface DynamicRun {
  readonly operation: Operation;
  readonly params: ArrayParams & { readonly lookahead: number; readonly banks: number };
  /** How a row fills its zero lanes; null: from a queue of its own nonzeros, so that every line but the last is full. */
  readonly schedule: Scheduler | null;
  readonly totals: DealTotals;
  readonly banks: BankCounts;
}

/** The mask of an operand. @throws Error when the operation has none. */
export function maskOf({ operation }: DynamicRun, operand: Operand): BitMask {
  const mask = operation.masks[operand];
  if (mask === undefined) throw new Error(`${operation.layer} ${operation.pass}: no mask of operand ${operand}`);
  return mask;
}

/** Zeros and size of a tensor. */
export interface ZeroShare {
  readonly zeros: number;
  readonly size: number;
}

/** Whether a's share of zeros is larger than b's; equal shares are not. */
export function isSparser(a: ZeroShare, b: ZeroShare): boolean {
  return a.zeros * b.size > b.zeros * a.size;
}

/** Fills (`gather` returns how many rows it filled), schedules and records each of `sets` buffers. */
export function scheduleSets(
  { params, schedule }: DynamicRun,
  sets: number,
  lines: number,
  gather: (set: number, buffer: Int32Array) => number,
): SetCosts {
  const costs = createSetCosts(sets, lines, params.lookahead);
  const buffer = new Int32Array((lines + params.lookahead) * params.rows);
  for (let set = 0; set < sets; set++) {
    const rows = gather(set, buffer);
    buffer.fill(0, lines * rows, (lines + params.lookahead) * rows);
    recordIdeal(costs, set, buffer, rows, params.lanes);
    if (schedule === null) {
      recordPacked(costs, set);
    } else {
      schedule(buffer, lines, rows);
      recordCost(costs, set, buffer, rows);
    }
  }
  return costs;
}

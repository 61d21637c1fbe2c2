/** Rows of a machine while a simulation works: they come in any order, and are asked for in that of the ops. */
import type { ResultRow, StreamedMachine } from "./result.ts";

/** The rows of so many ops, not each of which has one. */
export interface RowList {
  set(op: number, row: ResultRow): void;
  get(op: number): ResultRow | undefined;
  /** All rows by then, in the order of their ops. */
  rows(): StreamedMachine["rows"];
}

/** Makes the list of a machine. */
export type NewRowList = (ops: number) => RowList;

/** Rows in memory. */
export function rowsInMemory(ops: number): RowList {
  const rows = new Array<ResultRow | undefined>(ops).fill(undefined);
  return {
    set: (op, row) => {
      rows[op] = row;
    },
    get: (op) => rows[op],
    rows: () => rows.filter((row) => row !== undefined),
  };
}

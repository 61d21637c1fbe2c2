/** Results beyond what memory holds: rows wait in a file for whoever writes or compares them. */
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { Spill } from "../io/spill.ts";
import type { ResultRow, SimulationResult, StreamedResult } from "../sim/result/result.ts";
import type { NewRowList } from "../sim/result/row-list.ts";
import { inMemory } from "../sim/result/simulation-result.ts";
import { ThinRows } from "../sim/result/thin-rows.ts";

/** Rows of all machines in memory, of about 10 KB each. */
const MOST_HELD_ROWS = 2 ** 12;
/** Rows that a machine of a larger result keeps. */
export const MOST_KEPT_ROWS = 2000;

/** How to simulate into rows that may be spilled. */
export interface SpilledRows {
  readonly newList: NewRowList;
  /** Whether memory does not hold all rows. */
  readonly isSpilled: () => boolean;
}

/**
 * Calls `work` with lists whose rows go to a file once there are too many; they can be read until its promise settles.
 * @param output a file that will be written: the rows wait in its folder where that is there, else in that for temporary files.
 */
export async function withSpilledRows<Result>(
  output: string | undefined,
  work: (rows: SpilledRows) => Promise<Result>,
  mostHeld = MOST_HELD_ROWS,
): Promise<Result> {
  const folders = output === undefined ? [tmpdir()] : [dirname(output), tmpdir()];
  const spill = new Spill(folders, mostHeld);
  try {
    return await work({ newList: (ops) => spill.list<ResultRow>(ops), isSpilled: () => spill.isUsed });
  } finally {
    spill.close();
  }
}

/** A result as memory holds it: of one with too many rows those of each machine that take most cycles, and sums of the others. */
export function shownResult(result: StreamedResult, { isSpilled }: SpilledRows): SimulationResult {
  if (!isSpilled()) return inMemory(result);
  const machines = result.machines.map((machine) => {
    const thin = new ThinRows(MOST_KEPT_ROWS);
    for (const row of machine.rows) thin.add(row);
    return { ...machine, rows: thin.take() };
  });
  return { ...result, machines };
}

/** Reads results from files: as they are, or, beyond what memory holds, row by row. */
import { readJsonFile, readJsonItems, sizeOfFile } from "../io/file-source.ts";
import { type ReadResult, readFrame, readResult } from "../sim/result/read-result.ts";
import { ThinRows } from "../sim/result/thin-rows.ts";
import { MOST_KEPT_ROWS } from "./spilled-rows.ts";

/** Bytes up to which a file is read whole: some 20,000 rows. */
const MOST_WHOLE_BYTES = 2 ** 26;
const ROWS = [["machines", "*", "rows"]];

/** A result, of a large file with those rows of each machine that take most cycles and the sums of the others. @throws InputError naming the file. */
export async function readResultFile(path: string, mostWholeBytes = MOST_WHOLE_BYTES): Promise<ReadResult> {
  if ((await sizeOfFile(path)) <= mostWholeBytes) return readResult(await readJsonFile(path), path);
  const { result, warnings, checkRow } = readFrame(await readJsonItems(path, ROWS), path);
  const machines = result.machines.map((machine) => ({ machine, rows: new ThinRows(MOST_KEPT_ROWS) }));
  await readJsonItems(path, ROWS, (row, { place: [machine, index] }) =>
    machines[machine].rows.add(checkRow(row, machine, index)),
  );
  const summed = machines.reduce((sum, { rows }) => sum + rows.summed, 0);
  const note = `${path}: is large: of each machine the ${MOST_KEPT_ROWS} ops with most cycles are shown one by one, the other ${summed} as sums`;
  return {
    result: { ...result, machines: machines.map(({ machine, rows }) => ({ ...machine, rows: rows.take() })) },
    warnings: summed === 0 ? warnings : [...warnings, note],
  };
}

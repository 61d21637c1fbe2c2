/** Reads check files: whole, or, beyond what memory holds, op by op. */
import { readJsonFile, readJsonItems, sizeOfFile } from "../io/file-source.ts";
import type { StreamedResult } from "../sim/result/result.ts";
import { type CheckFile, NUMBER_KINDS, readCheck, readNumbers } from "./check.ts";
import { CheckComparison, type CheckVerdict, compareWithCheck } from "./check-comparison.ts";

/** Bytes up to which a file is read whole: some 30,000 ops. */
const MOST_WHOLE_BYTES = 2 ** 23;
const NUMBERS = NUMBER_KINDS.map((kind) => ["machines", "*", ...kind.split(".")]);

/** A check file that was read, of a large one without its numbers. */
export interface OpenedCheck {
  readonly check: CheckFile;
  /** @throws InputError for numbers that cannot be read. */
  compare(result: StreamedResult): Promise<CheckVerdict[]>;
}

/** Opens a check file. @throws InputError with a line for each fault. */
export async function openCheck(path: string, mostWholeBytes = MOST_WHOLE_BYTES): Promise<OpenedCheck> {
  if ((await sizeOfFile(path)) <= mostWholeBytes) {
    const check = readCheck(await readJsonFile(path), path);
    return { check, compare: async (result) => compareWithCheck(check, result) };
  }
  const check = readCheck(await readJsonItems(path, NUMBERS), path);
  return {
    check,
    async compare(result) {
      const comparison = new CheckComparison(check, result);
      await readJsonItems(path, NUMBERS, (value, { list, place: [machine] }) => {
        const kind = NUMBER_KINDS[list];
        for (const [op, values] of readNumbers(value, path, check.machines[machine], kind)) {
          comparison.take(machine, kind, op, values);
        }
      });
      return comparison.verdicts();
    },
  };
}

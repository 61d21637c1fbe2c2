/** Check files as tests change them: written, and read again. */
import type { StreamedResult } from "../../src/sim/result/result.ts";
import {
  type CheckedBaseline,
  type CheckedEnergy,
  type CheckFile,
  formatCheck,
  recordedCheck,
} from "../../src/studies/check.ts";

/** The check file of a result. */
export function checkFileOf(
  result: StreamedResult,
  paths: readonly string[],
  energies: readonly (CheckedEnergy | undefined)[] = [],
  compared: CheckedBaseline = {},
): CheckFile {
  return JSON.parse([...formatCheck(recordedCheck(result, paths, energies, compared))].join("")) as CheckFile;
}

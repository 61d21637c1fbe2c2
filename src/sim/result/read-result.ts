/** Reads a result back: its version, its schema, and what a schema cannot say. */
import { standingOf } from "../../core/format-versions.ts";
import { checkSchema, InputError, refusing, shown } from "../../io/faults.ts";
import { precompiled } from "../../io/validators/program.ts";
import { RESULT_VERSION, type ResultRow, ResultSchema, SELF, type SimulationResult } from "./result.ts";
import { RowSchema } from "./row.ts";
import { upgradeResult } from "./upgrade-result.ts";

precompiled(RowSchema, ResultSchema);

const OLD_MAJOR = 1;

/** A result that was read, and what to tell the user that is no error. */
export interface ReadResult {
  readonly result: SimulationResult;
  readonly warnings: readonly string[];
}

/**
 * Checks parsed JSON as a result. As with traces, an unknown minor version is read without what it adds, an unknown major one is
 * refused; version 1 is read as `upgradeResult` says, with a warning.
 * @throws InputError with a line for each fault.
 */
export function readResult(value: unknown, where: string): ReadResult {
  return refusing(where, () => checkedResult(value, where));
}

/** A result without its rows, which `checkRow` takes over one by one as those of `machine`, counting from 0. */
export interface ReadFrame extends ReadResult {
  checkRow(value: unknown, machine: number, row: number): ResultRow;
}

/** Checks a result whose rows are read later. Of version 1 it has to be whole. @throws InputError as `readResult`, also from `checkRow`. */
export function readFrame(value: unknown, where: string): ReadFrame {
  const version: unknown = (value as { schema?: unknown } | null)?.schema;
  if (standingOf(version, RESULT_VERSION) === "older major") {
    throw new InputError([`${where}: is too large for a result of version ${version}; simulate again`]);
  }
  const frame = readResult(value, where);
  const unknownKeys = version === RESULT_VERSION ? "refuse" : "drop";
  const checkRow = (row: unknown, machine: number, index: number) => {
    const path = `machines.${machine}.rows.${index}`;
    const checked = checkSchema(RowSchema, row, where, { unknownKeys, path, isOwn: true });
    const faults = traceFaults(checked, path, frame.result.traces.length);
    if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${fault}`));
    return checked;
  };
  return { ...frame, checkRow };
}

function checkedResult(value: unknown, where: string): ReadResult {
  const version: unknown = (value as { schema?: unknown } | null)?.schema;
  const standing = standingOf(version, RESULT_VERSION);
  const isOld = standing === "older major" && String(version).startsWith(`${OLD_MAJOR}.`);
  const isNewer = standing === "newer minor";
  if (standing !== "same" && !isOld && !isNewer) {
    throw new InputError([
      `${where}: schema: unknown version, got ${shown(version)}; known: ${OLD_MAJOR}.x, ${RESULT_VERSION}`,
    ]);
  }
  const current = isOld ? upgradeResult(value) : value;
  const result = checkSchema(ResultSchema, current, where, { unknownKeys: isNewer ? "drop" : "refuse" });
  const faults = indexFaults(result);
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${fault}`));
  const newer = `${where}: result version ${version} is newer than ${RESULT_VERSION}; what it adds is not understood`;
  const older = `${where}: result version ${version}: each machine is compared with its own dense counterpart and not ranked; simulate again to compare all with one dense array`;
  const isUnranked = isOld && result.baseline.machine === SELF;
  return { result, warnings: [...(isNewer ? [newer] : []), ...(isUnranked ? [older] : [])] };
}

/** Rows name traces that are there, and every trace has a footprint. */
function indexFaults({ traces, machines, footprint }: SimulationResult): string[] {
  const faults = machines.flatMap(({ rows }, m) =>
    rows.flatMap((row, r) => traceFaults(row, `machines.${m}.rows.${r}`, traces.length)),
  );
  if (footprint.length === traces.length) return faults;
  return [...faults, `footprint: must have one item a trace, got ${footprint.length} of ${traces.length}`];
}

function traceFaults({ trace }: ResultRow, at: string, traces: number): string[] {
  if (trace >= 0 && trace < traces) return [];
  return [`${at}.trace: no such trace, got ${trace}; valid: from 0 to less than ${traces}`];
}

/** Reads a result back: its version, its schema, and what a schema cannot say. */
import { checkSchema, InputError } from "../io/faults.ts";
import { RESULT_VERSION, ResultSchema, type SimulationResult } from "./result.ts";

/** A result that was read, and what to tell the user that is no error. */
export interface ReadResult {
  readonly result: SimulationResult;
  readonly warnings: readonly string[];
}

/**
 * Checks parsed JSON as a result. As with traces, an unknown minor version is read without what it adds, an unknown major one is refused.
 * @throws InputError with a line for each fault.
 */
export function readResult(value: unknown, where: string): ReadResult {
  const version = String((value as { schema?: unknown } | null)?.schema);
  const [major, minor] = version.split(".").map(Number);
  const [ourMajor, ourMinor] = RESULT_VERSION.split(".").map(Number);
  if (major !== ourMajor) {
    throw new InputError([`${where}: schema: unknown version, got ${version}; known: ${RESULT_VERSION}`]);
  }
  const isNewer = minor > ourMinor;
  const result = checkSchema(ResultSchema, value, where, { unknownKeys: isNewer ? "drop" : "refuse" });
  const faults = indexFaults(result);
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${fault}`));
  const warning = `${where}: result version ${version} is newer than ${RESULT_VERSION}; what it adds is not understood`;
  return { result, warnings: isNewer ? [warning] : [] };
}

/** Rows name traces that are there, and every trace has a footprint. */
function indexFaults({ traces, machines, footprint }: SimulationResult): string[] {
  const faults = machines.flatMap(({ rows }, m) =>
    rows.flatMap(({ trace }, r) =>
      trace >= 0 && trace < traces.length
        ? []
        : `machines.${m}.rows.${r}.trace: no such trace, got ${trace}; valid: from 0 to less than ${traces.length}`,
    ),
  );
  if (footprint.length === traces.length) return faults;
  return [...faults, `footprint: must have one item a trace, got ${footprint.length} of ${traces.length}`];
}

/**
 * The id of a run tells files of two runs in one folder apart. It is a hash of everything that decides the bytes of the run's
 * files, except the content of a data set, of which it covers the name, the number of images and their shape. The same run started
 * twice has the same id.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { parseJson } from "../io/json.ts";
import { readBytes } from "../io/read-file.ts";
import type { DataExtents } from "../swat/checkpoint.ts";
import type { TrainSettings } from "../swat/settings.ts";
import { runOf, type Trace } from "../trace/trace.ts";

const DIGITS = 16;

/** What decides the bytes of a run's files. */
export interface RunIdentity {
  readonly network: string;
  readonly dataset: string;
  /** Number and shape of the images, after limits. */
  readonly images: DataExtents;
  readonly settings: TrainSettings;
  readonly kernels: string;
  readonly record?: string | undefined;
  readonly evaluateEvery?: number | undefined;
}

/** SHA-256, cut, over the identity, whatever the order of its keys. */
export function runIdOf(identity: RunIdentity): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify(identity, sorted)).digest("hex").slice(0, DIGITS);
}

/** Faults where traces in one folder are of several runs. */
export function mixedRuns(traces: readonly Pick<Trace, "name" | "container">[]): string[] {
  const first = new Map<string, { readonly name: string; readonly run: string }>();
  return traces.flatMap((trace) => {
    const [folder, run] = [dirname(trace.name), runOf(trace)];
    if (run === undefined) return [];
    const other = first.get(folder) ?? { name: trace.name, run };
    first.set(folder, other);
    return run === other.run
      ? []
      : [`${trace.name}: is of another run than ${other.name}, got ${run}; valid: ${other.run}`];
  });
}

/** A fault where the trace lies in the folder of another run, by the summary there. */
export async function otherRun(trace: Pick<Trace, "name" | "container">): Promise<string[]> {
  const [name, own] = [trace.name, runOf(trace)];
  if (own === undefined) return [];
  const summary = join(dirname(name), "training.json");
  const text = await readBytes(summary).then(
    ({ bytes }) => new TextDecoder().decode(bytes),
    () => "{}",
  );
  let run: unknown;
  try {
    run = (parseJson(text) as { run?: unknown } | null)?.run;
  } catch {
    return [];
  }
  return typeof run !== "string" || run === own
    ? []
    : [`${name}: is of another run than ${summary}, got ${own}; valid: ${run}`];
}

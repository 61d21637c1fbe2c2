/**
 * The id of a run, by which files of two runs in one folder are told apart. It follows from what every trace says of its run:
 * network, data set, method, settings, seed and kernel build, but not the number of images. The same run started twice has the same id.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { parseJson } from "../io/json.ts";
import { readBytes } from "../io/read-file.ts";
import type { TraceManifest } from "../trace/manifest.ts";
import type { Trace } from "../trace/trace.ts";

const DIGITS = 16;

/** The id of the run that recorded a step: SHA-256, cut, over what all of its steps have in common. */
export function runIdOf({
  network,
  dataset,
  method,
  settings,
  seed,
  kernels,
}: Pick<TraceManifest, "network" | "dataset" | "method" | "settings" | "seed" | "kernels">): string {
  const text = JSON.stringify([network, dataset, method, settings, seed, kernels]);
  return createHash("sha256").update(text).digest("hex").slice(0, DIGITS);
}

/** A fault where the trace lies in the folder of another run, by the summary there. */
export async function otherRun({ name, manifest }: Pick<Trace, "name" | "manifest">): Promise<string[]> {
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
  const own = runIdOf(manifest);
  return typeof run !== "string" || run === own
    ? []
    : [`${name}: is of another run than ${summary}, got ${own}; valid: ${run}`];
}

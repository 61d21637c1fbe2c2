/** What the log of a finished run says of it as a whole: its strata, and its test accuracy over steps. */
import { join } from "node:path";
import { Type } from "../core/input/schema.ts";
import { checkSchema, InputError, refusing } from "../io/faults.ts";
import { decodeText, parseJson } from "../io/json.ts";
import { listDirectory, readBytes } from "../io/read-file.ts";
import { precompiled } from "../io/validators/program.ts";
import type { Stratum } from "../swat/step-plan.ts";
import { LOG, type LogEntry, type RunEvent } from "./log-file.ts";

/** A run as its log says it. */
export interface RunLog {
  readonly strata: readonly Stratum[];
  readonly testImages: number;
  /** By steps done. */
  readonly evaluations: readonly { readonly step: number; readonly accuracy: number }[];
}

const count = Type.Integer({ minimum: 0 });
const StratumSchema = Type.Object({ phase: count, kind: Type.String(), steps: count, from: count, to: count });
const FirstSchema = Type.Object({
  event: Type.Literal("run"),
  steps: count,
  testImages: count,
  strata: Type.Array(StratumSchema, { minItems: 1 }),
});
const LineSchema = Type.Object({
  event: Type.Enum(["epoch", "step"]),
  step: count,
  testAccuracy: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
});

precompiled(FirstSchema, LineSchema);

/** Undefined where the folder has no log, or one of before its first line said what the run is made of. @throws InputError where the run is not finished. */
export async function readRunLog(folder: string): Promise<RunLog | undefined> {
  if (!(await listDirectory(folder)).includes(LOG)) return undefined;
  const path = join(folder, LOG);
  const lines = decodeText((await readBytes(path)).bytes)
    .split("\n")
    .slice(0, -1);
  const parsed = lines.map((line, at) =>
    refusing(`${path}: line ${at + 1}`, () => parseJson(line) as LogEntry | RunEvent),
  );
  if (parsed[0]?.event !== "run") return undefined;
  const { steps, testImages, strata } = checkSchema(FirstSchema, parsed[0], `${path}: line 1`, { unknownKeys: "drop" });
  const entries = parsed
    .slice(1)
    .map((line, at) => checkSchema(LineSchema, line, `${path}: line ${at + 2}`, { unknownKeys: "drop" }));
  const evaluations = entries.flatMap(({ event, step, testAccuracy }) =>
    event === "epoch" && testAccuracy !== undefined ? { step: step + 1, accuracy: testAccuracy } : [],
  );
  const done = evaluations.at(-1)?.step ?? 0;
  if (done < steps)
    throw new InputError([`${path}: run: is not finished, got ${done} of ${steps} steps; valid: resume it`]);
  return { strata, testImages, evaluations };
}

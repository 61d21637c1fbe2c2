/** Simulating as a verb of the library: traces and machines by name and path, or opened. */
import { type Schema, Type } from "../core/input/schema.ts";
import { precompiled } from "../io/validators/program.ts";
import type { SimulationResult } from "../sim/result/result.ts";
import type { SimulationFiles } from "./open.ts";
import { checkOptions, type Hook } from "./request.ts";
import { type SimulationSettings, simulateFiles } from "./workers/simulate-threads.ts";

/** What to simulate, and how. */
export interface SimulationOptions
  extends Omit<SimulationFiles, "hw" | "modules" | "ownRefreshes">,
    SimulationSettings {
  /** Names of shipped machines, `equal-peak`, `published` or `all` of them, paths of configs, or machines that are loaded; those of equal peak where not given. */
  readonly machines?: SimulationFiles["hw"];
  /** Paths of modules of user accelerators. */
  readonly accelerators?: SimulationFiles["modules"];
}

const strict = { additionalProperties: false };
const names = Type.Array(Type.String(), { minItems: 1 });
const FIELDS = {
  traces: names,
  baselineTraces: Type.Optional(Type.Array(Type.String())),
  machines: Type.Optional(names),
  accelerators: Type.Optional(Type.Array(Type.String())),
  baseline: Type.Optional(Type.String()),
  energy: Type.Optional(Type.String()),
  sample: Type.Optional(
    Type.Object({ share: Type.Number({ exclusiveMinimum: 0, maximum: 1 }), seed: Type.String() }, strict),
  ),
  allowUnequal: Type.Optional(Type.Boolean()),
  threads: Type.Optional(Type.Integer({ minimum: 1 })),
} satisfies Record<Exclude<keyof SimulationOptions, Hook>, Schema>;
const OptionsSchema = Type.Object(FIELDS, strict);
precompiled(OptionsSchema);

/**
 * Replays traces on machines and compares them with `baseline`, or with one common dense array where they are its equals and with their
 * own dense counterpart where not. Energies come from the tables that configs name, or
 * from `energy`. Named inputs are simulated on several threads where that is faster; opened ones, on this thread.
 * @throws InputError for invalid files and for unequal comparisons; the reason of `signal` when it is aborted.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  checkOptions(OptionsSchema, options, "simulate");
  const {
    machines = ["equal-peak"],
    accelerators,
    traces,
    baselineTraces,
    baseline,
    energy,
    sample,
    ...settings
  } = options;
  const files = { traces, baselineTraces, hw: machines, modules: accelerators, baseline, energy, sample };
  return simulateFiles(files, settings);
}

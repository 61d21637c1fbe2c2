/**
 * The result of a study of whole runs: what each run takes on each machine, and how soon each method reaches the accuracy of
 * dense training. Plain JSON, the same bytes for the same runs. One declaration is the TypeScript type, the check of a result
 * that is read back, and the published JSON Schema (`schemas/time-to-accuracy.schema.json`).
 */

import { FORMAT_VERSIONS } from "../../core/format-versions.ts";
import { type Schema, type Static, Type } from "../../core/input/schema.ts";
import { precompiled } from "../../io/validators/program.ts";

/** Version of the result's schema. */
export const STUDY_VERSION = FORMAT_VERSIONS["time-to-accuracy"];

/** How much of a step counts: the array alone, the multiplications with memory, or everything. */
export const ACCOUNTS = ["array", "memory", "step"] as const;
/** One of them. */
export type Account = (typeof ACCOUNTS)[number];
/** For people. */
export const ACCOUNT_NAMES: Readonly<Record<Account, string>> = {
  array: "array only",
  memory: "with memory",
  step: "whole step",
};

const strict = { additionalProperties: false };
const count = (description: string) => Type.Integer({ minimum: 0, description });
const nullable = <S extends Schema>(schema: S, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const inAccounts = <S extends Schema>(schema: S, description: string) =>
  Type.Object({ array: schema, memory: schema, step: schema }, { ...strict, description });
const numbers = (description: string) => inAccounts(Type.Number(), description);
const numbersOrNull = (description: string) => inAccounts(Type.Union([Type.Number(), Type.Null()]), description);

const EstimateSchema = Type.Object(
  {
    value: Type.Number(),
    ci95: nullable(
      Type.Number({ minimum: 0 }),
      "half-width of the 95 % confidence interval that sampling steps leaves, 0 where all steps are recorded; null where a stratum has one sample",
    ),
  },
  strict,
);
const estimates = (description: string) => inAccounts(EstimateSchema, description);
const estimatesOrNull = (description: string) => inAccounts(Type.Union([EstimateSchema, Type.Null()]), description);

const Stratum = Type.Object(
  {
    phase: count("interval of the run between two changes of the learning rate, or a warm-up"),
    kind: Type.String({ description: "what its steps do: dense, refresh, reuse, or a kind of the method" }),
    steps: count("of the run"),
    recorded: count("of them"),
  },
  strict,
);

const Cost = {
  seconds: estimates("simulated time of all training steps"),
  picojoules: Type.Optional(estimates("energy of all training steps")),
};

const EvaluationSchema = Type.Object(
  {
    evaluations: count("of the run"),
    images: count("of each evaluation"),
    seconds: numbers("all evaluations"),
    picojoules: Type.Optional(numbers("all evaluations")),
  },
  {
    ...strict,
    description: "Not in any other number: forward passes over the test images, as long as those of recorded steps.",
  },
);

const PointSchema = Type.Object(
  {
    step: count("training steps done"),
    accuracy: Type.Number({ description: "of test images, 0..1" }),
    seconds: numbers("simulated time until then"),
    picojoules: Type.Optional(numbers("energy until then")),
  },
  strict,
);

const RunSchema = Type.Object(
  {
    name: Type.String(),
    label: Type.String({ description: "of its method" }),
    seed: Type.Integer(),
    diverged: Type.Boolean({ description: "training ended in a NaN or an infinity: there is nothing else" }),
    steps: Type.Optional(count("of the whole run")),
    strata: Type.Optional(Type.Array(Stratum)),
    withoutInterval: Type.Optional(
      Type.Array(Type.String(), {
        description: "strata with one sample of several steps, for which nothing has an interval",
      }),
    ),
    finalAccuracy: Type.Optional(Type.Number({ description: "of the last evaluation" })),
    footprint: Type.Optional(
      Type.Object(
        {
          denseBytes: count("as dense training would hold"),
          bytes: count("of the method, values and indices"),
        },
        { ...strict, description: "Most that is held during one op of a recorded step, with 32-bit values." },
      ),
    ),
    traces: Type.Optional(
      Type.Array(Type.Object({ step: count("training step"), sha256: Type.String() }, strict), {
        description: "Recorded steps.",
      }),
    ),
    machines: Type.Array(
      Type.Object(
        {
          machine: Type.String(),
          ...Cost,
          evaluation: nullable(EvaluationSchema, "null where the number of test images is not known"),
          curve: Type.Array(PointSchema, { description: "One point an evaluation." }),
        },
        strict,
      ),
    ),
  },
  strict,
);

const ToAccuracySchema = Type.Object(
  {
    margin: Type.Number({ description: "below the mean final accuracy of dense training, as a fraction" }),
    accuracy: Type.Number({ description: "that is to be reached" }),
    reached: count("seeds that reach it"),
    seconds: numbersOrNull(
      "simulated time until the first evaluation that reaches it, median of these seeds; null for none",
    ),
    picojoules: Type.Optional(numbersOrNull("energy until then")),
    speedup: numbersOrNull("time of dense training on this machine / time"),
    speedupOverCommon: Type.Optional(numbersOrNull("time of dense training on the common dense machine / time")),
    energyGain: Type.Optional(numbersOrNull("energy of dense training on this machine / energy")),
  },
  strict,
);

const MethodMachineSchema = Type.Object(
  {
    machine: Type.String(),
    ...Cost,
    speedup: estimatesOrNull("of the run at equal steps: time of dense training on this machine / time"),
    speedupOverCommon: Type.Optional(
      estimatesOrNull(
        "time of dense training on the common dense machine / time; only for machines of its peak, clock, datatype and memory",
      ),
    ),
    energyGain: Type.Optional(estimatesOrNull("energy of dense training on this machine / energy")),
    toAccuracy: Type.Array(ToAccuracySchema, { description: "None without dense training." }),
  },
  strict,
);

const MethodSchema = Type.Object(
  {
    label: Type.String({ description: "method, and its sparsity unless it is dense" }),
    method: Type.String(),
    sparsity: Type.Optional(Type.Number()),
    seeds: Type.Array(Type.Integer()),
    diverged: count("seeds whose training diverged; they reach no accuracy"),
    finalAccuracy: nullable(Type.Number(), "mean of the seeds that did not diverge"),
    footprint: nullable(
      Type.Object({ denseBytes: Type.Integer(), bytes: Type.Integer() }, strict),
      "the largest of the seeds",
    ),
    machines: Type.Array(MethodMachineSchema, { description: "Costs are means of the seeds that did not diverge." }),
  },
  strict,
);

/** Schema of a whole result. */
export const StudySchema = Type.Object(
  {
    schema: Type.String(),
    network: Type.String(),
    dataset: Type.Optional(Type.String()),
    common: Type.String({ description: "the common dense machine" }),
    machines: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          isEqual: Type.Boolean({ description: "to the common one in peak, clock, datatype and memory" }),
        },
        strict,
      ),
    ),
    notCharged: Type.Array(Type.String(), { description: "Kinds of ops that no trace holds, and what traces lack." }),
    methods: Type.Array(MethodSchema),
    runs: Type.Array(RunSchema),
  },
  strict,
);

precompiled(StudySchema);

/** A whole result. */
export type StudyResult = Static<typeof StudySchema>;
/** A run of it. */
export type StudyRun = Static<typeof RunSchema>;
/** A run on a machine. */
export type StudyRunMachine = StudyRun["machines"][number];
/** All runs of a method. */
export type StudyMethod = Static<typeof MethodSchema>;
/** A method on a machine. */
export type StudyMethodMachine = Static<typeof MethodMachineSchema>;
/** A number and its interval. */
export type Estimate = Static<typeof EstimateSchema>;
/** Something in all three accounts. */
export type InAccounts<T> = Readonly<Record<Account, T>>;

/** Something in all three accounts, each worked out by itself. */
export function accounts<T>(of: (account: Account) => T): { array: T; memory: T; step: T } {
  return { array: of("array"), memory: of("memory"), step: of("step") };
}

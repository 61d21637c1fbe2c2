/** What a study of whole runs is about: runs to train, runs that were made elsewhere, and machines. */
import { optionalFields, type Static, Type } from "../../core/input/schema.ts";
import { checkNamedSchema, checkSchema, InputError, refusing, within } from "../../io/faults.ts";
import { precompiled } from "../../io/validators/program.ts";
import { networkNamed } from "../../networks/index.ts";
import { maskMethodNamed } from "../../sparsity/masks/index.ts";
import { dataSetNamed } from "../../swat/data/index.ts";
import { recordSelection } from "../../swat/record-selection.ts";
import { SettingsSchema } from "../../swat/settings.ts";

const strict = { additionalProperties: false };
const count = (minimum: number, description: string) => Type.Integer({ minimum, description });
const share = Type.Number({ minimum: 0, exclusiveMaximum: 1 });

const { method: _, sparsity: __, seed: ___, ...commonSettings } = SettingsSchema.properties;

const settingsSchema = (description: string) => Type.Object(optionalFields(commonSettings), { ...strict, description });

const MethodSchema = Type.Object(
  {
    method: Type.String({ description: "as train takes it" }),
    name: Type.Optional(Type.String({ minLength: 1, description: "in the result; default that of the method" })),
    sparsities: Type.Optional(
      Type.Array(share, { minItems: 1, uniqueItems: true, description: "default those of all" }),
    ),
    settings: Type.Optional(settingsSchema("of its runs, over those of all")),
  },
  strict,
);

const TrainSchema = Type.Object(
  {
    network: Type.String({ description: "as train takes it" }),
    data: Type.String({ description: "as train takes it" }),
    limit: Type.Optional(count(1, "training images to use; default all")),
    testLimit: Type.Optional(count(1, "test images to use; default a fifth of the limit, else all")),
    methods: Type.Array(Type.Union([Type.String(), MethodSchema]), {
      minItems: 1,
      uniqueItems: true,
      description: "Names, or what distinguishes a method from the others.",
    }),
    sparsities: Type.Optional(
      Type.Array(share, { minItems: 1, uniqueItems: true, description: "of every method but dense training" }),
    ),
    seeds: Type.Array(count(0, "of weights, shuffling and generated images"), { minItems: 1, uniqueItems: true }),
    record: Type.Optional(
      Type.String({ description: "steps to simulate, as train records them; default stratified:4" }),
    ),
    evaluateEvery: Type.Optional(count(1, "epochs from evaluation to evaluation; default 1")),
    settings: Type.Optional(settingsSchema("of all runs; default as of train")),
  },
  { ...strict, description: "Runs to train: every method, sparsity and seed." },
);

const StratumSchema = Type.Object(
  {
    phase: count(0, "as traces say"),
    kind: Type.String({ minLength: 1, description: "stepKind of traces, `step` where they say none" }),
    steps: count(1, "of the run"),
    from: count(0, "first step over which they are spread"),
    to: count(1, "step behind the last one"),
  },
  strict,
);

const ElsewhereSchema = Type.Object(
  {
    traces: Type.String({ description: "folder of recorded steps, with the log.jsonl of train or without" }),
    accuracy: Type.Optional(
      Type.String({
        description: "CSV with the columns step, of steps done, and accuracy, 0..1; needed without a log",
      }),
    ),
    steps: Type.Optional(count(1, "of the whole run; default the last of the CSV")),
    strata: Type.Optional(
      Type.Array(StratumSchema, {
        minItems: 1,
        description: "needed without a log where traces say several phases or kinds",
      }),
    ),
    method: Type.Optional(
      Type.String({ minLength: 1, description: "default as traces say; dense is what others are compared with" }),
    ),
    sparsity: Type.Optional(share),
    seed: Type.Optional(count(0, "default as traces say, else 0")),
  },
  strict,
);

/** A study as its file says it. */
export const StudySpecSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors." })),
    machines: Type.Optional(
      Type.Array(Type.String(), {
        minItems: 1,
        uniqueItems: true,
        description:
          "Names of shipped machines, equal-peak, published or all of them, or paths of configs; default equal-peak.",
      }),
    ),
    energy: Type.Optional(Type.String({ description: "Energy table for all machines, by name or path." })),
    train: Type.Optional(TrainSchema),
    runs: Type.Optional(Type.Array(ElsewhereSchema, { minItems: 1, description: "Runs that are finished." })),
  },
  strict,
);

precompiled(StudySpecSchema);

/** A checked study. */
export type StudySpec = Static<typeof StudySpecSchema>;
/** Runs to train. */
export type TrainSpec = Static<typeof TrainSchema>;
/** A finished run. */
export type ElsewhereSpec = Static<typeof ElsewhereSchema>;

/** Checks a parsed spec. @throws InputError with a line for each fault. */
export function checkStudySpec(value: unknown, where: string): StudySpec {
  return refusing(where, () => {
    checkNamedSchema(value, "time-to-accuracy-spec", where);
    const spec = checkSchema(StudySpecSchema, value, where);
    const { train, runs } = spec;
    if (train === undefined && runs === undefined) throw new InputError([`${where}: missing key "train" or "runs"`]);
    if (train !== undefined) checkTrain(train, where);
    return spec;
  });
}

function checkTrain(train: TrainSpec, where: string): void {
  const { network, data, record } = train;
  within(`${where}: train.network`, () => networkNamed(network));
  within(`${where}: train`, () => dataSetNamed(data));
  if (record !== undefined) within(`${where}: train`, () => recordSelection(record));
  const without = studiedMethods(train).filter(
    ({ method, sparsities }) => hasSparsity(method) && sparsities === undefined,
  );
  if (without.length > 0) {
    throw new InputError([
      `${where}: train: missing key "sparsities", of ${without.map(({ name }) => name).join(", ")}`,
    ]);
  }
}

/** Whether runs of a method are asked for by sparsity: dense training has none, and that of N:M follows from its pattern. */
function hasSparsity(method: string): boolean {
  return method !== "dense" && maskMethodNamed(method)?.sparsityOf === undefined;
}

/** The methods of a study with what they do not say filled in; sparsities are undefined where a method has none to choose. */
export function studiedMethods({ methods, sparsities, settings }: TrainSpec) {
  return methods.map((entry) => {
    const given = typeof entry === "string" ? { method: entry } : entry;
    const { method, name = method } = given;
    return {
      ...{ method, name, settings: { ...settings, ...given.settings } },
      sparsities: hasSparsity(method) ? (given.sparsities ?? sparsities) : undefined,
    };
  });
}

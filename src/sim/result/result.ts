/**
 * The result of a simulation: plain JSON, the same bytes for the same input (no date, no path, no duration). One
 * declaration is the TypeScript type, the check of a result that is read back, and the published JSON Schema
 * (`schemas/result.schema.json`).
 */

import { FORMAT_VERSIONS } from "../../core/format-versions.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { FootprintSchema } from "../../step/footprint.ts";
import { CoverageSchema } from "../../trace/coverage.ts";
import { HardwareConfigSchema } from "../hardware/machine.ts";
import { byPath, count, Energy, mean, picojoules, RowSchema, ratio, seconds, strict } from "./row.ts";

/** Version of the result's schema. */
export const RESULT_VERSION = FORMAT_VERSIONS.result;

/** What a result calls its baseline where each machine is compared with its own dense counterpart. */
export const SELF = "self";

const ComputeTotal = Type.Object(
  {
    cycles: mean("cycles in which the array works"),
    baselineCycles: mean("cycles in which the baseline's array works"),
    counterpartCycles: mean("cycles in which the array of the own dense counterpart works"),
    idealCycles: mean("effectual MACs / multipliers, op by op"),
    speedup: ratio("time over the baseline: baselineCycles / cycles, at the machines' clocks"),
    ownSkippingGain: ratio("counterpartCycles / cycles: the gain over the machine's own array without skipping"),
    idealSpeedup: ratio("baselineCycles / idealCycles, at the machines' clocks: the bound"),
    speedupFromZeros: ratio(
      "cycles on operands without a zero / cycles: the part of ownSkippingGain that zeros of the operands give, not padding",
    ),
  },
  { ...strict, description: "The array alone, as if memory and scheduling were free." },
);

const Total = Type.Object(
  {
    cycles: mean("of this machine"),
    seconds: seconds("of this machine"),
    baselineSeconds: seconds("of the baseline, which trains densely and selects nothing"),
    counterpartSeconds: Type.Optional(seconds("of the own dense counterpart, which selects nothing; see the rows")),
    selectionSeconds: seconds(
      "of `seconds`: selecting the values that the method keeps, which dense training and so the baseline does not pay",
    ),
    speedup: ratio("baselineSeconds / seconds: how much faster than the baseline"),
    ownSkippingGain: Type.Optional(
      ratio("counterpartSeconds / seconds: the gain over the machine's own array without skipping"),
    ),
    speedupFromZeros: ratio("noZerosSeconds / seconds: the part that zeros of the operands give, padding left out"),
    idealSpeedup: ratio("baselineSeconds / (effectual MACs / peak), plus the ops without MACs: the bound"),
    denseTrainingSeconds: Type.Optional(seconds("of this machine on the dense-training trace, for as many steps")),
    speedupOverDenseTraining: Type.Optional(ratio("denseTrainingSeconds / seconds: what the training method adds")),
    compute: ComputeTotal,
    denseMacs: mean("MACs whose operands exist"),
    effectualMacs: mean("MACs of two nonzeros"),
    energy: Type.Optional(
      Type.Object({ ...Energy, ratio: ratio("baselinePicojoules / picojoules: × less than the baseline") }, strict),
    ),
    ci95: Type.Optional(
      byPath(
        "half-width of the 95 % confidence interval of every number of this total that is an estimate, by its path, as `compute.speedup`",
      ),
    ),
  },
  { ...strict, description: "Means over the traces; a ratio is one of means." },
);

const TraceId = Type.Object(
  {
    name: Type.String(),
    sha256: Type.String(),
    step: count("training step"),
    network: Type.String(),
    method: Type.String(),
    sparsity: Type.Optional(Type.Number()),
    seed: Type.Optional(Type.Integer()),
    coverage: Type.Optional(CoverageSchema),
  },
  strict,
);

const MappingSchema = Type.Object(
  {
    lanes: Type.String({ description: "what the lanes reduce over" }),
    rows: Type.String(),
    columns: Type.String(),
    stationary: Type.String(),
    skipped: Type.Enum(["none", "weight", "input", "outputGrad", "sparser", "both", "sparser or both"], {
      description: "operand whose zeros may save time",
    }),
    referee: Type.String({ description: "what the compute cycles are validated against" }),
  },
  strict,
);

const MachineResultSchema = Type.Object(
  {
    name: Type.String(),
    config: HardwareConfigSchema,
    modelVersion: count("version of the accelerator's model; raised when counts change by design"),
    mappings: Type.Object({ forward: MappingSchema, inputGrad: MappingSchema, weightGrad: MappingSchema }, strict),
    peakMacsPerSecond: Type.Number(),
    baseline: Type.Object(
      {
        name: Type.String(),
        config: HardwareConfigSchema,
        isCounterpart: Type.Boolean({
          description: "Whether this is the machine's own array without skipping and compression.",
        }),
        differences: Type.Array(Type.String(), {
          description: "Terms in which the machine differs from the common baseline; with any, it is not ranked.",
        }),
      },
      { ...strict, description: "What the machine is compared with." },
    ),
    notCharged: Type.Optional(
      Type.Array(Type.String(), { description: "what this machine would have to wait for and is not charged" }),
    ),
    isBound: Type.Boolean({ description: "Whether this is a bound that no machine reaches; it is not ranked." }),
    energy: Type.Optional(
      Type.Object(
        {
          table: Type.String(),
          node: Type.String(),
          family: Type.String({ description: "whose constants these are" }),
          constants: Type.Array(
            Type.Object(
              {
                component: Type.String(),
                action: Type.String(),
                picojoules: picojoules("of one action"),
                unit: Type.String(),
                source: Type.String(),
              },
              strict,
            ),
            { description: "all that this machine pays, in the order in which they are added up" },
          ),
        },
        strict,
      ),
    ),
    rows: Type.Array(RowSchema),
    totals: Type.Object(
      {
        forward: Total,
        inputGrad: Total,
        weightGrad: Total,
        matmul: Total,
        other: Total,
        training: Total,
      },
      strict,
    ),
  },
  strict,
);

/** Schema of a whole result. */
export const ResultSchema = Type.Object(
  {
    schema: Type.String(),
    traces: Type.Array(TraceId, { description: "In the order of their steps; totals are means over them." }),
    baseline: Type.Object(
      {
        machine: Type.String({
          description:
            "Name of the common baseline, or `self`: each machine is compared with its own dense counterpart.",
        }),
        traces: Type.Array(TraceId, { description: "Dense-training traces, where given." }),
      },
      strict,
    ),
    sample: Type.Optional(
      Type.Object(
        { share: Type.Number({ description: "of images or channels, 0..1" }), seed: Type.String() },
        { ...strict, description: "Only where a sample was simulated." },
      ),
    ),
    notCharged: Type.Array(Type.String(), {
      description: "Kinds of ops that the traces do not hold and nobody paid for.",
    }),
    incomplete: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "Only where a trace lacks part of its step, a line each: `matmul`, `other`, `training` and the footprint are of what is recorded.",
      }),
    ),
    machines: Type.Array(MachineResultSchema, {
      description:
        "Those compared with the common baseline on equal terms by time of the step, the fastest first; then bounds; then the others.",
    }),
    footprint: Type.Array(FootprintSchema, { description: "Bytes held for a training step, one entry a trace." }),
  },
  strict,
);

/** A whole result. */
export type SimulationResult = Static<typeof ResultSchema>;
/** What one machine gave. */
export type MachineResult = Static<typeof MachineResultSchema>;
/** A result whose rows need not be in memory, but are read in order as often as somebody asks. */
export interface StreamedResult extends Omit<SimulationResult, "machines"> {
  readonly machines: readonly StreamedMachine[];
}
/** What one machine gave, with rows that need not be in memory. */
export interface StreamedMachine extends Omit<MachineResult, "rows"> {
  readonly rows: Iterable<ResultRow> & Pick<readonly ResultRow[], "length" | "at">;
}
/** One op of one step on one machine. */
export type ResultRow = Static<typeof RowSchema>;
/** Sums over rows. */
export type ResultTotal = Static<typeof Total>;
/** What a result says of a trace. */
export type TraceIdentity = Static<typeof TraceId>;

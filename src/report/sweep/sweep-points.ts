/** The result of a sweep: one line of JSON a point. The declaration is the type, the check, and the published JSON Schema. */
import { type Static, Type } from "../../core/input/schema.ts";
import { CoverageSchema } from "../../trace/coverage.ts";

const strict = { additionalProperties: false };
const ratio = (description: string) =>
  Type.Union([Type.Number(), Type.Null()], { description: `${description}; null for 0/0` });

const Metrics = Type.Object(
  {
    cycles: Type.Number({ description: "of the step" }),
    seconds: Type.Number({ description: "of the step" }),
    speedup: ratio("of the step over the baseline"),
    ownSkippingGain: Type.Optional(
      ratio(
        "of the step over the same array without skipping and compression; absent before 0.2, where speedup was that",
      ),
    ),
    speedupFromZeros: ratio("of the step over the same machine on operands without a zero"),
    matmulSpeedup: ratio("as `speedup`, of the ops that multiply"),
    computeSpeedup: ratio("as `matmulSpeedup`, of the array alone"),
    energyPicojoules: Type.Union([Type.Number(), Type.Null()], { description: "of the step; null where not modelled" }),
    dramBytes: Type.Number({ description: "moved between DRAM and the chip" }),
    onChipBytes: Type.Number({ description: "capacity of all on-chip levels" }),
    multipliers: Type.Integer({ description: "of the array" }),
  },
  strict,
);

const place = {
  point: Type.Record(Type.Unknown(), { description: "Swept fields with their values." }),
  machine: Type.String({ description: "The config that the fields change." }),
  trace: Type.String({ description: "File name of the trace, or what tells a synthetic one apart." }),
  sha256: Type.Optional(Type.String({ description: "Of the trace's bytes." })),
  synthetic: Type.Optional(
    Type.Record(Type.Union([Type.String(), Type.Number()]), {
      description: "All settings that a synthetic trace is drawn with, as `swat-sim trace synth` names them.",
    }),
  ),
};

/** A point of a sweep: its metrics, or why its config is refused. */
export const SweepPointSchema = Type.Object(
  {
    ...place,
    baseline: Type.Optional(
      Type.String({
        description: "What speed-ups are over; absent before 0.2: each machine's own array without skipping.",
      }),
    ),
    metrics: Type.Optional(Metrics),
    coverage: Type.Optional(CoverageSchema),
    error: Type.Optional(Type.String({ description: "Why there are no metrics." })),
  },
  strict,
);

/** A point of a sweep. */
export type SweepPoint = Static<typeof SweepPointSchema>;
/** What a point gave. */
export type SweepMetrics = Static<typeof Metrics>;

/** A point that has metrics. */
export type MeasuredPoint = SweepPoint & { readonly metrics: SweepMetrics };

/** Whether a point was simulated, not refused. */
export function isMeasured(point: SweepPoint): point is MeasuredPoint {
  return point.metrics !== undefined;
}

/**
 * The sensitivity study as numbers: its points, the curves that they make, and both as CSV and as a table. Pure functions of
 * finished points.
 */

import { type Static, Type } from "../../core/input/schema.ts";
import { SPARSITY_RANGE } from "../../core/sparsity-range.ts";
import { csvText } from "../../io/csv-text.ts";
import { DROPS, type Drop, isSwat } from "../../sparsity/operand-masking.ts";
import { percent, plainTable } from "../tables/table.ts";

const strict = { additionalProperties: false };
const ratio = () => Type.Union([Type.Number(), Type.Null()]);

/** One training run of a study and what its last step gains on the machine. */
export const SensitivityPointSchema = Type.Object(
  {
    name: Type.String(),
    drop: Type.Array(Type.Enum(DROPS), { description: "empty for dense training" }),
    sparsity: Type.Number(SPARSITY_RANGE),
    seed: Type.Integer(),
    outcome: Type.Union([Type.Null(), outcome()], { description: "null where training diverged" }),
  },
  strict,
);

function outcome() {
  return Type.Object(
    {
      testAccuracy: Type.Number(),
      loss: Type.Number({ description: "mean over the last epoch" }),
      denseMacs: Type.Integer(),
      effectualMacs: Type.Integer(),
      speedup: Type.Object(
        { forward: ratio(), inputGrad: ratio(), weightGrad: ratio(), matmul: ratio(), step: ratio() },
        {
          ...strict,
          description:
            "Over the machine's own array without skipping: by pass and over all passes, the array alone and by zeros only; `step` with memory, padding and all that does not multiply.",
        },
      ),
    },
    strict,
  );
}

/** A point of a study. */
export type SensitivityPoint = Static<typeof SensitivityPointSchema>;

/** The seeds of one sparsity together. */
interface CurvePoint {
  readonly sparsity: number;
  /** Seeds that were trained, and those of them that diverged. */
  readonly seeds: number;
  readonly diverged: number;
  /** Mean test accuracy of those that did not diverge, 0..1; null where all did. */
  readonly accuracy: number | null;
  /** Standard error of that mean; null with less than two. */
  readonly standardError: number | null;
  /** Mean speed-up of all passes, the array alone, by zeros only. */
  readonly speedup: number | null;
}

/** What dropping one thing does, by sparsity. */
export interface Curve {
  readonly label: string;
  readonly drop: readonly Drop[];
  readonly points: readonly CurvePoint[];
}

/** The curves of what was dropped, in the order of the points; all begin with dense training, if that was trained. */
export function curvesOf(points: readonly SensitivityPoint[]): Curve[] {
  const dense = points.filter(({ drop }) => drop.length === 0);
  const sparse = points.filter(({ drop }) => drop.length > 0);
  return unique(sparse.map(({ drop }) => drop.join("+"))).map((key) => {
    const own = [...dense, ...sparse.filter(({ drop }) => drop.join("+") === key)];
    const drop = own[own.length - 1].drop;
    const sparsities = unique(own.map(({ sparsity }) => sparsity)).sort((a, b) => a - b);
    return {
      label: labelOf(drop),
      drop,
      points: sparsities.map((sparsity) => curvePoint(own.filter((point) => point.sparsity === sparsity))),
    };
  });
}

function curvePoint(points: readonly SensitivityPoint[]): CurvePoint {
  const outcomes = points.flatMap((point) => point.outcome ?? []);
  const accuracies = outcomes.map(({ testAccuracy }) => testAccuracy);
  const accuracy = mean(accuracies);
  return {
    sparsity: points[0].sparsity,
    seeds: points.length,
    diverged: points.length - outcomes.length,
    accuracy,
    standardError: standardError(accuracies),
    speedup: mean(outcomes.flatMap(({ speedup }) => speedup.matmul ?? [])),
  };
}

/** What is dropped, for people: SWAT by its name. */
function labelOf(drop: readonly Drop[]): string {
  return isSwat(drop) ? "SWAT" : drop.map((one) => one.replace(":", " ")).join(" + ");
}

/** CSV of all points, with a header. */
export function sensitivityCsv(points: readonly SensitivityPoint[]): string {
  const records = points.map(({ drop, sparsity, seed, outcome: done }) => ({
    dropped: drop.join("+"),
    sparsity,
    seed,
    diverged: Number(done === null),
    test_accuracy: done?.testAccuracy ?? null,
    loss: done?.loss ?? null,
    dense_macs: done?.denseMacs ?? null,
    effectual_macs: done?.effectualMacs ?? null,
    forward_speedup: done?.speedup.forward ?? null,
    inputGrad_speedup: done?.speedup.inputGrad ?? null,
    weightGrad_speedup: done?.speedup.weightGrad ?? null,
    matmul_speedup: done?.speedup.matmul ?? null,
    step_speedup: done?.speedup.step ?? null,
  }));
  return csvText(records);
}

/** Test accuracy ± standard error and speed-up of every curve, one column a sparsity. */
export function sensitivityTable(curves: readonly Curve[]): string {
  const sparsities = unique(curves.flatMap(({ points }) => points.map(({ sparsity }) => sparsity))).sort(
    (a, b) => a - b,
  );
  const table = (what: string, cell: (point: CurvePoint) => string) => {
    const rows = plainTable([what, ...sparsities.map(percent)], 1);
    for (const { label, points } of curves) {
      const cells = sparsities.map((sparsity) => points.find((point) => point.sparsity === sparsity));
      rows.push([label, ...cells.map((point) => (point === undefined ? "" : cell(point)))]);
    }
    return rows.toString();
  };
  return [
    table("test accuracy, dropped:", accuracyCell),
    "",
    table("speed-up ×, dropped:", ({ speedup }) => (speedup === null ? "–" : speedup.toFixed(2))),
  ].join("\n");
}

function accuracyCell({ accuracy, standardError: error, diverged, seeds }: CurvePoint): string {
  const failed = diverged > 0 ? ` (${diverged} of ${seeds} diverged)` : "";
  if (accuracy === null) return `–${failed}`;
  return `${percent(accuracy)}${error === null ? "" : ` ± ${percent(error)}`}${failed}`;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** √(Σ(v − mean)² / (n − 1) / n). */
function standardError(values: readonly number[]): number | null {
  const n = values.length;
  if (n < 2) return null;
  const center = mean(values) as number;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (n - 1) / n);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** The points of a design-space sweep as a report reads them, and the Pareto front of what is gained and what it costs. */
import { type Static, Type } from "typebox";

const strict = { additionalProperties: false };

/** One line of a sweep's `points.jsonl`. */
export const SweepPointSchema = Type.Object(
  {
    point: Type.Record(Type.String(), Type.Unknown(), { description: "value by path of a field of the config" }),
    machine: Type.String(),
    trace: Type.String(),
    metrics: Type.Object(
      {
        cycles: Type.Number(),
        seconds: Type.Number(),
        speedup: Type.Number(),
        speedupFromZeros: Type.Number(),
        matmulSpeedup: Type.Number(),
        computeSpeedup: Type.Number(),
        energyPicojoules: Type.Union([Type.Number(), Type.Null()]),
        dramBytes: Type.Number(),
        onChipBytes: Type.Number(),
        multipliers: Type.Number(),
      },
      strict,
    ),
  },
  strict,
);

/** A point of a sweep. */
export type SweepPoint = Static<typeof SweepPointSchema>;

/** What a gain is paid with. */
export interface Cost {
  readonly key: "energyPicojoules" | "multipliers" | "onChipBytes" | "cycles";
  readonly label: string;
  /** Of the axis, in units of the metric. */
  readonly unit: number;
}

const COSTS: readonly Cost[] = [
  { key: "energyPicojoules", label: "energy of the steps (µJ)", unit: 1e6 },
  { key: "multipliers", label: "multipliers", unit: 1 },
  { key: "onChipBytes", label: "on-chip memory (MiB)", unit: 2 ** 20 },
  { key: "cycles", label: "cycles", unit: 1 },
];

/** The first cost that all points know and that tells them apart. */
export function costOf(points: readonly SweepPoint[]): Cost {
  const differs = ({ key }: Cost) => {
    const values = points.map(({ metrics }) => metrics[key]);
    return !values.includes(null) && new Set(values).size > 1;
  };
  return COSTS.find(differs) ?? COSTS[1];
}

/** The points of a trace that no other of its points beats in speed-up without costing more, or in cost without being slower. */
export function paretoFront(points: readonly SweepPoint[], { key }: Cost): Set<SweepPoint> {
  const front = new Set<SweepPoint>();
  for (const trace of new Set(points.map((point) => point.trace))) {
    let best = Number.NEGATIVE_INFINITY;
    let bestCost = Number.NaN;
    const costs = ({ metrics }: SweepPoint) => metrics[key] as number;
    const sorted = points
      .filter((point) => point.trace === trace && point.metrics[key] !== null)
      .sort((a, b) => costs(a) - costs(b) || b.metrics.speedup - a.metrics.speedup);
    for (const point of sorted) {
      const { speedup } = point.metrics;
      // A point that equals one of the front is no worse than it.
      if (speedup < best || (speedup === best && costs(point) !== bestCost)) continue;
      front.add(point);
      best = speedup;
      bestCost = costs(point);
    }
  }
  return front;
}

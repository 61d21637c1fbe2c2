/** The Pareto front of a sweep: what is gained and what it costs. */
import { grouped } from "../../core/grouped.ts";
import type { MeasuredPoint } from "./sweep-points.ts";

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
export function costOf(points: readonly MeasuredPoint[]): Cost {
  const differs = ({ key }: Cost) => {
    const values = points.map(({ metrics }) => metrics[key]);
    return !values.includes(null) && new Set(values).size > 1;
  };
  return COSTS.find(differs) ?? COSTS[1];
}

/**
 * The points of a trace and baseline that no other of them beats in speed-up without costing more, or in cost without being
 * slower.
 */
export function paretoFront(points: readonly MeasuredPoint[], { key }: Cost): Set<MeasuredPoint> {
  const front = new Set<MeasuredPoint>();
  const placeOf = ({ trace, baseline = "" }: MeasuredPoint) => JSON.stringify([trace, baseline]);
  for (const own of grouped(points.map((point) => [placeOf(point), point])).values()) {
    let best = Number.NEGATIVE_INFINITY;
    let bestCost = Number.NaN;
    const costs = ({ metrics }: MeasuredPoint) => metrics[key] as number;
    const sorted = own
      .filter((point) => point.metrics[key] !== null)
      .sort((a, b) => costs(a) - costs(b) || (b.metrics.speedup ?? 0) - (a.metrics.speedup ?? 0));
    for (const point of sorted) {
      const speedup = point.metrics.speedup ?? 0;
      // A point that equals one of the front is no worse than it.
      if (speedup < best || (speedup === best && costs(point) !== bestCost)) continue;
      front.add(point);
      best = speedup;
      bestCost = costs(point);
    }
  }
  return front;
}

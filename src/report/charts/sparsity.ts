/** The points of a sweep over sparsities of synthetic traces: what each method gains at which. */
import { times } from "../numbers.ts";
import { shownPoints } from "../sweep/shown-points.ts";
import type { MeasuredPoint } from "../sweep/sweep-points.ts";
import { unique } from "../workloads.ts";
import { type Chart, layeredPanels, numbered, panelWidth, themed } from "./chart.ts";
import { pointTip } from "./pareto.ts";
import { series } from "./speedup.ts";

const HEIGHT = 240;

/** Speed-up of the step over sparsity, one panel for each network; null where all points have one sparsity. */
export function sparsityChart(points: readonly MeasuredPoint[]): Chart | null {
  const { shown, note } = shownPoints(points, fastest(points));
  const values = shown.flatMap((point) => {
    const { synthetic, machine, metrics } = point;
    if (synthetic === undefined || metrics.speedup === null) return [];
    const { network, method, sparsity } = synthetic;
    const tip = `${pointTip(point)}: ${times(metrics.speedup)} ×`;
    return { network, sparsity, series: `${machine} ${method}`, speedup: metrics.speedup, tip };
  });
  if (unique(values.map(({ sparsity }) => sparsity)).length < 2) return null;
  const networks = unique(values.map(({ network }) => String(network)));
  const x = { field: "sparsity", type: "quantitative", title: "sparsity", axis: { tickCount: 5, format: "%" } };
  const y = {
    type: "quantitative",
    title: "speed-up of the step over the baseline (×)",
    scale: { zero: false },
    axis: { tickCount: 5 },
  };
  const { color, shape } = series("series", unique(values.map((value) => value.series)));
  const layer = [
    {
      mark: { type: "line", aria: false },
      encoding: { x, y: { ...y, field: "speedup", aggregate: "max" }, color },
    },
    {
      mark: { type: "point", filled: true, size: 45, opacity: 0.85 },
      encoding: { x, y: { ...y, field: "speedup" }, color, shape, description: { field: "tip", type: "nominal" } },
    },
  ];
  const unit = { width: panelWidth(networks.length), height: HEIGHT, layer };
  return {
    id: "sparsity",
    title: "Speed-up over sparsity",
    note: `Speed-up of the whole step, memory included, on synthetic traces; a line joins the fastest points of a machine and method. Dense steps have sparsity 0.${note && ` ${note}`}`,
    spec: themed({ data: { values: numbered(values, "network") }, ...layeredPanels(networks, "network", unit) }),
  };
}

/** The points that lines join. */
function fastest(points: readonly MeasuredPoint[]): Iterable<MeasuredPoint> {
  const best = new Map<string, MeasuredPoint>();
  for (const point of points) {
    const { network, method, sparsity } = point.synthetic ?? {};
    const key = JSON.stringify([point.machine, network, method, sparsity]);
    if ((point.metrics.speedup ?? 0) > (best.get(key)?.metrics.speedup ?? 0)) best.set(key, point);
  }
  return best.values();
}

/** The points of a sweep: what is gained over what it costs, and the front that nothing beats. */
import { coverageText, recordedShare } from "../../trace/coverage.ts";
import { pointMark, pointNotes } from "../coverage-note.ts";
import { grouped, times } from "../numbers.ts";
import { shownPoints } from "../sweep/shown-points.ts";
import { costOf, paretoFront } from "../sweep/sweep-front.ts";
import type { MeasuredPoint } from "../sweep/sweep-points.ts";
import { unique } from "../workloads.ts";
import { type Chart, layeredPanels, numbered, PALETTE, panelWidth, themed } from "./chart.ts";

const HEIGHT = 280;
const KINDS = ["Pareto front", "beaten"] as const;

/** Speed-up of the step over its cost; one panel for each trace. */
export function paretoChart(all: readonly MeasuredPoint[]): Chart {
  const { shown: points, note } = shownPoints(all);
  const cost = costOf(points);
  const front = paretoFront(points, cost);
  const traces = unique(points.map(({ trace }) => trace));
  const values = points.flatMap((point) => {
    const { metrics, trace, baseline = "", coverage } = point;
    const gaps = coverage === undefined ? "" : `; incomplete step: ${coverageText(coverage)}`;
    const price = metrics[cost.key];
    if (price === null) return [];
    return {
      trace,
      baseline,
      cost: price / cost.unit,
      speedup: metrics.speedup,
      kind: KINDS[front.has(point) ? 0 : 1],
      ...(coverage === undefined ? {} : { recordedMacsShare: recordedShare(coverage) }),
      tip: `${pointTip(point)}: ${times(metrics.speedup)} ×, ${cost.label} ${grouped(price / cost.unit)}${gaps}`,
    };
  });
  const x = { field: "cost", type: "quantitative", title: cost.label, scale: { zero: false }, axis: { tickCount: 5 } };
  const y = {
    field: "speedup",
    type: "quantitative",
    title: `speed-up of the step over the baseline (×)${points.map((point) => pointMark(point, "speedup")).find(Boolean) ?? ""}`,
    scale: { zero: false },
    axis: { tickCount: 5 },
  };
  const layer = [
    {
      transform: [{ filter: `datum.kind === '${KINDS[0]}'` }],
      mark: { type: "line", interpolate: "step-after", color: PALETTE[5], aria: false },
      // Points with different baselines do not beat each other: each baseline has a front of its own.
      encoding: { x, y, detail: { field: "baseline", type: "nominal" } },
    },
    {
      mark: { type: "point", filled: true, size: 45, opacity: 0.85 },
      encoding: {
        ...{ x, y, description: { field: "tip", type: "nominal" } },
        color: {
          field: "kind",
          type: "nominal",
          title: null,
          scale: { domain: KINDS, range: [PALETTE[5], PALETTE[4]] },
        },
        shape: { field: "kind", type: "nominal", scale: { domain: KINDS, range: ["diamond", "circle"] } },
      },
    },
  ];
  const unit = { width: panelWidth(traces.length), height: HEIGHT, layer };
  return {
    id: "pareto",
    title: "Pareto front of the sweep",
    note: `${baselineNote(points)} On the front, no other point of the same trace and baseline is faster without costing more ${cost.label}.${pointNotes(
      all,
    )
      .map((note) => ` ${note}`)
      .join("")}${note && ` ${note}`}`,
    spec: themed({ data: { values: numbered(values, "trace") }, ...layeredPanels(traces, "trace", unit) }),
  };
}

function baselineNote(points: readonly MeasuredPoint[]): string {
  const names = unique(points.map(({ baseline }) => baseline ?? "the own dense counterpart"));
  return `Speed-up of the whole step, memory included, over ${names.join("; ")}.`;
}

/** Which point it is, for people. */
export function pointTip({ machine, point }: MeasuredPoint): string {
  return [machine, ...Object.entries(point).map(([path, value]) => `${path} ${show(value)}`)].join(", ");
}

/** A value of a config, for people. */
export function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The table of a sweep: each point with its settings, its metrics, and whether it lies on the Pareto front. */
import { coverageText, recordedShare } from "../../trace/coverage.ts";
import { show } from "../charts/pareto.ts";
import { pointMark } from "../coverage-note.ts";
import { grouped, joules, share, time, times, withUnit } from "../numbers.ts";
import { shownPoints } from "../sweep/shown-points.ts";
import { costOf, paretoFront } from "../sweep/sweep-front.ts";
import type { MeasuredPoint } from "../sweep/sweep-points.ts";
import { unique } from "../workloads.ts";
import { type Column, sortableTable, tableCsv } from "./table.ts";
import type { Markup } from "./template.ts";

const METRICS: Readonly<
  Record<keyof MeasuredPoint["metrics"], readonly [head: string, show: (value: number) => string]>
> = {
  seconds: ["step", time],
  speedup: ["× over baseline", times],
  computeSpeedup: ["array only ×", times],
  matmulSpeedup: ["all passes ×", times],
  ownSkippingGain: ["own skipping gains ×", times],
  speedupFromZeros: ["own gains from zeros ×", times],
  cycles: ["cycles", grouped],
  energyPicojoules: ["energy", joules],
  dramBytes: ["DRAM", (value) => withUnit(value, "B")],
  onChipBytes: ["on chip", (value) => withUnit(value, "B")],
  multipliers: ["multipliers", grouped],
};

/** How much of the step a point's trace holds. */
const COVERAGE: readonly Column<MeasuredPoint>[] = [
  {
    ...{ key: "recorded_macs_share", head: "recorded MACs", show: share },
    value: ({ coverage }) => (coverage === undefined ? 1 : recordedShare(coverage)),
  },
  {
    ...{ key: "incomplete", head: "* incomplete step" },
    value: ({ coverage }) => (coverage === undefined ? "" : coverageText(coverage)),
  },
];

/** The table of the points that are shown. */
export function sweepTable(points: readonly MeasuredPoint[]): Markup {
  const { shown, note } = shownPoints(points);
  const content = { id: "pareto-table", title: "Points of the sweep", note, columns: columnsOf(points), rows: shown };
  return sortableTable(content, false);
}

/** All points with all columns of the table. */
export function sweepCsv(points: readonly MeasuredPoint[]): string {
  return tableCsv({ id: "", title: "", columns: columnsOf(points), rows: points });
}

function columnsOf(points: readonly MeasuredPoint[]): Column<MeasuredPoint>[] {
  const front = paretoFront(points, costOf(points));
  const fields = unique(points.flatMap(({ point }) => Object.keys(point)));
  return [
    { key: "trace", head: "trace", value: ({ trace }) => trace },
    { key: "machine", head: "machine", value: ({ machine }) => machine },
    ...fields.map((field): Column<MeasuredPoint> => settingColumn(points, field)),
    { key: "baseline", head: "baseline", value: ({ baseline }) => baseline ?? "own dense counterpart" },
    { key: "on_front", head: "front", value: (point) => (front.has(point) ? "yes" : "") },
    ...Object.entries(METRICS).map(
      ([key, [head, show]]): Column<MeasuredPoint> => ({
        ...{ key, head, show },
        value: ({ metrics }) => metrics[key as keyof typeof METRICS] ?? null,
        mark: (point) => pointMark(point, key),
      }),
    ),
    ...(points.some(({ coverage }) => coverage !== undefined) ? COVERAGE : []),
  ];
}

/** Numbers sort as numbers where all values are. */
function settingColumn(points: readonly MeasuredPoint[], field: string): Column<MeasuredPoint> {
  const setting = ({ point }: MeasuredPoint) => (Object.hasOwn(point, field) ? point[field] : null);
  const isNumber = points.every(
    (point) => ["number", "object"].includes(typeof setting(point)) && !isObject(setting(point)),
  );
  const named = { key: field, head: field };
  if (isNumber) return { ...named, value: (point) => setting(point) as number | null, show: String };
  return { ...named, value: (point) => (setting(point) === null ? null : show(setting(point))) };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/**
 * Roofline (Williams, Waterman & Patterson, CACM 2009): MACs a second over MACs a byte of DRAM, below the peak of the array
 * and the bandwidth of DRAM. Dense MACs may pass the roof: those with a zero were skipped.
 */
import { PASSES } from "../../sim/operation/operation.ts";
import { times, withUnit } from "../numbers.ts";
import { type Cell, dramBytesPerSecond, multiplies, sumOf, totalOf, unique } from "../workloads.ts";
import { type Chart, layeredPanels, numbered, PALETTE, panelWidth, themed } from "./chart.ts";

const HEIGHT = 250;
const MARGIN = 2;
const KINDS = ["effectual MACs", "dense MACs"] as const;

const NOTE = [
  "Each pass of each machine and workload: circles are MACs of two nonzeros, triangles all MACs of dense operands,",
  "which may lie above the roof because zeros are skipped. Machines with the same peak and bandwidth share a panel;",
  "passes that move nothing over DRAM are left out.",
].join(" ");

/** One panel for each roof; null where no pass touches DRAM. */
export function rooflineChart(cells: readonly Cell[]): Chart | null {
  const points = cells.flatMap((cell) => PASSES.flatMap((pass) => pointsOf(cell, pass)));
  if (points.length === 0) return null;
  const roofs = unique(points.map(({ roof }) => roof));
  const lines = roofs.flatMap((roof) => roofLine(points.find((point) => point.roof === roof) as Point, points));
  const axis = { tickCount: 5, format: "~s", grid: true };
  const x = {
    field: "intensity",
    type: "quantitative",
    scale: { type: "log", nice: false },
    title: "MACs a byte of DRAM",
    axis,
  };
  const y = { field: "rate", type: "quantitative", scale: { type: "log" }, title: "MAC/s", axis };
  const channel = (field: string, domain: readonly string[], range: readonly string[]) => ({
    field,
    type: "nominal",
    title: null,
    scale: { domain, range },
  });
  const layer = [
    {
      transform: [{ filter: "!isValid(datum.kind)" }],
      mark: { type: "line", color: "currentColor", aria: false },
      encoding: { x, y },
    },
    {
      transform: [{ filter: "isValid(datum.kind)" }],
      mark: { type: "point", size: 45, strokeWidth: 1.5, opacity: 1 },
      encoding: {
        ...{ x, y, description: { field: "tip", type: "nominal" } },
        color: { ...channel("pass", PASSES, PALETTE.slice(0, PASSES.length)), legend: { symbolType: "circle" } },
        shape: { ...channel("kind", KINDS, ["circle", "triangle-up"]), legend: { symbolStrokeColor: "currentColor" } },
      },
    },
  ];
  const unit = { width: panelWidth(roofs.length), height: HEIGHT, layer };
  return {
    id: "roofline",
    title: "Roofline",
    note: NOTE,
    spec: themed({ data: { values: numbered([...lines, ...points], "roof") }, ...layeredPanels(roofs, "roof", unit) }),
  };
}

interface Point {
  readonly roof: string;
  readonly peak: number;
  readonly bandwidth: number;
  readonly intensity: number;
  readonly rate: number;
  readonly kind: (typeof KINDS)[number];
  readonly pass: string;
  readonly tip: string;
}

function pointsOf(cell: Cell, pass: string): Point[] {
  const rows = cell.rows.filter((row) => multiplies(row) && row.pass === pass);
  const bytes = sumOf(rows, ({ traffic }) => totalOf(traffic.dram ?? {}));
  const seconds = sumOf(rows, (row) => row.seconds);
  if (bytes === 0 || seconds === 0) return [];
  const peak = cell.result.peakMacsPerSecond;
  const bandwidth = dramBytesPerSecond(cell);
  const roof = `${withUnit(peak, "MAC/s")}, ${withUnit(bandwidth, "B/s")}`;
  return KINDS.flatMap((kind) => {
    const macs = sumOf(rows, (row) => (kind === KINDS[0] ? row.macs.effectual : row.macs.dense));
    if (macs === 0) return [];
    const [intensity, rate] = [macs / bytes, macs / seconds];
    const tip = `${cell.machine}, ${cell.workload}, ${pass}, ${kind}: ${times(intensity)} a byte, ${withUnit(rate, "MAC/s")}`;
    return { roof, peak, bandwidth, intensity, rate, kind, pass, tip };
  });
}

/** Points of min(peak, bandwidth × intensity) that reach around all of `points`: both ends, and the ridge between them. */
function roofLine(
  { roof, peak, bandwidth }: Point,
  points: readonly Point[],
): Pick<Point, "roof" | "intensity" | "rate">[] {
  const ridges = points.map((point) => point.peak / point.bandwidth);
  const intensities = [...points.map(({ intensity }) => intensity), ...ridges];
  const ends = [Math.min(...intensities) / MARGIN, peak / bandwidth, Math.max(...intensities) * MARGIN];
  return ends.map((intensity) => ({ roof, intensity, rate: Math.min(peak, bandwidth * intensity) }));
}

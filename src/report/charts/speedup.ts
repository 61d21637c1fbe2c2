/** Speed-up of the whole step, and of the array alone by pass: a bar for the geometric mean over networks, a point for each. */
import { PASSES } from "../../sim/operation/operation.ts";
import { times } from "../numbers.ts";
import { type Cell, geometricMean, unique } from "../workloads.ts";
import { type Chart, inOrder, legendColumns, numbered, PALETTE, SHAPES, themed } from "./chart.ts";

const STEP_TIME = "whole step";
const ALL = "array only";
const PARTS = [STEP_TIME, ALL, ...PASSES] as const;
const STEP = 20;
const WIDTH = 170;

/** Speed-ups of one machine with one method. */
export interface SpeedupRow {
  readonly treatment: string;
  readonly machine: string;
  readonly pass: string;
  /** By network; null for 0/0. */
  readonly networks: Readonly<Record<string, number | null>>;
  /** Geometric mean over networks; null where a network of this method is missing. */
  readonly mean: number | null;
}

/** Speed-ups by method, machine and pass. */
export function speedupRows(cells: readonly Cell[]): SpeedupRow[] {
  return unique(cells.map(({ treatment }) => treatment)).flatMap((treatment) => {
    const own = cells.filter((cell) => cell.treatment === treatment);
    const networks = unique(own.map(({ network }) => network));
    return unique(own.map(({ machine }) => machine)).flatMap((machine) =>
      PARTS.map((pass) => {
        const speedups = networks.map((network) => {
          const cell = own.find((cell) => cell.machine === machine && cell.network === network);
          if (cell === undefined) return null;
          if (pass === STEP_TIME) return cell.totals.training.speedup;
          return cell.totals[pass === ALL ? "matmul" : pass].compute.speedup;
        });
        const known = speedups.filter((speedup) => speedup !== null);
        return {
          treatment,
          machine,
          pass,
          networks: Object.fromEntries(networks.map((network, index) => [network, speedups[index]])),
          mean: known.length === networks.length ? geometricMean(known) : null,
        };
      }),
    );
  });
}

/** The charts of these rows: over the common baseline, and of machines that have none, over their own dense counterparts. */
export function speedupCharts(cells: readonly Cell[]): Chart[] {
  // A bound would set the scale of machines that cannot reach it.
  const reached = cells.filter(({ standing }) => standing !== "bound");
  const shared = (reached.length > 0 ? reached : cells).filter(({ result }) => !result.baseline.isCounterpart);
  const own = cells.filter(({ result }) => result.baseline.isCounterpart);
  const names = unique(shared.map(({ result }) => result.baseline.name)).join(", ");
  return [
    ...(shared.length === 0 ? [] : [speedupChart(shared, "speedup", `Speed-up over ${names}`)]),
    ...(own.length === 0
      ? []
      : [speedupChart(own, shared.length === 0 ? "speedup" : "own-speedup", "Gain over the own dense counterpart")]),
  ];
}

function speedupChart(cells: readonly Cell[], id: string, title: string): Chart {
  const rows = speedupRows(cells);
  const networks = unique(cells.map(({ network }) => network));
  const treatments = unique(rows.map(({ treatment }) => treatment));
  const several = networks.length > 1;
  const values = rows.flatMap(({ networks: speedups, mean, ...row }) => {
    const where = `${row.machine}, ${row.treatment}, ${row.pass}`;
    const what = Object.keys(speedups).length > 1 ? "geometric mean" : Object.keys(speedups)[0];
    const points = Object.entries(speedups).flatMap(([network, speedup]) =>
      speedup === null ? [] : { ...row, network, speedup, tip: `${where}, ${network}: ${times(speedup)} ×` },
    );
    return [...points, ...(mean === null ? [] : [{ ...row, mean, tip: `${where}, ${what}: ${times(mean)} ×` }])];
  });
  const y = { field: "machine", type: "nominal", sort: null, title: null };
  const x = { type: "quantitative", title: "speed-up (×)", axis: { tickCount: 4 } };
  const description = { field: "tip", type: "nominal" };
  const layer = [
    {
      transform: [{ filter: "isValid(datum.mean)" }],
      mark: { type: "bar", color: PALETTE[4], height: { band: 0.7 } },
      encoding: { y, x: { ...x, field: "mean" }, description },
    },
    { mark: { type: "rule", color: "currentColor", strokeDash: [3, 3], aria: false }, encoding: { x: { datum: 1 } } },
    ...(several
      ? [
          {
            transform: [{ filter: "isValid(datum.speedup)" }],
            mark: { type: "point", filled: true, size: 45, opacity: 1 },
            encoding: {
              y,
              x: { ...x, field: "speedup" },
              description,
              ...series("network", networks, [0, 1, 2, 3, 5, 7]),
            },
          },
        ]
      : []),
  ];
  const header = { title: null };
  return {
    ...{ id, title },
    note: `The whole step in time, and the array alone, as if memory were free. The fastest machine first, bounds left out.${several ? " Bars are geometric means over networks, points are networks." : ""} The dashed line is no gain.`,
    spec: themed({
      data: { values: numbered(values, "treatment") },
      facet: {
        column: { field: "pass", type: "nominal", sort: PARTS, header },
        ...(treatments.length > 1
          ? { row: { field: "treatment", type: "nominal", sort: inOrder("treatment"), header } }
          : {}),
      },
      spec: { width: WIDTH, height: { step: STEP }, layer },
    }),
  };
}

/** Channels that tell the series of `field` apart by colour and shape; `colors` are indices of the palette. */
export function series(
  field: string,
  names: readonly string[],
  colors: readonly number[] = PALETTE.map((_, i) => i),
): { readonly color: object; readonly shape: object } {
  const encoded = (range: readonly unknown[]) => ({
    field,
    type: "nominal",
    title: null,
    scale: { domain: names, range },
    legend: { columns: legendColumns(names) },
  });
  return {
    color: encoded(names.map((_, index) => PALETTE[colors[index % colors.length]])),
    shape: encoded(names.map((_, index) => SHAPES[index % SHAPES.length])),
  };
}

/** Where cycles were saved and where they went: what a gain is made of, the causes of all multiplier-cycles, and the stalls. */
import type { ResultRow } from "../../sim/result/result.ts";
import type { CAUSES } from "../../sim/result/row.ts";
import { grouped, share } from "../numbers.ts";
import { type Cell, multiplies, ratio, sumOf, sumRecords, totalOf, unique } from "../workloads.ts";
import { type Chart, largestParts, type Piece, stackedBars } from "./chart.ts";

type Cause = keyof typeof CAUSES;

/** The causes of a breakdown, as many as colours tell apart, in the order of a waterfall. */
const GROUPS: Readonly<Record<string, readonly Cause[]>> = {
  "effectual MACs": ["effectual"],
  "zeros not skipped": ["unseen"],
  "padding, redundant products": ["imagePadding", "redundant", "lanePadding"],
  "movement limits, conflicts": ["movement", "conflicts"],
  imbalance: ["imbalance"],
  "fill, drain, other": ["fillDrain", "other"],
  "memory, buffers": ["memory", "buffers"],
  "vector unit, rescheduling": ["vector", "rescheduling"],
};

const SAVED: Readonly<Record<string, (row: ResultRow) => number>> = {
  "cycles that were needed": (row) => row.cycles.compute,
  "saved by top-k zeros": ({ saved }) => saved.topK,
  "saved by activation zeros": ({ saved }) => saved.natural,
  "saved by image padding": ({ saved }) => saved.imagePadding,
  "saved by lane padding": ({ saved }) => saved.lanePadding,
};

const AXIS_PERCENT = ".0%";

/** Cycles of the array without skipping: needed, and saved by cause. */
export function gainChart(cells: readonly Cell[]): Chart {
  const pieces = cells.flatMap((cell): Piece[] => {
    const rows = cell.rows.filter(multiplies);
    const total = Object.values(SAVED).reduce((sum, value) => sum + sumOf(rows, value), 0);
    return Object.entries(SAVED).map(([part, value]) => piece(cell, part, sumOf(rows, value), total));
  });
  return {
    id: "gain",
    title: "What the gain is made of",
    note: "Compute cycles of the array without skipping, all passes. Activation zeros count before top-k zeros: the method is credited with what it adds.",
    spec: stackedBars(pieces, Object.keys(SAVED), {
      title: "share of the cycles of the array without skipping",
      format: AXIS_PERCENT,
    }),
  };
}

/** All multiplier-cycles of the steps by cause, from ideal on the left to what was reached. */
export function causesChart(cells: readonly Cell[]): Chart {
  const pieces = cells.flatMap((cell): Piece[] => {
    const of = (causes: readonly Cause[]) =>
      sumOf(cell.rows, ({ breakdown }) => causes.reduce((sum, cause) => sum + (breakdown[cause] ?? 0), 0));
    const multiplierCycles = Object.values(GROUPS).map(of);
    const total = multiplierCycles.reduce((sum, count) => sum + count, 0);
    return Object.keys(GROUPS).map((part, index) => piece(cell, part, multiplierCycles[index], total));
  });
  return {
    id: "cycles",
    title: "Where the cycles went",
    note: "Every multiplier-cycle of the whole step has one cause, read from the left as a waterfall from the ideal to what was reached.",
    spec: stackedBars(pieces, Object.keys(GROUPS), { title: "share of multipliers × cycles", format: AXIS_PERCENT }),
  };
}

/** Cycles waited for memory, by level; null where nothing waits. */
export function stallsChart(cells: readonly Cell[]): Chart | null {
  const stalled = cells.map(({ rows }) => stallsOf(rows));
  const totals = sumRecords(stalled);
  if (Object.values(totals).every((cycles) => cycles === 0)) return null;
  const partOf = largestParts(totals, "other places");
  const pieces = cells.flatMap((cell, index): Piece[] => {
    const total = sumOf(cell.rows, ({ cycles }) => cycles.total);
    return Object.entries(stalled[index]).map(([place, cycles]) => piece(cell, partOf(place), cycles, total));
  });
  return {
    id: "stalls",
    title: "Waiting for memory",
    note: "Cycles in which the array or the vector unit waits for DRAM or a level of on-chip memory, beyond what overlaps.",
    spec: stackedBars(pieces, unique(pieces.map(({ part }) => part)), {
      title: "share of all cycles of the step",
      format: AXIS_PERCENT,
    }),
  };
}

/** Cycles waited by place. */
export function stallsOf(rows: readonly ResultRow[]): Record<string, number> {
  return sumRecords(
    rows.flatMap(({ stalls }) =>
      Object.entries(stalls).map(([place, cycles]) => ({
        [place]: totalOf(cycles),
      })),
    ),
  );
}

function piece({ workload, machine }: Cell, part: string, count: number, total: number): Piece {
  const tip = `${machine}, ${workload}, ${part}: ${share(ratio(count, total))} (${grouped(count)})`;
  return { panel: workload, bar: machine, part, value: ratio(count, total) ?? 0, tip };
}

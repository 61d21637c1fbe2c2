/** What stands in the tables of a report on simulations: everything that its charts show, in numbers. */
import { PASSES } from "../../sim/operation/operation.ts";
import type { ResultRow } from "../../sim/result/result.ts";
import { CAUSES } from "../../sim/result/row.ts";
import { sumOfWidths } from "../../sim/sampling/total-widths.ts";
import { coverageText } from "../../trace/coverage.ts";
import { stallsOf } from "../charts/cycles.ts";
import { footprints } from "../charts/memory.ts";
import { type SpeedupRow, speedupRows } from "../charts/speedup.ts";
import { densityOf } from "../charts/training.ts";
import { incompleteMark } from "../coverage-note.ts";
import { COLUMN_NAMES, columnOf } from "../machine-columns.ts";
import { grouped, joules, share, times, withUnit } from "../numbers.ts";
import {
  arraySpeedup,
  arrayWidth,
  type Cell,
  energyOf,
  multiplies,
  type NamedResult,
  ratio,
  sumOf,
  sumRecords,
  timeSpeedup,
  timeWidth,
  totalOf,
  unique,
} from "../workloads.ts";
import { type Column, sortableTable, type TableContent } from "./table.ts";
import type { Markup } from "./template.ts";

/** Rows of the table of layers; beyond them those with the least cycles are left out. */
const MOST_LAYER_ROWS = 2000;

interface Placed {
  readonly cell: Cell;
}

const WORKLOAD: Column<Placed> = { key: "workload", head: "workload", value: ({ cell }) => cell.workload };
const MACHINE: Column<Placed> = { key: "machine", head: "machine", value: ({ cell }) => cell.machine };
const PLACE: readonly Column<Placed>[] = [WORKLOAD, MACHINE];

/** What the marked numbers lack. */
const GAPS: Column<Placed> = {
  ...{ key: "incomplete", head: "* incomplete step" },
  value: ({ cell: { traces } }) =>
    unique(traces.flatMap(({ coverage }) => (coverage === undefined ? [] : coverageText(coverage)))).join("; "),
};

/** Comparisons of machines, those of equal terms first: one row each for a workload, in the order of time. */
export function summaryTables(cells: readonly Cell[]): Markup[] {
  const baselines = unique(cells.map(baselineOf));
  const tables = baselines.flatMap((baseline) =>
    [true, false].map((isRanked) => ({
      baseline,
      isRanked,
      own: cells.filter(
        (cell) =>
          baselineOf(cell) === baseline && cell.standing !== "bound" && (cell.standing === "ranked") === isRanked,
      ),
    })),
  );
  return tables
    .filter(({ own }) => own.length > 0)
    .sort((a, b) => Number(b.isRanked) - Number(a.isRanked))
    .map(({ baseline, isRanked, own }, index) => summaryTable(own, baseline, isRanked, index));
}

/** Name of the baseline that a cell shares with others; null for its own dense counterpart. */
function baselineOf({ result: { baseline } }: Cell): string | null {
  return baseline.isCounterpart ? null : baseline.name;
}

function summaryTable(cells: readonly Cell[], baseline: string | null, isRanked: boolean, index: number): Markup {
  const columns = COLUMN_NAMES.map((name) => columnOf(name, baseline))
    .filter(({ value }) => cells.some((cell) => value(cell) !== null))
    .map(
      ({ head, key, value, show, halfWidth, isOfStep = false }): Column<Placed> => ({
        ...{ key, head: head.join(" "), show },
        mark: ({ cell }) => (isOfStep ? incompleteMark(cell) : ""),
        value: ({ cell }) => value(cell),
        halfWidth: ({ cell }) => halfWidth?.(cell) ?? 0,
      }),
    );
  const gaps: readonly Column<Placed>[] = cells.some(({ isIncomplete }) => isIncomplete) ? [GAPS] : [];
  const [title, about] = isRanked
    ? ["Machines compared, the fastest first", `Over ${baseline}, which trains densely.`]
    : baseline === null
      ? ["Machines beside their own dense counterparts", "Each over the same array without skipping; not ranked."]
      : [
          "Machines of other terms",
          `Over ${baseline} in spite of another peak, clock, datatype or memory; not ranked.`,
        ];
  const note = [
    about,
    "array only: the ops that multiply, as if memory were free; of ideal: effectual MACs / (multipliers × cycles of the array).",
    "own skipping gains: the array over the same array without skipping, of them by zeros alone without padding.",
    "selection: choosing the values that the sparse method keeps, which the baseline does not do. All numbers are means of the recorded steps.",
  ].join(" ");
  const id = index === 0 ? "summary-table" : `summary-table-${index + 1}`;
  const rows = cells.map((cell) => ({ cell }));
  // What is the same in all rows must not push the speed-ups off a phone.
  const isOneWorkload = unique(cells.map(({ workload }) => workload)).length === 1;
  const placed = isOneWorkload ? [MACHINE, ...columns, WORKLOAD] : [...PLACE, ...columns];
  return sortableTable({ id, title, note, columns: [...placed, ...gaps], rows }, false);
}

/** All other tables, folded. */
export function detailTables(cells: readonly Cell[], results: readonly NamedResult[]): Markup[] {
  return [
    speedupTable(cells),
    gainTable(cells),
    causesTable(cells),
    amountTable(
      cells,
      { id: "stalls", title: "Waiting for memory, by place", unit: "cycles", show: grouped },
      ({ rows }) => Object.entries(stallsOf(rows)).map(([place, amount]) => ({ place, part: "all", amount })),
    ),
    amountTable(
      cells,
      {
        id: "traffic",
        title: "Bytes moved, by place and tensor",
        unit: "bytes",
        show: (value) => withUnit(value, "B"),
      },
      trafficOf,
    ),
    ...(cells.some(({ rows }) => energyOf(rows) !== null) ? [energyTable(cells)] : []),
    footprintTable(results),
    layerTable(cells),
  ];
}

function speedupTable(cells: readonly Cell[]): Markup {
  const networks = unique(cells.map(({ network }) => network));
  const columns: Column<SpeedupRow>[] = [
    { key: "method", head: "method", value: ({ treatment }) => treatment },
    { key: "machine", head: "machine", value: ({ machine }) => machine },
    { key: "pass", head: "pass", value: ({ pass }) => pass },
    ...networks.map((network) => ({
      key: `${network}_speedup`,
      head: `${network} ×`,
      value: ({ networks: speedups }: SpeedupRow) => (Object.hasOwn(speedups, network) ? speedups[network] : null),
      show: times,
    })),
    { key: "geometric_mean_speedup", head: "geometric mean ×", value: ({ mean }) => mean, show: times },
  ];
  const note =
    "The whole step in time, and the array alone. The mean is over all networks of a method, and only where none is missing.";
  const title = "Speed-up by network, machine and pass";
  return sortableTable({ id: "speedup-table", title, note, columns, rows: speedupRows(cells) });
}

interface PassRows extends Placed {
  readonly pass: string;
  readonly rows: readonly ResultRow[];
}

function gainTable(cells: readonly Cell[]): Markup {
  const cycles = (key: string, head: string, value: (row: ResultRow) => number): Column<PassRows> => ({
    ...{ key: `${key}_cycles`, head, show: grouped },
    value: ({ rows }) => sumOf(rows, value),
  });
  const columns: Column<PassRows>[] = [
    ...PLACE,
    { key: "pass", head: "pass", value: ({ pass }) => pass },
    cycles("compute", "needed", (row) => row.cycles.compute),
    cycles("saved_topK", "saved by top-k zeros", ({ saved }) => saved.topK),
    cycles("saved_natural", "by activation zeros", ({ saved }) => saved.natural),
    cycles("saved_imagePadding", "by image padding", ({ saved }) => saved.imagePadding),
    cycles("saved_lanePadding", "by lane padding", ({ saved }) => saved.lanePadding),
  ];
  const rows = cells.flatMap((cell) =>
    PASSES.map((pass) => ({ cell, pass, rows: cell.rows.filter((row) => multiplies(row) && row.pass === pass) })),
  );
  return sortableTable({ id: "gain-table", title: "What the gain is made of, by pass, in cycles", columns, rows });
}

function causesTable(cells: readonly Cell[]): Markup {
  const all = (row: ResultRow) => totalOf(row.breakdown as Record<string, number>);
  const columns: Column<Placed>[] = [
    ...PLACE,
    ...(Object.keys(CAUSES) as (keyof typeof CAUSES)[]).map((cause) => ({
      key: `${cause}_share`,
      head: cause,
      value: ({ cell: { rows } }: Placed) =>
        ratio(
          sumOf(rows, ({ breakdown }) => breakdown[cause] ?? 0),
          sumOf(rows, all),
        ),
      show: share,
    })),
  ];
  const meanings = Object.entries(CAUSES).map(([cause, meaning]) => `${cause}: ${meaning}`);
  const note = `Shares of multipliers × cycles of the whole step. ${meanings.join(". ")}.`;
  const rows = cells.map((cell) => ({ cell }));
  return sortableTable({ id: "cycles-table", title: "Where the cycles went, by cause", note, columns, rows });
}

interface Amount {
  readonly place: string;
  readonly part: string;
  readonly amount: number;
}

interface AmountHead {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly show: (value: number) => string;
}

function amountTable(
  cells: readonly Cell[],
  { id, title, unit, show }: AmountHead,
  amountsOf: (cell: Cell) => readonly Amount[],
): Markup {
  const columns: Column<Placed & Amount>[] = [
    ...PLACE,
    { key: "place", head: "place", value: ({ place }) => place },
    { key: "part", head: "part", value: ({ part }) => part },
    { key: `${unit}_per_step`, head: unit, value: ({ amount, cell }) => amount / cell.traces.length, show },
  ];
  const rows = cells.flatMap((cell) => amountsOf(cell).map((amount) => ({ cell, ...amount })));
  return sortableTable({ id: `${id}-table`, title, note: "Mean of the recorded steps.", columns, rows });
}

function trafficOf({ rows }: Cell): Amount[] {
  const places = unique(rows.flatMap(({ traffic }) => Object.keys(traffic)));
  return places.flatMap((place) =>
    Object.entries(sumRecords(rows.map(({ traffic }) => traffic[place] ?? {}))).map(([part, amount]) => ({
      ...{ place, part, amount },
    })),
  );
}

function energyTable(cells: readonly Cell[]): Markup {
  return amountTable(
    cells,
    { id: "energy", title: "Energy of a training step, by component", unit: "pJ", show: joules },
    ({ rows }) =>
      Object.entries(energyOf(rows) ?? {}).map(([part, amount]) => ({
        ...{ place: "machine", part, amount },
      })),
  );
}

function footprintTable(results: readonly NamedResult[]): Markup {
  type MemoryOperand = {
    workload: string;
    part: string;
    denseBytes: number;
    sparseBytes: number;
    sparseIndexedBytes: number;
  };
  const rows: MemoryOperand[] = footprints(results).flatMap(({ workload, held }) =>
    [
      ...held.parts,
      { part: "stashed for the backward pass", ...held.activations },
      { part: "everything", ...held.total },
      { part: "peak of the step", ...held.peak },
    ].map((bytes) => ({ workload, ...bytes })),
  );
  const bytes = (key: "denseBytes" | "sparseBytes" | "sparseIndexedBytes", head: string): Column<MemoryOperand> => ({
    ...{ key, head, show: (value) => withUnit(value, "B") },
    value: (row) => row[key],
  });
  const columns: Column<MemoryOperand>[] = [
    { key: "workload", head: "workload", value: ({ workload }) => workload },
    { key: "part", head: "part", value: ({ part }) => part },
    bytes("denseBytes", "dense training"),
    bytes("sparseBytes", "values only"),
    bytes("sparseIndexedBytes", "with index"),
    {
      key: "saved_share",
      head: "less, with index",
      value: ({ denseBytes, sparseIndexedBytes }) => ratio(denseBytes - sparseIndexedBytes, denseBytes),
      show: share,
    },
  ];
  return sortableTable({ id: "footprint-table", title: "Memory held for a training step, by part", columns, rows });
}

interface LayerRows extends PassRows {
  readonly layer: string;
}

function layerTable(cells: readonly Cell[]): Markup {
  const all = cells.flatMap(layersOf);
  const cyclesOf = ({ rows }: LayerRows) => sumOf(rows, ({ cycles }) => cycles.total);
  const rows =
    all.length <= MOST_LAYER_ROWS
      ? all
      : all
          .map((row) => ({ row, cycles: cyclesOf(row) }))
          .sort((a, b) => b.cycles - a.cycles)
          .slice(0, MOST_LAYER_ROWS)
          .map(({ row }) => row);
  const left = all.length - rows.length;
  const sum = (key: string, head: string, value: (row: ResultRow) => number): Column<LayerRows> => ({
    ...{ key, head, show: grouped },
    value: ({ rows }) => sumOf(rows, value),
  });
  const columns: Column<LayerRows>[] = [
    ...PLACE,
    { key: "layer", head: "layer", value: ({ layer }) => layer },
    { key: "pass", head: "pass", value: ({ pass }) => pass },
    sum("dense_macs", "dense MACs", ({ macs }) => macs.dense),
    sum("effectual_macs", "effectual MACs", ({ macs }) => macs.effectual),
    ...["weight", "input", "outputGrad"].map((operand) => ({
      key: `${operand}_density`,
      head: `${operand} density`,
      value: ({ rows }: LayerRows) => densityOf(rows, operand),
      show: share,
    })),
    {
      ...sum("cycles", "cycles", ({ cycles }) => cycles.total),
      halfWidth: ({ rows }) => sumOfWidths(rows, "cycles.total"),
    },
    sum("memoryStall_cycles", "of them waiting", ({ cycles }) => cycles.memoryStall),
    {
      ...{ key: "array_speedup", head: "array ×", show: times },
      value: ({ cell, rows }) => arraySpeedup(cell, rows),
      halfWidth: ({ cell, rows }) => arrayWidth(cell, rows),
    },
    {
      ...{ key: "speedup", head: "with memory ×", show: times },
      value: ({ rows }) => timeSpeedup(rows),
      halfWidth: ({ rows }) => timeWidth(rows),
    },
    {
      key: "validation",
      head: "validated against",
      value: ({ rows }) => unique(rows.map(({ validation }) => validation)).join(", "),
    },
  ];
  const note =
    left === 0
      ? "Convolutions and linear layers; sums over the recorded steps."
      : `Convolutions and linear layers; sums over the recorded steps. The ${grouped(MOST_LAYER_ROWS)} rows with the most cycles; ${grouped(left)} others are left out (the CSV of the result has all).`;
  const content: TableContent<LayerRows> = { id: "layers-table", title: "Layers", note, columns, rows };
  return sortableTable(content);
}

function layersOf(cell: Cell): LayerRows[] {
  const groups = new Map<string, LayerRows & { readonly rows: ResultRow[] }>();
  for (const row of cell.rows.filter(multiplies)) {
    const { layer, pass } = row;
    const key = JSON.stringify([layer, pass]);
    const group = groups.get(key) ?? { cell, layer, pass, rows: [] };
    groups.set(key, group);
    group.rows.push(row);
  }
  return [...groups.values()];
}

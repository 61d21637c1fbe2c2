/** The short, readable tables of the terminal. Pure functions from finished results to text. */
import Table from "cli-table3";
import { oneLine } from "../io/faults.ts";
import type { MachineResult, ResultTotal, SimulationResult } from "../sim/result.ts";
import { coverageNotes, incompleteMark } from "./coverage-note.ts";
import { sampleNote } from "./sample-note.ts";

/** No lines: columns stand apart by spaces, so that tables fit a terminal and paste well. */
const BORDERLESS = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
  ].map((line) => [line, ""]),
);

const BYTES_PER_MB = 1e6;
const TERA = 1e12;
const MILLI = 1e3;
const PERCENT = 100;
const PICOJOULES_PER_MJ = 1e9;

/** The comparison of all machines, with the footprint and what the numbers mean. */
export function resultTable(result: SimulationResult): string {
  const traces = result.traces.map(({ name, network, method, sparsity, step }) => {
    const dropped = sparsity === undefined ? "" : ` ${percent(sparsity)}`;
    return oneLine(`${name}: ${network}, ${method}${dropped}, step ${step}`);
  });
  const ownBaseline = result.baseline.machine === "self";
  const against = ownBaseline ? "the same array without skipping" : `baseline ${result.baseline.machine}`;
  const { denseMacs, effectualMacs } = result.machines[0].totals.matmul;
  const legend = [
    ...(ownBaseline
      ? [
          "forward … all: the array alone, gains from zeros of the operands only.",
          "+padding: and from skipping empty lanes and image padding.",
        ]
      : ["forward … all: the array alone, gains from zeros and from skipping padding."]),
    "of ideal: effectual MACs / (multipliers × cycles).",
    "memory: all passes with tiles, buffers and DRAM. step: with everything that does not multiply. Both with padding and compression.",
  ];
  const [energy] = result.machines.flatMap((machine) => machine.energy ?? []);
  if (energy !== undefined) {
    const tables = new Set(result.machines.flatMap(({ energy }) => energy?.table ?? []));
    legend.push(
      `energy: of a step, and baseline / machine; counts × ${[...tables].join(", ")} (--explain-energy lists the constants).`,
    );
  }
  const note = sampleNote(result);
  if (note !== null) legend.push(note);
  legend.push(...coverageNotes(result).map(oneLine));
  const notCharged =
    result.notCharged.length > 0 ? [`Not charged (not in the trace): ${result.notCharged.join(", ")}.`] : [];
  return [
    ...traces,
    "",
    `Speed-up over ${against}; zeros allow ${times(denseMacs / effectualMacs)} × (dense / effectual MACs)`,
    speedupTable(result, ownBaseline),
    "",
    ...legend,
    ...notCharged,
    "",
    "Memory held for a training step",
    footprintTable(result),
  ].join("\n");
}

function speedupTable(result: SimulationResult, ownBaseline: boolean): string {
  const withDense = result.baseline.traces.length > 0;
  const withEnergy = result.machines.some(({ energy }) => energy !== undefined);
  const table = plainTable(
    [
      "machine",
      "peak\nTMAC/s",
      "forward\n×",
      "inputGrad\n×",
      "weightGrad\n×",
      "all\n×",
      ...(ownBaseline ? ["+padding\n×"] : []),
      "of ideal\n%",
      "memory\n×",
      "step\n×",
      "step\nms",
      ...(withEnergy ? ["energy\nmJ", "saved\n×"] : []),
      ...(withDense ? ["over dense\ntraining ×"] : []),
    ],
    1,
  );
  const mark = incompleteMark(result);
  for (const machine of result.machines) table.push(speedupRow(machine, ownBaseline, withDense, mark));
  return table.toString();
}

function speedupRow(
  { name, peakMacsPerSecond, totals }: MachineResult,
  ownBaseline: boolean,
  withDense: boolean,
  mark: string,
): string[] {
  const speedup = ownBaseline ? "speedupFromZeros" : "speedup";
  const array = ({ compute, ci95 }: ResultTotal) => times(compute[speedup], ci95?.[`compute.${speedup}`]);
  const { forward, inputGrad, weightGrad, matmul, training } = totals;
  return [
    name,
    (peakMacsPerSecond / TERA).toFixed(2),
    array(forward),
    array(inputGrad),
    array(weightGrad),
    array(matmul),
    ...(ownBaseline ? [times(matmul.compute.speedup, matmul.ci95?.["compute.speedup"])] : []),
    matmul.compute.cycles === 0 ? "–" : ((PERCENT * matmul.compute.idealCycles) / matmul.compute.cycles).toFixed(1),
    times(matmul.speedup, matmul.ci95?.speedup),
    times(training.speedup, training.ci95?.speedup) + mark,
    (training.seconds * MILLI).toPrecision(3) + mark,
    ...energyColumns(training).map((figure) => figure + mark),
    ...(withDense
      ? [times(training.speedupOverDenseTraining ?? null, training.ci95?.speedupOverDenseTraining) + mark]
      : []),
  ];
}

function energyColumns({ energy, ci95 }: ResultTotal): string[] {
  if (energy === undefined) return [];
  return [(energy.picojoules / PICOJOULES_PER_MJ).toPrecision(3), times(energy.ratio, ci95?.["energy.ratio"])];
}

function footprintTable(result: SimulationResult): string {
  const columns = ["dense\nMB", "values\nMB", "saved\n%", "with index\nMB", "saved\n%"];
  const table = plainTable(["trace", "part", ...columns], 2);
  result.footprint.forEach(({ activations, total }, index) => {
    const name = result.traces[index].name;
    const rows = [
      { part: "saved for backward", ...activations },
      { part: "everything", ...total },
    ];
    for (const { part, denseBytes, sparseBytes, sparseIndexedBytes } of rows) {
      const values = [megabytes(denseBytes), megabytes(sparseBytes), saved(sparseBytes, denseBytes)];
      table.push([name, part, ...values, megabytes(sparseIndexedBytes), saved(sparseIndexedBytes, denseBytes)]);
    }
  });
  return table.toString();
}

/** A table whose first `textColumns` columns are text, flush left; numbers are flush right. */
export function plainTable(head: readonly string[], textColumns: number): InstanceType<typeof Table> {
  return new Table({
    head: [...head],
    colAligns: head.map((_, index) => (index < textColumns ? "left" : "right")),
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 1 },
    chars: { ...BORDERLESS, middle: " " },
  });
}

/** A ratio with the half-width of its interval, if it is an estimate; at least the last digit that is shown. */
function times(ratio: number | null, halfWidth?: number): string {
  if (ratio === null || !Number.isFinite(ratio)) return "–";
  const shown = ratio.toFixed(2);
  return halfWidth === undefined ? shown : `${shown} ±${(Math.ceil(PERCENT * halfWidth) / PERCENT).toFixed(2)}`;
}

/** Percent with one decimal: 0.905 → "90.5 %". */
export function percent(fraction: number): string {
  return `${(fraction * PERCENT).toFixed(1)} %`;
}

/** Percent that `bytes` save of dense ones; – where a ratio says nothing: of no bytes, or where more than twice as many are taken. */
export function saved(bytes: number, denseBytes: number): string {
  return denseBytes === 0 || bytes > 2 * denseBytes ? "–" : (PERCENT * (1 - bytes / denseBytes)).toFixed(1);
}

function megabytes(bytes: number): string {
  return (bytes / BYTES_PER_MB).toFixed(2);
}

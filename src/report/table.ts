/** The short, readable tables of the terminal. Pure functions from finished results to text. */
import Table from "cli-table3";
import type { MachineResult, ResultTotal, SimulationResult } from "../sim/result.ts";

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

/** The comparison of all machines, with the footprint and what the numbers mean. */
export function resultTable(result: SimulationResult): string {
  const traces = result.traces.map(({ name, network, method, sparsity, step }) => {
    const dropped = sparsity === undefined ? "" : ` ${percent(sparsity)}`;
    return `${name}: ${network}, ${method}${dropped}, step ${step}`;
  });
  const against =
    result.baseline.machine === "self" ? "the same array without skipping" : `baseline ${result.baseline.machine}`;
  const notCharged =
    result.notCharged.length > 0 ? [`not charged (not in the trace): ${result.notCharged.join(", ")}`] : [];
  return [
    ...traces,
    "",
    `Speed-up over ${against}`,
    speedupTable(result),
    "",
    "forward, inputGrad, weightGrad, all: the array alone, gains from zeros of the operands only. padding: with what",
    "skipping empty lanes and image padding gains. bound: effectual MACs on busy multipliers. memory: with DRAM time.",
    "step: with everything that does not multiply; its time in ms.",
    ...notCharged,
    "",
    "Memory held for a training step",
    footprintTable(result),
  ].join("\n");
}

function speedupTable(result: SimulationResult): string {
  const withDense = result.baseline.traces.length > 0;
  const table = plainTable(
    [
      "machine",
      "peak\nTMAC/s",
      "forward\n×",
      "inputGrad\n×",
      "weightGrad\n×",
      "all\n×",
      "padding\n×",
      "bound\n×",
      "memory\n×",
      "step\n×",
      "step\nms",
      ...(withDense ? ["over dense\ntraining ×"] : []),
    ],
    1,
  );
  for (const machine of result.machines) table.push(speedupRow(machine, withDense));
  return table.toString();
}

function speedupRow({ name, peakMacsPerSecond, totals }: MachineResult, withDense: boolean): string[] {
  const array = (total: ResultTotal) => times(total.compute.speedupFromZeros);
  const { forward, inputGrad, weightGrad, matmul, training } = totals;
  return [
    name,
    (peakMacsPerSecond / TERA).toFixed(2),
    array(forward),
    array(inputGrad),
    array(weightGrad),
    array(matmul),
    times(matmul.compute.speedup),
    times(matmul.compute.idealSpeedup),
    times(matmul.speedup),
    times(training.speedup),
    (training.seconds * MILLI).toPrecision(3),
    ...(withDense ? [times(training.speedupOverDenseTraining ?? null)] : []),
  ];
}

function footprintTable(result: SimulationResult): string {
  const table = plainTable(["trace", "part", "dense\nMB", "sparse\nMB", "with index\nMB", "saved\n%"], 2);
  result.footprint.forEach(({ activations, total }, index) => {
    const name = result.traces[index].name;
    const rows = [
      { part: "saved activations", ...activations },
      { part: "everything", ...total },
    ];
    for (const { part, denseBytes, sparseBytes, sparseIndexedBytes } of rows) {
      const saved = denseBytes === 0 ? 0 : 1 - sparseIndexedBytes / denseBytes;
      table.push([
        name,
        part,
        megabytes(denseBytes),
        megabytes(sparseBytes),
        megabytes(sparseIndexedBytes),
        percent(saved),
      ]);
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

function times(ratio: number | null): string {
  return ratio === null ? "–" : ratio.toFixed(2);
}

/** Percent with one decimal: 0.905 → "90.5 %". */
export function percent(fraction: number): string {
  return `${(fraction * PERCENT).toFixed(1)} %`;
}

function megabytes(bytes: number): string {
  return (bytes / BYTES_PER_MB).toFixed(2);
}

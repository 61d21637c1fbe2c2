/** Sums of a machine's rows: by pass, over all passes, over the ops without MACs, and over the whole step. */
import { sumOf as sumOfComponents } from "./energy/model.ts";
import type { Machine } from "./machine.ts";
import { PASSES } from "./operation.ts";
import type { MachineResult, ResultRow, ResultTotal } from "./result.ts";
import { totalWidths } from "./sampling/total-widths.ts";

/** What an op took, and what it was. */
export type TimedOp = Pick<ResultRow, "kind" | "pass" | "seconds" | "sample">;

/**
 * Totals of `rows`. `denseOps` are those of the same machine on dense-training traces (none: an empty list);
 * `stepRatio` is the number of traces over the number of dense-training traces.
 */
export function totalsOf(
  rows: readonly ResultRow[],
  machine: Machine,
  baselineClockHz: number,
  denseOps: readonly TimedOp[],
  stepRatio: number,
): MachineResult["totals"] {
  const total = (selects: (op: TimedOp) => boolean): ResultTotal => {
    const selected = rows.filter(selects);
    const own = sumOf(selected, machine);
    const ratios = {
      speedup: ratio(own.baselineSeconds, own.seconds),
      speedupFromZeros: ratio(own.noZerosSeconds, own.seconds),
      idealSpeedup: ratio(own.baselineSeconds, own.idealSeconds),
    };
    const { cycles, seconds, baselineSeconds, denseMacs, effectualMacs } = own;
    const compute = {
      cycles: own.compute,
      baselineCycles: own.baselineCompute,
      idealCycles: own.idealCompute,
      idealSpeedup: ratio(own.baselineCompute / baselineClockHz, own.idealCompute / machine.clockHz),
      speedup: ratio(own.baselineCompute / baselineClockHz, own.compute / machine.clockHz),
      speedupFromZeros: ratio(own.noZerosCompute, own.compute),
    };
    const base = {
      cycles,
      seconds,
      baselineSeconds,
      ...ratios,
      compute,
      denseMacs,
      effectualMacs,
      ...energyOf(selected),
    };
    if (denseOps.length === 0) return { ...base, ...totalWidths(base, selected, [], stepRatio) };
    const dense = denseOps.filter(selects);
    const denseTrainingSeconds = dense.reduce((sum, { seconds }) => sum + seconds, 0) * stepRatio;
    const speedupOverDenseTraining = ratio(denseTrainingSeconds, seconds);
    const withDense = { ...base, denseTrainingSeconds, speedupOverDenseTraining };
    return { ...withDense, ...totalWidths(withDense, selected, dense, stepRatio) };
  };
  const isMac = ({ kind }: TimedOp) => kind === "conv" || kind === "linear";
  const [forward, inputGrad, weightGrad] = PASSES.map((pass) => total((row) => isMac(row) && row.pass === pass));
  return {
    forward,
    inputGrad,
    weightGrad,
    matmul: total(isMac),
    other: total((row) => !isMac(row)),
    training: total(() => true),
  };
}

function sumOf(rows: readonly ResultRow[], machine: Machine) {
  const sum = {
    cycles: 0,
    seconds: 0,
    baselineSeconds: 0,
    noZerosSeconds: 0,
    idealSeconds: 0,
    compute: 0,
    baselineCompute: 0,
    noZerosCompute: 0,
    idealCompute: 0,
    denseMacs: 0,
    effectualMacs: 0,
  };
  for (const row of rows) {
    sum.cycles += row.cycles.total;
    sum.seconds += row.seconds;
    sum.baselineSeconds += row.baselineSeconds;
    sum.noZerosSeconds += row.noZerosSeconds;
    sum.idealSeconds += row.idealCycles / machine.clockHz;
    sum.compute += row.cycles.compute;
    sum.baselineCompute += row.baselineComputeCycles;
    sum.noZerosCompute += row.noZerosComputeCycles;
    if (row.cycles.compute > 0) sum.idealCompute += row.idealCycles;
    sum.denseMacs += row.macs.dense;
    sum.effectualMacs += row.macs.effectual;
  }
  return sum;
}

/** Energy of rows, which all have it or none; of no rows there is none to tell. */
function energyOf(rows: readonly ResultRow[]): Pick<ResultTotal, "energy"> {
  const components: Record<string, number> = {};
  let baselinePicojoules = 0;
  for (const { energy } of rows) {
    if (energy === undefined) return {};
    baselinePicojoules += energy.baselinePicojoules;
    for (const [name, picojoules] of Object.entries(energy.components)) {
      components[name] = (components[name] ?? 0) + picojoules;
    }
  }
  if (rows.length === 0) return {};
  const picojoules = sumOfComponents(components);
  return { energy: { components, picojoules, baselinePicojoules, ratio: ratio(baselinePicojoules, picojoules) } };
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}

/** Means of a machine's rows over the steps: by pass, over all passes, over the ops without MACs, and over the whole step. */
import { sumOf as sumOfComponents } from "../energy/model.ts";
import type { Machine } from "../hardware/machine.ts";
import { PASSES } from "../operation/operation.ts";
import { totalWidths } from "../sampling/total-widths.ts";
import type { MachineResult, ResultRow, ResultTotal } from "./result.ts";

/** What an op took, and what it was. */
export type TimedOp = Pick<ResultRow, "kind" | "pass" | "seconds" | "sample">;

/**
 * Means of `rows` over their `steps`. `dense` are the ops of the same machine on dense-training traces (none: an empty list)
 * and the number of these traces.
 */
export function totalsOf(
  { rows, steps }: { readonly rows: readonly ResultRow[]; readonly steps: number },
  machine: Pick<Machine, "clockHz">,
  baselineClockHz: number,
  dense: { readonly ops: readonly TimedOp[]; readonly steps: number },
): MachineResult["totals"] {
  const total = (selects: (op: TimedOp) => boolean): ResultTotal => {
    const selected = rows.filter(selects);
    const own = meanOf(selected, steps, machine);
    const { counterpartSeconds } = own;
    const ratios = {
      speedup: ratio(own.baselineSeconds, own.seconds),
      ...(counterpartSeconds === undefined
        ? {}
        : { counterpartSeconds, ownSkippingGain: ratio(counterpartSeconds, own.seconds) }),
      speedupFromZeros: ratio(own.noZerosSeconds, own.seconds),
      idealSpeedup: ratio(own.baselineSeconds, own.idealSeconds),
    };
    const { cycles, seconds, baselineSeconds, selectionSeconds, denseMacs, effectualMacs } = own;
    const compute = {
      cycles: own.compute,
      baselineCycles: own.baselineCompute,
      counterpartCycles: own.counterpartCompute,
      idealCycles: own.idealCompute,
      idealSpeedup: ratio(own.baselineCompute / baselineClockHz, own.idealCompute / machine.clockHz),
      speedup: ratio(own.baselineCompute / baselineClockHz, own.compute / machine.clockHz),
      ownSkippingGain: ratio(own.counterpartCompute, own.compute),
      speedupFromZeros: ratio(own.noZerosCompute, own.compute),
    };
    const base = {
      cycles,
      seconds,
      baselineSeconds,
      selectionSeconds,
      ...ratios,
      compute,
      denseMacs,
      effectualMacs,
      ...energyOf(selected, steps),
    };
    const taken = { rows: selected, steps };
    if (dense.ops.length === 0) return { ...base, ...totalWidths(base, taken, dense) };
    const denseOps = dense.ops.filter(selects);
    const denseTrainingSeconds = denseOps.reduce((sum, { seconds }) => sum + seconds, 0) / dense.steps;
    const speedupOverDenseTraining = ratio(denseTrainingSeconds, seconds);
    const withDense = { ...base, denseTrainingSeconds, speedupOverDenseTraining };
    return { ...withDense, ...totalWidths(withDense, taken, { ...dense, ops: denseOps }) };
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

function meanOf(rows: readonly ResultRow[], steps: number, machine: Pick<Machine, "clockHz">) {
  const { counterpartSeconds, ...sum } = sumOf(rows, machine);
  const mean = Object.fromEntries(Object.entries(sum).map(([name, value]) => [name, value / steps])) as typeof sum;
  return { ...mean, counterpartSeconds: counterpartSeconds === undefined ? undefined : counterpartSeconds / steps };
}

function sumOf(rows: readonly ResultRow[], machine: Pick<Machine, "clockHz">) {
  const sum = {
    cycles: 0,
    seconds: 0,
    baselineSeconds: 0,
    selectionSeconds: 0,
    noZerosSeconds: 0,
    idealSeconds: 0,
    compute: 0,
    baselineCompute: 0,
    counterpartCompute: 0,
    noZerosCompute: 0,
    idealCompute: 0,
    denseMacs: 0,
    effectualMacs: 0,
  };
  let counterpartSeconds: number | undefined = 0;
  for (const row of rows) {
    if (counterpartSeconds !== undefined && row.counterpartSeconds !== undefined) {
      counterpartSeconds += row.counterpartSeconds;
    } else counterpartSeconds = undefined;
    if (row.kind === "select") sum.selectionSeconds += row.seconds;
    sum.counterpartCompute += row.counterpartComputeCycles;
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
  return { ...sum, counterpartSeconds };
}

/** Energy of rows; undefined without rows. Either all rows have energy or none has. */
function energyOf(rows: readonly ResultRow[], steps: number): Pick<ResultTotal, "energy"> {
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
  for (const name of Object.keys(components)) components[name] /= steps;
  baselinePicojoules /= steps;
  const picojoules = sumOfComponents(components);
  return { energy: { components, picojoules, baselinePicojoules, ratio: ratio(baselinePicojoules, picojoules) } };
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}

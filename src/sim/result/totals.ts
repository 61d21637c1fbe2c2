/** Means of a machine's rows over the steps: by pass, over all passes, over the ops without MACs, and over the whole step. */
import { sumOf as sumOfComponents } from "../energy/model.ts";
import type { Machine } from "../hardware/machine.ts";
import { PASSES } from "../operation/operation.ts";
import { totalWidths, Widths } from "../sampling/total-widths.ts";
import type { MachineResult, ResultRow, ResultTotal } from "./result.ts";

/** What an op took, and what it was. */
export type TimedOp = Pick<ResultRow, "kind" | "pass" | "seconds" | "sample">;

type Kind = Pick<ResultRow, "kind" | "pass">;

const isMac = ({ kind }: Kind) => kind === "conv" || kind === "linear";
const macsOf = (wanted: string) => (op: Kind) => isMac(op) && op.pass === wanted;
const [forward, inputGrad, weightGrad] = PASSES.map(macsOf);
const PARTS = {
  ...{ forward, inputGrad, weightGrad, matmul: isMac },
  other: (op: Kind) => !isMac(op),
  training: () => true,
} as const satisfies Record<keyof MachineResult["totals"], (op: Kind) => boolean>;

/** What the means of a machine's rows depend on beside them. */
export interface TotalsContext {
  readonly machine: Pick<Machine, "clockHz">;
  readonly baselineClockHz: number;
  /** Traces that the rows are of. */
  readonly steps: number;
  /** Ops of the same machine on dense-training traces (none: an empty list), and the number of these traces. */
  readonly dense: { readonly ops: readonly TimedOp[]; readonly steps: number };
}

/** Takes the rows of a machine one by one, in their order. */
export class RowSums {
  readonly #parts = Object.entries(PARTS).map(([name, selects]) => ({ name, selects, sum: new PartSum() }));

  add(row: ResultRow, machine: Pick<Machine, "clockHz">): void {
    for (const { selects, sum } of this.#parts) if (selects(row)) sum.add(row, machine);
  }

  /** The means of what was added. */
  means({ dense, ...context }: TotalsContext): MachineResult["totals"] {
    const totals = this.#parts.map(({ name, selects, sum }) => {
      const ops = dense.ops.filter(selects);
      return [name, sum.mean(context, dense.ops.length === 0 ? undefined : { ...dense, ops })];
    });
    return Object.fromEntries(totals) as MachineResult["totals"];
  }
}

/** Means of `rows`. */
export function totalsOf(rows: Iterable<ResultRow>, context: TotalsContext): MachineResult["totals"] {
  const sums = new RowSums();
  for (const row of rows) sums.add(row, context.machine);
  return sums.means(context);
}

const NOTHING = {
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

/** Sums over the rows of one part of a step. */
class PartSum {
  readonly #sum = { ...NOTHING };
  readonly #energy = new EnergySum();
  readonly #widths = new Widths();
  #counterpartSeconds: number | undefined = 0;

  add(row: ResultRow, { clockHz }: Pick<Machine, "clockHz">): void {
    const sum = this.#sum;
    if (this.#counterpartSeconds !== undefined && row.counterpartSeconds !== undefined) {
      this.#counterpartSeconds += row.counterpartSeconds;
    } else this.#counterpartSeconds = undefined;
    if (row.kind === "select") sum.selectionSeconds += row.seconds;
    sum.counterpartCompute += row.counterpartComputeCycles;
    sum.cycles += row.cycles.total;
    sum.seconds += row.seconds;
    sum.baselineSeconds += row.baselineSeconds;
    sum.noZerosSeconds += row.noZerosSeconds;
    sum.idealSeconds += row.idealCycles / clockHz;
    sum.compute += row.cycles.compute;
    sum.baselineCompute += row.baselineComputeCycles;
    sum.noZerosCompute += row.noZerosComputeCycles;
    if (row.cycles.compute > 0) sum.idealCompute += row.idealCycles;
    sum.denseMacs += row.macs.dense;
    sum.effectualMacs += row.macs.effectual;
    this.#energy.add(row);
    this.#widths.add(row);
  }

  mean(
    { machine, baselineClockHz, steps }: Omit<TotalsContext, "dense">,
    dense: TotalsContext["dense"] | undefined,
  ): ResultTotal {
    const mean = (name: keyof typeof NOTHING) => this.#sum[name] / steps;
    const [seconds, baselineSeconds] = [mean("seconds"), mean("baselineSeconds")];
    const counterpartSeconds = this.#counterpartSeconds === undefined ? undefined : this.#counterpartSeconds / steps;
    const clocks = { machine: machine.clockHz, baseline: baselineClockHz };
    const base = {
      ...{ cycles: mean("cycles"), seconds, baselineSeconds, selectionSeconds: mean("selectionSeconds") },
      speedup: ratio(baselineSeconds, seconds),
      ...(counterpartSeconds === undefined
        ? {}
        : { counterpartSeconds, ownSkippingGain: ratio(counterpartSeconds, seconds) }),
      speedupFromZeros: ratio(mean("noZerosSeconds"), seconds),
      idealSpeedup: ratio(baselineSeconds, mean("idealSeconds")),
      compute: computeOf(mean, clocks),
      denseMacs: mean("denseMacs"),
      effectualMacs: mean("effectualMacs"),
      ...this.#energy.mean(steps),
    };
    const taken = { widths: this.#widths, steps };
    if (dense === undefined) return { ...base, ...totalWidths(base, taken) };
    const denseTrainingSeconds = dense.ops.reduce((sum, { seconds }) => sum + seconds, 0) / dense.steps;
    const speedupOverDenseTraining = ratio(denseTrainingSeconds, seconds);
    const withDense = { ...base, denseTrainingSeconds, speedupOverDenseTraining };
    const denseWidths = new Widths();
    for (const op of dense.ops) denseWidths.add(op);
    return { ...withDense, ...totalWidths(withDense, taken, { widths: denseWidths, steps: dense.steps }) };
  }
}

function computeOf(
  mean: (name: keyof typeof NOTHING) => number,
  clocks: { readonly machine: number; readonly baseline: number },
): ResultTotal["compute"] {
  const [cycles, baselineCycles, idealCycles] = [mean("compute"), mean("baselineCompute"), mean("idealCompute")];
  const counterpartCycles = mean("counterpartCompute");
  return {
    ...{ cycles, baselineCycles, counterpartCycles, idealCycles },
    idealSpeedup: ratio(baselineCycles / clocks.baseline, idealCycles / clocks.machine),
    speedup: ratio(baselineCycles / clocks.baseline, cycles / clocks.machine),
    ownSkippingGain: ratio(counterpartCycles, cycles),
    speedupFromZeros: ratio(mean("noZerosCompute"), cycles),
  };
}

/** Energy of rows; nothing without rows. Either all rows have energy or none has. */
class EnergySum {
  readonly #components: Record<string, number> = {};
  #baselinePicojoules = 0;
  #rows = 0;
  #isKnown = true;

  add({ energy }: ResultRow): void {
    this.#rows++;
    if (energy === undefined) this.#isKnown = false;
    if (!this.#isKnown || energy === undefined) return;
    this.#baselinePicojoules += energy.baselinePicojoules;
    for (const [name, picojoules] of Object.entries(energy.components)) {
      this.#components[name] = (this.#components[name] ?? 0) + picojoules;
    }
  }

  mean(steps: number): Pick<ResultTotal, "energy"> {
    if (!this.#isKnown || this.#rows === 0) return {};
    const all = Object.entries(this.#components).map(([name, picojoules]) => [name, picojoules / steps] as const);
    const components = Object.fromEntries(all);
    const baselinePicojoules = this.#baselinePicojoules / steps;
    const picojoules = sumOfComponents(components);
    return { energy: { components, picojoules, baselinePicojoules, ratio: ratio(baselinePicojoules, picojoules) } };
  }
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}

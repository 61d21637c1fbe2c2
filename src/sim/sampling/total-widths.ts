/**
 * Intervals of sums over ops and of their ratios. Ops are sampled independently, so that what is chance of their half-widths adds up as
 * squares; bounds on what is not may all point the same way, and add up as they are. A ratio's relative half-width is at
 * most the sum of those of its parts, however they hang together. All of it errs on the wide side: each half-width was
 * taken with the few degrees of freedom of its op.
 */
import type { ResultRow, ResultTotal } from "../result/result.ts";
import type { NumberPath } from "./number-paths.ts";

/** Of an op: the half-widths of its sample, if there is one. */
type Sampled = Pick<ResultRow, "sample">;

/** Half-widths of the sums over ops, which were drawn independently. */
export class Widths {
  readonly #sums = new Map<string, { squares: number; bounds: number }>();
  #isSampled = false;

  add({ sample }: Sampled): void {
    if (sample === undefined) return;
    this.#isSampled = true;
    for (const path of Object.keys({ ...sample.ci95, ...sample.bounds })) {
      const sum = this.#sums.get(path) ?? { squares: 0, bounds: 0 };
      const bound = sample.bounds[path] ?? 0;
      sum.squares += ((sample.ci95[path] ?? 0) - bound) ** 2;
      sum.bounds += bound;
      this.#sums.set(path, sum);
    }
  }

  /** Whether an op that was added was sampled. */
  get isSampled(): boolean {
    return this.#isSampled;
  }

  of(path: NumberPath<ResultRow>): number {
    const { squares, bounds } = this.#sums.get(path) ?? { squares: 0, bounds: 0 };
    return Math.sqrt(squares) + bounds;
  }
}

/** Half-widths of ops, and of how many steps these are. */
interface StepWidths {
  readonly widths: Widths;
  readonly steps: number;
}

/** Half-widths of a total by path; nothing where no op of it was sampled. `dense` are the ops of dense training. */
export function totalWidths(
  total: ResultTotal,
  { widths: own, steps }: StepWidths,
  dense?: StepWidths,
): Pick<ResultTotal, "ci95"> {
  if (!own.isSampled && !dense?.widths.isSampled) return {};
  const widths: Record<string, number> = {};
  const mean = (path: NumberPath<ResultRow>) => own.of(path) / steps;
  const set = (path: NumberPath<ResultTotal>, width: number) => {
    if (width > 0) widths[path] = width;
  };
  type Part = readonly [value: number, width: number];
  const setRatio = (
    path: NumberPath<ResultTotal>,
    ratio: number | null | undefined,
    [above, aboveWidth]: Part,
    [below, belowWidth]: Part,
  ) => {
    if (ratio !== null && ratio !== undefined && above > 0) {
      set(path, ratio * (aboveWidth / above + belowWidth / below));
    }
  };
  const { compute, energy, denseTrainingSeconds } = total;
  const seconds: Part = [total.seconds, mean("seconds")];
  const baselineSeconds: Part = [total.baselineSeconds, mean("baselineSeconds")];
  const cycles: Part = [compute.cycles, mean("cycles.compute")];
  const baselineCycles: Part = [compute.baselineCycles, mean("baselineComputeCycles")];
  const counterpartCycles: Part = [compute.counterpartCycles, mean("counterpartComputeCycles")];
  set("cycles", Math.ceil(mean("cycles.total")));
  set("seconds", seconds[1]);
  set("baselineSeconds", baselineSeconds[1]);
  setRatio("speedup", total.speedup, baselineSeconds, seconds);
  if (total.counterpartSeconds !== undefined) {
    const counterpart: Part = [total.counterpartSeconds, mean("counterpartSeconds")];
    set("counterpartSeconds", counterpart[1]);
    setRatio("ownSkippingGain", total.ownSkippingGain, counterpart, seconds);
  }
  const noZerosSeconds = (total.speedupFromZeros ?? 0) * total.seconds;
  setRatio("speedupFromZeros", total.speedupFromZeros, [noZerosSeconds, mean("noZerosSeconds")], seconds);
  setRatio("idealSpeedup", total.idealSpeedup, baselineSeconds, [1, 0]);
  set("compute.cycles", Math.ceil(cycles[1]));
  set("compute.baselineCycles", Math.ceil(baselineCycles[1]));
  set("compute.counterpartCycles", Math.ceil(counterpartCycles[1]));
  setRatio("compute.ownSkippingGain", compute.ownSkippingGain, counterpartCycles, cycles);
  setRatio("compute.speedup", compute.speedup, baselineCycles, cycles);
  const noZerosCycles = (compute.speedupFromZeros ?? 0) * compute.cycles;
  setRatio("compute.speedupFromZeros", compute.speedupFromZeros, [noZerosCycles, mean("noZerosComputeCycles")], cycles);
  setRatio("compute.idealSpeedup", compute.idealSpeedup, baselineCycles, [1, 0]);
  if (denseTrainingSeconds !== undefined && dense !== undefined) {
    const before: Part = [denseTrainingSeconds, dense.widths.of("seconds") / dense.steps];
    set("denseTrainingSeconds", before[1]);
    setRatio("speedupOverDenseTraining", total.speedupOverDenseTraining, before, seconds);
  }
  if (energy !== undefined) {
    const own: Part = [energy.picojoules, mean("energy.picojoules")];
    const baseline: Part = [energy.baselinePicojoules, mean("energy.baselinePicojoules")];
    set("energy.picojoules", own[1]);
    set("energy.baselinePicojoules", baseline[1]);
    for (const name of Object.keys(energy.components))
      set(`energy.components.${name}`, mean(`energy.components.${name}`));
    setRatio("energy.ratio", energy.ratio, baseline, own);
  }
  return { ci95: widths };
}

/** The half-width of the sum of a number of some rows, which were drawn independently. */
export function sumOfWidths(rows: readonly Sampled[], path: NumberPath<ResultRow>): number {
  const widths = new Widths();
  for (const row of rows) widths.add(row);
  return widths.of(path);
}

/**
 * Intervals of sums over ops and of their ratios. Ops are sampled independently, so that half-widths add up as their squares; a
 * ratio's relative half-width is at most the sum of those of its parts, however they hang together. Both err on the wide side: each
 * half-width was taken with the few degrees of freedom of its op.
 */
import type { ResultRow, ResultTotal } from "../result.ts";

/** Of an op: the half-widths of its sample, if there is one. */
type Sampled = Pick<ResultRow, "sample">;

/** Half-widths of a total by path; nothing where no op of it was sampled. `denseOps` are those of dense training, `stepRatio` of them. */
export function totalWidths(
  total: ResultTotal,
  rows: readonly Sampled[],
  denseOps: readonly Sampled[],
  stepRatio: number,
): Pick<ResultTotal, "ci95"> {
  if (![...rows, ...denseOps].some(({ sample }) => sample !== undefined)) return {};
  const sum = (path: string, of = rows) => Math.hypot(...of.map(({ sample }) => sample?.ci95[path] ?? 0));
  const widths: Record<string, number> = {};
  const set = (path: string, width: number) => {
    if (width > 0) widths[path] = width;
  };
  type Part = readonly [value: number, width: number];
  const setRatio = (
    path: string,
    ratio: number | null | undefined,
    [above, aboveWidth]: Part,
    [below, belowWidth]: Part,
  ) => {
    if (ratio !== null && ratio !== undefined && above > 0) {
      set(path, ratio * (aboveWidth / above + belowWidth / below));
    }
  };
  const { compute, energy, denseTrainingSeconds } = total;
  const seconds: Part = [total.seconds, sum("seconds")];
  const baselineSeconds: Part = [total.baselineSeconds, sum("baselineSeconds")];
  const cycles: Part = [compute.cycles, sum("cycles.compute")];
  const baselineCycles: Part = [compute.baselineCycles, sum("baselineComputeCycles")];
  set("cycles", Math.ceil(sum("cycles.total")));
  set("seconds", seconds[1]);
  set("baselineSeconds", baselineSeconds[1]);
  setRatio("speedup", total.speedup, baselineSeconds, seconds);
  const noZerosSeconds = (total.speedupFromZeros ?? 0) * total.seconds;
  setRatio("speedupFromZeros", total.speedupFromZeros, [noZerosSeconds, sum("noZerosSeconds")], seconds);
  setRatio("idealSpeedup", total.idealSpeedup, baselineSeconds, [1, 0]);
  set("compute.cycles", Math.ceil(cycles[1]));
  set("compute.baselineCycles", Math.ceil(baselineCycles[1]));
  setRatio("compute.speedup", compute.speedup, baselineCycles, cycles);
  const noZerosCycles = (compute.speedupFromZeros ?? 0) * compute.cycles;
  setRatio("compute.speedupFromZeros", compute.speedupFromZeros, [noZerosCycles, sum("noZerosComputeCycles")], cycles);
  setRatio("compute.idealSpeedup", compute.idealSpeedup, baselineCycles, [1, 0]);
  if (denseTrainingSeconds !== undefined) {
    const dense: Part = [denseTrainingSeconds, sum("seconds", denseOps) * stepRatio];
    set("denseTrainingSeconds", dense[1]);
    setRatio("speedupOverDenseTraining", total.speedupOverDenseTraining, dense, seconds);
  }
  if (energy !== undefined) {
    const own: Part = [energy.picojoules, sum("energy.picojoules")];
    const baseline: Part = [energy.baselinePicojoules, sum("energy.baselinePicojoules")];
    set("energy.picojoules", own[1]);
    set("energy.baselinePicojoules", baseline[1]);
    for (const name of Object.keys(energy.components))
      set(`energy.components.${name}`, sum(`energy.components.${name}`));
    setRatio("energy.ratio", energy.ratio, baseline, own);
  }
  return { ci95: widths };
}

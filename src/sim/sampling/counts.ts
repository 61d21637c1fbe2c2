/** Sums of the counts of several operations, each times a weight, and estimates as whole counts. */
import type { ComputeResult, Slots } from "../accelerator.ts";

type Counts = Readonly<Record<string, number>>;

/** Σ weights[i] · results[i], count by count. What was scheduled is that of the last one. */
export function sumOfResults(results: readonly ComputeResult[], weights: readonly number[]): ComputeResult {
  const sum = (pick: (result: ComputeResult) => number) =>
    results.reduce((total, result, i) => total + weights[i] * pick(result), 0);
  const byName = (pick: (result: ComputeResult) => Counts): Record<string, number> => {
    const names = new Set(results.flatMap((result) => Object.keys(pick(result))));
    return Object.fromEntries([...names].map((name) => [name, sum((result) => pick(result)[name] ?? 0)]));
  };
  const hasSlots = results.every(({ slots }) => slots !== undefined);
  return {
    cycles: sum(({ cycles }) => cycles),
    baseCycles: sum(({ baseCycles }) => baseCycles),
    packedCycles: sum(({ packedCycles }) => packedCycles),
    reschedulingCycles: sum(({ reschedulingCycles }) => reschedulingCycles),
    scheduled: results[results.length - 1].scheduled,
    counters: byName(({ counters }) => counters),
    ...(hasSlots ? { slots: byName(({ slots }) => slots as unknown as Counts) as unknown as Slots } : {}),
    onChipReads: byName(({ onChipReads }) => onChipReads as Counts),
    onChipWrites: sum(({ onChipWrites }) => onChipWrites),
  };
}

/** The counts of what the array does, all times `factor`; those of the unskipped array and of the results stay. */
export function scaled(result: ComputeResult, factor: number): ComputeResult {
  const { baseCycles, onChipWrites } = result;
  return { ...sumOfResults([result], [factor]), baseCycles, onChipWrites };
}

/**
 * The estimate in whole counts. What rounding takes from slots or adds to them is given to the largest, so that they
 * leave as much of multipliers × cycles untold as before.
 */
export function rounded(result: ComputeResult, multipliers: number): ComputeResult {
  const { slots } = result;
  const cycles = Math.round(result.cycles);
  return {
    ...result,
    cycles,
    baseCycles: Math.round(result.baseCycles),
    packedCycles: Math.round(result.packedCycles),
    reschedulingCycles: Math.round(result.reschedulingCycles),
    counters: roundedCounts(result.counters),
    ...(slots === undefined ? {} : { slots: roundedSlots(slots, multipliers * result.cycles, multipliers * cycles) }),
    onChipReads: roundedCounts(result.onChipReads as Counts),
    onChipWrites: Math.round(result.onChipWrites),
  };
}

function roundedSlots(slots: Slots, all: number, allRounded: number): Slots {
  const counts = slots as unknown as Counts;
  const whole = roundedCounts(counts);
  const sum = (values: Counts) => Object.values(values).reduce((total, count) => total + count, 0);
  const untold = Math.round(all - sum(counts));
  const [largest] = Object.keys(whole).sort((a, b) => whole[b] - whole[a]);
  whole[largest] += allRounded - untold - sum(whole);
  return whole as unknown as Slots;
}

function roundedCounts(counts: Counts): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Math.round(count)]));
}

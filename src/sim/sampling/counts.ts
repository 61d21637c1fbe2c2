/** Sums of the counts of several operations, each times a weight, and estimates as whole counts. */
import type { ComputeResult, MultiplierCycles } from "../hardware/accelerator.ts";

/** Counts by name; some may be missing. */
type Counts<Name extends string> = Readonly<Partial<Record<Name, number>>>;

/** Σ weights[i] · results[i], count by count. What was scheduled is that of the last one. */
export function sumOfResults(results: readonly ComputeResult[], weights: readonly number[]): ComputeResult {
  const sum = (pick: (result: ComputeResult) => number) =>
    results.reduce((total, result, i) => total + weights[i] * pick(result), 0);
  const byName = <Name extends string>(pick: (result: ComputeResult) => Counts<Name>): Record<Name, number> => {
    const names = new Set(results.flatMap((result) => namesOf(pick(result))));
    return byNames([...names], (name) => sum((result) => pick(result)[name] ?? 0));
  };
  const hasMultiplierCycles = results.every(({ multiplierCycles }) => multiplierCycles !== undefined);
  return {
    cycles: sum(({ cycles }) => cycles),
    baseCycles: sum(({ baseCycles }) => baseCycles),
    packedCycles: sum(({ packedCycles }) => packedCycles),
    reschedulingCycles: sum(({ reschedulingCycles }) => reschedulingCycles),
    scheduled: results[results.length - 1].scheduled,
    counters: byName(({ counters }) => counters),
    ...(hasMultiplierCycles
      ? {
          multiplierCycles: byName<keyof MultiplierCycles>(
            ({ multiplierCycles = { occupied: 0 } }) => multiplierCycles,
          ),
        }
      : {}),
    onChipReads: byName(({ onChipReads }) => onChipReads),
    onChipWrites: sum(({ onChipWrites }) => onChipWrites),
  };
}

/** The counts of what the array does, all times `factor`; those of the unskipped array and of the results stay. */
export function scaled(result: ComputeResult, factor: number): ComputeResult {
  const { baseCycles, onChipWrites } = result;
  return { ...sumOfResults([result], [factor]), baseCycles, onChipWrites };
}

/**
 * The estimate in whole counts. What rounding takes from multiplier-cycles or adds to them is given to the largest, so that they
 * leave as much of multipliers × cycles untold as before.
 */
export function rounded(result: ComputeResult, multipliers: number): ComputeResult {
  const { multiplierCycles } = result;
  const cycles = Math.round(result.cycles);
  return {
    ...result,
    cycles,
    baseCycles: Math.round(result.baseCycles),
    packedCycles: Math.round(result.packedCycles),
    reschedulingCycles: Math.round(result.reschedulingCycles),
    counters: roundedCounts(result.counters),
    ...(multiplierCycles === undefined
      ? {}
      : {
          multiplierCycles: roundedMultiplierCycles(
            multiplierCycles,
            multipliers * result.cycles,
            multipliers * cycles,
          ),
        }),
    onChipReads: roundedCounts(result.onChipReads),
    onChipWrites: Math.round(result.onChipWrites),
  };
}

function roundedMultiplierCycles(
  multiplierCycles: MultiplierCycles,
  all: number,
  allRounded: number,
): MultiplierCycles {
  const whole = roundedCounts<keyof MultiplierCycles>(multiplierCycles);
  const sum = (counts: Counts<keyof MultiplierCycles>) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  const untold = Math.round(all - sum(multiplierCycles));
  const [largest] = namesOf(whole).sort((a, b) => whole[b] - whole[a]);
  whole[largest] += allRounded - untold - sum(whole);
  return whole;
}

function roundedCounts<Name extends string>(counts: Counts<Name>): Record<Name, number> {
  return byNames(namesOf(counts), (name) => Math.round(counts[name] ?? 0));
}

function namesOf<Name extends string>(counts: Counts<Name>): Name[] {
  return Object.keys(counts) as Name[];
}

function byNames<Name extends string>(names: readonly Name[], count: (name: Name) => number): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, count(name)])) as Record<Name, number>;
}

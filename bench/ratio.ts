/**
 * Interleaved timing: all variants run once a round, so that a slow minute of the machine hits every variant alike and
 * their ratios stay true. Medians, not means.
 */

/** Settings of `compare`. */
export interface CompareSettings {
  readonly rounds: number;
}

/** Median time of one call of each variant in milliseconds, over `rounds` interleaved rounds after one that warms up. */
export function compare(
  variants: Readonly<Record<string, () => void>>,
  settings: CompareSettings,
): Record<string, number> {
  const times = new Map<string, number[]>();
  for (const name of Object.keys(variants)) times.set(name, []);
  for (let round = -1; round < settings.rounds; round++) {
    for (const [name, run] of Object.entries(variants)) {
      const start = performance.now();
      run();
      if (round >= 0) times.get(name)?.push(performance.now() - start);
    }
  }
  return Object.fromEntries([...times].map(([name, list]) => [name, median(list)]));
}

/** Middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

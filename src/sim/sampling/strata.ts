/**
 * Cuts units into strata by a size that is known of each: the boundaries in the order of size for which Σ units · standard
 * deviation of the size is least, found by dynamic programming. Few units that are far from the others make a stratum of their
 * own. Source: Dalenius and Hodges, Minimum Variance Stratification, JASA 54 (1959); the exact search as in Fisher, On Grouping for
 * Maximum Homogeneity, JASA 53 (1958).
 */

/** Places of boundaries that are tried: their pairs are what takes time. */
const MOST_BOUNDARIES = 1024;

/** Units by number, ascending in size, in at most `most` strata, smaller units first. */
export function strataBySize(sizes: readonly number[], most: number): number[][] {
  const order = Array.from(sizes.keys()).sort((a, b) => sizes[a] - sizes[b] || a - b);
  const spread = spreadOf(order.map((unit) => sizes[unit]));
  // Least spread of the first `end` units in one stratum more at every turn, and where its last stratum starts.
  let least = Float64Array.from({ length: order.length + 1 }, (_, end) => spread(0, end));
  const starts: Int32Array[] = [];
  const step = Math.ceil(order.length / MOST_BOUNDARIES);
  const ends = Array.from({ length: Math.ceil(order.length / step) }, (_, i) => Math.min(order.length, (i + 1) * step));
  for (let stratum = 1; stratum < most; stratum++) {
    const next = least.slice();
    const start = new Int32Array(order.length + 1);
    for (const end of ends) {
      for (const from of ends) {
        if (from >= end) break;
        const sum = least[from] + spread(from, end);
        if (sum < next[end]) {
          next[end] = sum;
          start[end] = from;
        }
      }
    }
    least = next;
    starts.push(start);
  }
  const strata: number[][] = [];
  let end = order.length;
  for (const start of starts.reverse()) {
    // 0: the stratum more gains nothing.
    if (start[end] === 0) continue;
    strata.unshift(order.slice(start[end], end));
    end = start[end];
  }
  return [order.slice(0, end), ...strata];
}

/** Count × standard deviation of the values from one index up to another. */
function spreadOf(values: readonly number[]): (from: number, to: number) => number {
  const sums = new Float64Array(values.length + 1);
  const squares = new Float64Array(values.length + 1);
  values.forEach((value, i) => {
    sums[i + 1] = sums[i] + value;
    squares[i + 1] = squares[i] + value ** 2;
  });
  return (from, to) =>
    Math.sqrt(Math.max(0, (squares[to] - squares[from]) * (to - from) - (sums[to] - sums[from]) ** 2));
}

/**
 * The reduction tree over the multipliers: virtual neurons on neighbouring leaves are added up side by side. Adders of
 * neighbouring subtrees are linked, so that a virtual neuron that straddles a boundary hands its smaller end over to the
 * other side and leaves the tree early; the hand-over costs one level of delay for the leaves below it.
 * Source: STONNE 22634b8b, its augmented tree (MAERI, ASPLOS 2018).
 */

/** Where a virtual neuron leaves the tree, and what its ends lose on the way. */
export interface TreeExit {
  /** Levels above the leaves; 1 is the first row of adders. */
  readonly level: number;
  /** Adder of that level. */
  readonly index: number;
  /** Leaves before each of these lose a cycle more; one entry a hand-over. */
  readonly leftHandovers: readonly number[];
  /** Leaves from each of these on lose a cycle more. */
  readonly rightHandovers: readonly number[];
}

/** Follows the virtual neuron on leaves [first, last] up to the level at which one adder holds it. */
export function treeExit(first: number, last: number): TreeExit {
  const leftHandovers: number[] = [];
  const rightHandovers: number[] = [];
  let [low, high] = [first, last];
  for (let level = 1; ; level++) {
    const [from, to] = [low >> 1, high >> 1];
    const children = high - low + 1;
    const underFirst = Math.min(high, 2 * from + 1) - low + 1;
    const underLast = high - Math.max(low, 2 * to) + 1;
    [low, high] = [from, to];
    // Links join adders (x, x + 1) with x odd; only the ends of a virtual neuron are handed over.
    if (from < to && from % 2 === 1 && underFirst < children - underFirst) {
      leftHandovers.push((from + 1) << level);
      low++;
    }
    if (from < to && to % 2 === 0 && children - underLast >= underLast) {
      rightHandovers.push(to << level);
      high--;
    }
    if (low === high) return { level, index: low, leftHandovers, rightHandovers };
  }
}

/** Cycles from a product on `leaf` to the exit. */
export function treeDelay({ level, leftHandovers, rightHandovers }: TreeExit, leaf: number): number {
  let delay = level;
  for (const boundary of leftHandovers) if (leaf < boundary) delay++;
  for (const boundary of rightHandovers) if (leaf >= boundary) delay++;
  return delay;
}

/**
 * Line of a hashed bus of `lines` for results of an adder, in a tree of 2^`height` leaves: linked pairs share a line, counted from
 * the root down; the adders at the edges, which have no link, follow after all pairs.
 */
export function hashedLine({ level, index }: TreeExit, height: number, lines: number): number {
  const depth = height - level;
  const pairsAbove = (rows: number) => 2 ** rows - 1 - rows;
  const lastIndex = 2 ** depth - 1;
  if (index >= 1 && index < lastIndex) return (pairsAbove(depth - 1) + ((index - 1) >> 1)) % lines;
  const edge = depth === 0 ? 0 : 2 * depth - 1 + (index === lastIndex ? 1 : 0);
  return (2 * pairsAbove(height - 1) + edge) % lines;
}

/**
 * Cycles of one iteration of the flexible array: stationary values on the leaves, every column of the streaming matrix sent past
 * them once. All delays are sums and maxima, so that a virtual neuron's result for column c is ready at the largest of
 * a few lines a + c · u (u: packets a column on one port); only the bus and the drain are played cycle by cycle.
 * Source: STONNE 22634b8b.
 */
import { createCollection } from "./collection.ts";
import { type NetworkParams, placesPerPort } from "./network-params.ts";
import { hashedLine, type TreeExit, treeDelay, treeExit } from "./reduction-tree.ts";

/** What the array needs to know of itself to time an iteration. */
export interface ArrayParams extends Omit<NetworkParams, "batch"> {
  readonly multipliers: number;
  readonly partialSums: "interleaved" | "first";
}

/** What lies on the leaves. */
export interface Iteration {
  /** Reduction index of the value on each leaf. A continuation's leaf 0 holds the partial sum; its entry is not read. */
  readonly leaves: Int32Array;
  /** Last leaf of each virtual neuron; the first starts at leaf 0, the others follow one another. */
  readonly lastLeaf: Int32Array;
  neurons: number;
  /** One virtual neuron that continues a vector that did not fit. */
  continuation: boolean;
}

/** Cycles of one iteration. */
export interface IterationCost {
  /** From its configuration until its last result is stored. */
  readonly alone: number;
  /** Cycles for which the ports or the bus are busy with it: what it takes when iterations overlap. */
  readonly busy: number;
}

/** Results of an iteration, or packets on a port, that are played out. */
const PLAYED_RESULTS = 2 ** 22;
/** Configuration, and the cycle of the clock's zero. */
const AROUND = 2;

interface Line {
  at: number;
  readonly step: number;
}

/**
 * A function that times iterations on one array for a number of streamed columns; it keeps its scratch memory. Of an iteration
 * with more than `played` results or packets on a port, the columns up to there are played and the others follow at the
 * rate of the busiest port or bus line: exact for a hashed bus once the slowest of them has the lead, within a cycle for a
 * balanced one, whose lines share a fraction of a result.
 */
export function iterationTimer(
  params: ArrayParams,
  played = PLAYED_RESULTS,
): (iteration: Iteration, columns: number) => IterationCost {
  const { multipliers, reductionBandwidth, bus, drain, overlap } = params;
  const perPort = placesPerPort("sigma", multipliers, params.distributionBandwidth);
  const height = Math.log2(multipliers);
  const switchDelay = perPort > 1 ? 1 : 0;
  const arrival = new Int32Array(multipliers);
  const sorted = new Int32Array(perPort);
  /** Packets that each port sends a column. */
  const packets = new Int32Array(Math.ceil(multipliers / perPort));

  /**
   * Fills `packets` and `arrival`: how long after its column's turn begins a leaf's packet leaves, ports' weights included.
   * Returns the most packets a column, at least one, and the cycles of the busiest port.
   */
  function loadPorts({ leaves, lastLeaf, neurons, continuation }: Iteration, columns: number) {
    const used = lastLeaf[neurons - 1] + 1;
    if (perPort === 1) {
      // A port for each leaf: one packet for its weight, and one a column.
      arrival.fill(1, 0, used);
      packets.fill(1, 0, used);
      if (continuation && params.partialSums === "first") packets[0] = 0;
      return { most: 1, busy: 1 + columns };
    }
    let [most, busy] = [1, 0];
    for (let from = 0, port = 0; from < used; from += perPort, port++) {
      const withSum = continuation && from === 0;
      const first = withSum ? 1 : from;
      const to = Math.min(from + perPort, used);
      const weights = Math.max(0, to - first);
      const distinct = rankLeaves(leaves, first, to, arrival, sorted);
      const before = weights + (withSum && distinct > 0 ? (params.partialSums === "first" ? columns : 1) : 0);
      for (let leaf = first; leaf < to; leaf++) arrival[leaf] += before;
      if (withSum) arrival[0] = params.partialSums === "first" ? 1 : Math.max(1, weights);
      packets[port] = withSum && params.partialSums === "interleaved" ? distinct + 1 : distinct;
      if (packets[port] > most) most = packets[port];
      const sums = withSum && params.partialSums === "first" ? columns : 0;
      const cycles = weights + columns * packets[port] + sums;
      if (cycles > busy) busy = cycles;
    }
    return { most, busy };
  }

  /** Ready times of one virtual neuron's results as the upper envelope of lines over the columns. */
  function linesOf(exit: TreeExit, from: number, to: number, sumFirst: boolean): Line[] {
    const lines: Line[] = [];
    for (let leaf = from; leaf <= to; leaf++) {
      const step = sumFirst && leaf === 0 ? 1 : packets[Math.floor(leaf / perPort)];
      const at = arrival[leaf] + treeDelay(exit, leaf) + switchDelay + 1;
      const same = lines.find((line) => line.step === step);
      if (same === undefined) lines.push({ at, step });
      else if (at > same.at) same.at = at;
    }
    return lines.filter((line) => !lines.some((other) => other.step > line.step && other.at >= line.at));
  }

  function playedOut(iteration: Iteration, columns: number): number {
    const { lastLeaf, neurons, continuation } = iteration;
    // Sent first, partial sums come one a cycle, whatever else the port has to send.
    const sumFirst = continuation && (params.partialSums === "first" || perPort === 1);
    const byLine = new Map<number, Line[][]>();
    let latest = 0;
    for (let neuron = 0; neuron < neurons; neuron++) {
      const from = neuron === 0 ? 0 : lastLeaf[neuron - 1] + 1;
      const exit = treeExit(from, lastLeaf[neuron]);
      const lines = linesOf(exit, from, lastLeaf[neuron], sumFirst);
      const line = bus === "hashed" ? hashedLine(exit, height, reductionBandwidth) : 0;
      const sharing = byLine.get(line);
      if (sharing === undefined) byLine.set(line, [lines]);
      else sharing.push(lines);
      latest = Math.max(latest, readyAt(lines, columns - 1));
    }
    // One result a column of one virtual neuron never waits.
    if (neurons === 1) return latest + 1 + AROUND;
    const capacity = bus === "hashed" ? 1 : reductionBandwidth;
    const mostSharing = Math.max(...[...byLine.values()].map((sharing) => sharing.length));
    const collection = createCollection(latest + Math.ceil((mostSharing * columns) / capacity) + 2);
    for (const sharing of byLine.values()) {
      for (const lines of sharing) {
        for (let column = 0; column < columns; column++) collection.ready(readyAt(lines, column));
      }
      collection.closeLine(capacity);
    }
    return collection.end(drain) + AROUND;
  }

  function busyBus({ lastLeaf, neurons }: Iteration, columns: number): number {
    if (bus === "balanced") return Math.ceil((neurons * columns) / reductionBandwidth);
    const results = new Map<number, number>();
    for (let neuron = 0; neuron < neurons; neuron++) {
      const from = neuron === 0 ? 0 : lastLeaf[neuron - 1] + 1;
      const line = hashedLine(treeExit(from, lastLeaf[neuron]), height, reductionBandwidth);
      results.set(line, (results.get(line) ?? 0) + 1);
    }
    return columns * Math.max(...results.values());
  }

  return (iteration, columns) => {
    if (columns === 0 || iteration.neurons === 0) return { alone: 0, busy: 0 };
    const { most, busy: ports } = loadPorts(iteration, columns);
    const bound = busyBus(iteration, columns);
    const busy = Math.max(bound, ports);
    if (overlap) return { alone: busy, busy };
    const { neurons } = iteration;
    const inPlay = Math.max(1, Math.floor(played / Math.max(neurons, most)));
    if (neurons === 1 || columns <= inPlay) return { alone: playedOut(iteration, columns), busy };
    const rate = Math.max(most, bound / columns);
    return { alone: playedOut(iteration, inPlay) + Math.ceil((columns - inPlay) * rate), busy };
  };
}

function readyAt(lines: readonly Line[], column: number): number {
  let latest = 0;
  for (const { at, step } of lines) {
    const time = at + column * step;
    if (time > latest) latest = time;
  }
  return latest;
}

/**
 * Writes the rank of each leaf's reduction index among the distinct ones of leaves [from, to) of a port, which receive a value
 * that several of them need as one packet; returns how many are distinct.
 */
function rankLeaves(leaves: Int32Array, from: number, to: number, ranks: Int32Array, sorted: Int32Array): number {
  let ascending = true;
  for (let leaf = from; leaf < to; leaf++) {
    ranks[leaf] = leaf - from;
    if (leaf > from && leaves[leaf] <= leaves[leaf - 1]) ascending = false;
  }
  if (ascending) return Math.max(0, to - from);
  const values = sorted.subarray(0, to - from);
  values.set(leaves.subarray(from, to));
  values.sort();
  let distinct = 0;
  for (let i = 0; i < values.length; i++) {
    if (i === 0 || values[i] !== values[distinct - 1]) values[distinct++] = values[i];
  }
  for (let leaf = from; leaf < to; leaf++) ranks[leaf] = indexOf(values, distinct, leaves[leaf]);
  return distinct;
}

/** Index of `value` among the first `length` of ascending `values`, of which it is one. */
function indexOf(values: Int32Array, length: number, value: number): number {
  let [low, high] = [0, length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

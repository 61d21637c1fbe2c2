/**
 * The ports that send stationary values and columns to the leaves of the flexible array: which packets each port sends, and
 * when those of a leaf leave. Source: STONNE 22634b8b.
 */
import { type NetworkParams, placesPerPort } from "./network-params.ts";

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

/** The ports of an array, loaded for one iteration after the other. */
export class Ports {
  readonly #perPort: number;
  readonly #sumsFirst: boolean;
  /** How long after its column's turn begins a leaf's packet leaves, the port's weights included. */
  readonly #arrival: Int32Array;
  /** Packets that each port sends a column. */
  readonly #packets: Int32Array;
  readonly #sorted: Int32Array;

  constructor({ multipliers, distributionBandwidth, partialSums }: ArrayParams) {
    this.#perPort = placesPerPort("sigma", multipliers, distributionBandwidth);
    this.#sumsFirst = partialSums === "first";
    this.#arrival = new Int32Array(multipliers);
    this.#packets = new Int32Array(Math.ceil(multipliers / this.#perPort));
    this.#sorted = new Int32Array(this.#perPort);
  }

  /** Loads an iteration. Returns the most packets a column, at least one, and the cycles of the busiest port. */
  load(iteration: Iteration, columns: number): { readonly most: number; readonly busy: number } {
    const used = iteration.lastLeaf[iteration.neurons - 1] + 1;
    if (this.#perPort === 1) {
      // A port for each leaf: one packet for its weight, and one a column.
      this.#arrival.fill(1, 0, used);
      this.#packets.fill(1, 0, used);
      if (iteration.continuation && this.#sumsFirst) this.#packets[0] = 0;
      return { most: 1, busy: 1 + columns };
    }
    let most = 1;
    let busy = 0;
    for (let from = 0, port = 0; from < used; from += this.#perPort, port++) {
      const cycles = this.#loadPort(iteration, port, Math.min(from + this.#perPort, used), columns);
      if (this.#packets[port] > most) most = this.#packets[port];
      if (cycles > busy) busy = cycles;
    }
    return { most, busy };
  }

  /** Packets a column that a leaf waits for. Sent first, partial sums come one a cycle, whatever else the port has to send. */
  packetsFor({ continuation }: Iteration, leaf: number): number {
    if (leaf === 0 && continuation && (this.#sumsFirst || this.#perPort === 1)) return 1;
    return this.#packets[Math.floor(leaf / this.#perPort)];
  }

  /** When a leaf's packet of the first column arrives; a shared port has a switch more on the way. */
  arrivalAt(leaf: number): number {
    return this.#arrival[leaf] + (this.#perPort > 1 ? 1 : 0);
  }

  /** Leaves of a port, up to `to`; returns the cycles for which it sends. */
  #loadPort({ leaves, continuation }: Iteration, port: number, to: number, columns: number): number {
    const from = port * this.#perPort;
    const arrival = this.#arrival;
    const withSum = continuation && from === 0;
    const first = withSum ? 1 : from;
    const weights = Math.max(0, to - first);
    const distinct = this.#rankLeaves(leaves, first, to);
    const before = weights + (withSum && distinct > 0 ? (this.#sumsFirst ? columns : 1) : 0);
    for (let leaf = first; leaf < to; leaf++) arrival[leaf] += before;
    if (withSum) arrival[0] = this.#sumsFirst ? 1 : Math.max(1, weights);
    this.#packets[port] = withSum && !this.#sumsFirst ? distinct + 1 : distinct;
    return weights + columns * this.#packets[port] + (withSum && this.#sumsFirst ? columns : 0);
  }

  /**
   * Writes to `arrival` the rank of each leaf's reduction index among the distinct ones of leaves [from, to) of a port, which receive
   * a value that several of them need as one packet; returns how many are distinct.
   */
  #rankLeaves(leaves: Int32Array, from: number, to: number): number {
    const ranks = this.#arrival;
    let ascending = true;
    for (let leaf = from; leaf < to; leaf++) {
      ranks[leaf] = leaf - from;
      if (leaf > from && leaves[leaf] <= leaves[leaf - 1]) ascending = false;
    }
    if (ascending) return Math.max(0, to - from);
    const values = this.#sorted.subarray(0, to - from);
    values.set(leaves.subarray(from, to));
    values.sort();
    let distinct = 0;
    for (let i = 0; i < values.length; i++) {
      if (i === 0 || values[i] !== values[distinct - 1]) values[distinct++] = values[i];
    }
    for (let leaf = from; leaf < to; leaf++) ranks[leaf] = indexOf(values, distinct, leaves[leaf]);
    return distinct;
  }
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

/**
 * Cycles of one iteration of the flexible array: stationary values on the leaves, every column of the streaming matrix sent past
 * them once. All delays are sums and maxima, so that a virtual neuron's result for column c is ready at the largest of
 * a few lines a + c · u (u: packets a column on one port); only the bus and the drain are played cycle by cycle.
 * Source: STONNE 22634b8b.
 */
import { createCollection } from "./collection.ts";
import { type ArrayParams, type Iteration, Ports } from "./ports.ts";
import { hashedLine, type TreeExit, treeDelay, treeExit } from "./reduction-tree.ts";

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
  const timer = new IterationTimer(params, played);
  return (iteration, columns) => timer.cost(iteration, columns);
}

/** The array between two iterations: its parameters and scratch memory. */
class IterationTimer {
  readonly #params: ArrayParams;
  readonly #played: number;
  readonly #ports: Ports;
  readonly #height: number;

  constructor(params: ArrayParams, played: number) {
    this.#params = params;
    this.#played = played;
    this.#ports = new Ports(params);
    this.#height = Math.log2(params.multipliers);
  }

  cost(iteration: Iteration, columns: number): IterationCost {
    const { neurons } = iteration;
    if (columns === 0 || neurons === 0) return { alone: 0, busy: 0 };
    const { most, busy: ports } = this.#ports.load(iteration, columns);
    const bound = this.#busyBus(iteration, columns);
    const busy = Math.max(bound, ports);
    if (this.#params.overlap) return { alone: busy, busy };
    const inPlay = Math.max(1, Math.floor(this.#played / Math.max(neurons, most)));
    if (neurons === 1 || columns <= inPlay) return { alone: this.#playedOut(iteration, columns), busy };
    const rate = Math.max(most, bound / columns);
    return { alone: this.#playedOut(iteration, inPlay) + Math.ceil((columns - inPlay) * rate), busy };
  }

  #playedOut(iteration: Iteration, columns: number): number {
    const { bus, reductionBandwidth, drain } = this.#params;
    const { byLine, latest } = this.#results(iteration, columns);
    // One result a column of one virtual neuron never waits.
    if (iteration.neurons === 1) return latest + 1 + AROUND;
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

  /** Ready times of the virtual neurons by the line of the bus that they share, and when the last result is ready. */
  #results(iteration: Iteration, columns: number): { readonly byLine: Map<number, Line[][]>; readonly latest: number } {
    const byLine = new Map<number, Line[][]>();
    let latest = 0;
    for (let neuron = 0; neuron < iteration.neurons; neuron++) {
      const { from, to, exit } = neuronOf(iteration, neuron);
      const lines = this.#linesOf(iteration, exit, from, to);
      const line = this.#params.bus === "hashed" ? this.#busLine(exit) : 0;
      const sharing = byLine.get(line);
      if (sharing === undefined) byLine.set(line, [lines]);
      else sharing.push(lines);
      latest = Math.max(latest, readyAt(lines, columns - 1));
    }
    return { byLine, latest };
  }

  /** Ready times of one virtual neuron's results as the upper envelope of lines over the columns. */
  #linesOf(iteration: Iteration, exit: TreeExit, from: number, to: number): Line[] {
    const lines: Line[] = [];
    for (let leaf = from; leaf <= to; leaf++) {
      const step = this.#ports.packetsFor(iteration, leaf);
      const at = this.#ports.arrivalAt(leaf) + treeDelay(exit, leaf) + 1;
      const same = lines.find((line) => line.step === step);
      if (same === undefined) lines.push({ at, step });
      else if (at > same.at) same.at = at;
    }
    return lines.filter((line) => !lines.some((other) => other.step > line.step && other.at >= line.at));
  }

  #busLine(exit: TreeExit): number {
    return hashedLine(exit, this.#height, this.#params.reductionBandwidth);
  }

  /** Cycles for which the busiest line of the bus carries results. */
  #busyBus(iteration: Iteration, columns: number): number {
    const { bus, reductionBandwidth } = this.#params;
    if (bus === "balanced") return Math.ceil((iteration.neurons * columns) / reductionBandwidth);
    const results = new Map<number, number>();
    for (let neuron = 0; neuron < iteration.neurons; neuron++) {
      const line = this.#busLine(neuronOf(iteration, neuron).exit);
      results.set(line, (results.get(line) ?? 0) + 1);
    }
    return columns * Math.max(...results.values());
  }
}

/** Leaves [from, to] of a virtual neuron, and where they leave the tree. */
function neuronOf({ lastLeaf }: Iteration, neuron: number) {
  const from = neuron === 0 ? 0 : lastLeaf[neuron - 1] + 1;
  const to = lastLeaf[neuron];
  return { from, to, exit: treeExit(from, to) };
}

function readyAt(lines: readonly Line[], column: number): number {
  let latest = 0;
  for (const { at, step } of lines) {
    const time = at + column * step;
    if (time > latest) latest = time;
  }
  return latest;
}

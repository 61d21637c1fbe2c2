/**
 * Two-sided scheduling said once more, slowly: every output element is a list of (line, lane) slots that are effectual or
 * not, every processing element an object, every tile walks its lines. Independent of `src/sim/arrays/lanes`.
 */
import { type BitMask, getBit } from "../../../src/core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import type { TensorDashParams } from "../../../src/sim/arrays/tensordash.ts";
import type { Operation } from "../../../src/sim/operation/operation.ts";

type Line = boolean[];
/** What one processing element reduces. */
type Stream = Line[];

/** A column's item: for each row's item the stream of the two. */
interface Job {
  /** Items of the columns, in runs that sets do not cross. */
  readonly columns: readonly (readonly number[])[];
  readonly rows: readonly number[];
  stream(column: number, row: number): Stream;
}

/** Cycles of an operation on a two-sided machine with explicit offsets. */
export function plainTwoSided(operation: Operation, params: TensorDashParams): number {
  const { N, groups } = operation.geometry;
  if (outputHeight(operation.geometry) < 1 || outputWidth(operation.geometry) < 1) return 0;
  const streams = params.batch === "fold" ? [range(N)] : range(N).map((n) => [n]);
  let cycles = 0;
  for (const images of streams) {
    for (const group of range(groups)) {
      for (const job of jobsOf(operation, images, group, params.lanes)) cycles += runJob(job, params);
    }
  }
  return cycles;
}

function jobsOf(operation: Operation, images: readonly number[], group: number, lanes: number): Job[] {
  const { pass, geometry: g, paddingAsNonzeros = false } = operation;
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const [C, K] = [g.C / g.groups, g.K / g.groups];
  const input = (n: number, c: number, h: number, w: number) =>
    h < 0 || h >= g.H || w < 0 || w >= g.W
      ? paddingAsNonzeros
      : bit(operation.masks.input, n, ((group * C + c) * g.H + h) * g.W + w);
  const grad = (n: number, k: number, p: number, q: number) =>
    p < 0 || p >= P || q < 0 || q >= Q
      ? paddingAsNonzeros
      : bit(operation.masks.outputGrad, n, ((group * K + k) * P + p) * Q + q);
  const weight = (k: number, c: number, r: number, s: number) =>
    bit(operation.masks.weight, group * K + k, (c * g.R + r) * g.S + s);
  const y = (p: number, r: number) => p * g.stride[0] + r * g.dilation[0] - g.padding[0];
  const x = (q: number, s: number) => q * g.stride[1] + s * g.dilation[1] - g.padding[2];

  if (pass === "weightGrad") {
    const positions = pairs(pairs(images, range(P)), range(Q)).map(([[n, p], q]) => [n, p, q]);
    const taps = pairs(range(g.R), range(g.S));
    const stream = (column: number, k: number): Stream => {
      const [r, s] = taps[Math.floor(column / C)];
      return linesOf(
        positions.map(([n, p, q]) => input(n, column % C, y(p, r), x(q, s)) && grad(n, k, p, q)),
        lanes,
      );
    };
    return [{ columns: taps.map((_, tap) => range(C).map((c) => tap * C + c)), rows: range(K), stream }];
  }
  if (pass === "forward") {
    const windows = pairs(pairs(images, range(P)), range(Q));
    const stream = (window: number, k: number): Stream => {
      const [[n, p], q] = windows[window];
      return pairs(range(g.R), range(g.S)).flatMap(([r, s]) =>
        linesOf(
          range(C).map((c) => input(n, c, y(p, r), x(q, s)) && weight(k, c, r, s)),
          lanes,
        ),
      );
    };
    return [{ columns: [range(windows.length)], rows: range(K), stream }];
  }
  return pairs(range(g.stride[0]), range(g.stride[1])).flatMap(([a, b]): Job[] => {
    const every = (extent: number, first: number, step: number) => range(extent).filter((i) => i % step === first);
    const elements = pairs(pairs(images, every(g.H, a, g.stride[0])), every(g.W, b, g.stride[1]));
    // Output positions that the kernel positions lead from; those of another phase lie between two of them.
    const from = (at: number, tap: number, axis: 0 | 1) =>
      (at + g.padding[axis * 2] - tap * g.dilation[axis]) / g.stride[axis];
    const taps = pairs(range(g.R).reverse(), range(g.S).reverse()).filter(
      ([r, s]) => Number.isInteger(from(a, r, 0)) && Number.isInteger(from(b, s, 1)),
    );
    const stream = (element: number, c: number): Stream => {
      const [[n, h], w] = elements[element];
      return taps.flatMap(([r, s]) =>
        linesOf(
          range(K).map((k) => grad(n, k, from(h, r, 0), from(w, s, 1)) && weight(k, c, r, s)),
          lanes,
        ),
      );
    };
    return elements.length === 0 ? [] : [{ columns: [range(elements.length)], rows: range(C), stream }];
  });
}

/** Cycles of a job: sets in order, dispatched to the tiles; a group of tiles takes as long as its slowest. */
function runJob(job: Job, params: TensorDashParams): number {
  const skips = new Array<number>(params.tiles).fill(0);
  const groups: number[][] = [[]];
  for (const columns of job.columns.flatMap((run) => setsOf(run, params.columns))) {
    for (const rows of setsOf(job.rows, params.rows)) {
      if (groups[groups.length - 1].length === params.tiles) groups.push([]);
      const group = groups[groups.length - 1];
      const elements = columns.flatMap((column) => rows.map((row) => job.stream(column, row)));
      const tile = group.length;
      const kept = scheduleTile(elements, params);
      let cycles = 0;
      for (const busy of kept) {
        if (!busy && skips[tile] < params.lookahead) skips[tile]++;
        else {
          skips[tile] = 0;
          cycles++;
        }
      }
      group.push(cycles);
    }
    if (params.dealing === "filters") groups.push([]);
  }
  return groups.reduce((sum, group) => sum + Math.max(0, ...group), 0);
}

/** Schedules the streams of a tile's elements in place; returns for each line whether any element has something left in it. */
function scheduleTile(
  elements: readonly Stream[],
  { lanes, lookahead, lookaside, offsets = [] }: TensorDashParams,
): boolean[] {
  const lines = elements[0].length;
  const isBusy = (t: number) => elements.some((stream) => stream[t].includes(true));
  let skip = 0;
  for (let t = 0; t < lines; t++) {
    if (!isBusy(t) && skip < lookahead) {
      skip++;
      continue;
    }
    skip = 0;
    for (const stream of elements) {
      for (const lane of laneOrder(lanes, lookaside)) {
        if (stream[t][lane]) continue;
        for (const [ahead, aside] of offsets) {
          const source = (lane + aside + 32 * lanes) % lanes;
          if (ahead > lookahead || t + ahead >= lines || !stream[t + ahead][source]) continue;
          stream[t + ahead][source] = false;
          stream[t][lane] = true;
          break;
        }
      }
    }
  }
  return range(lines).map(isBusy);
}

/** Lanes first, first + lookaside … up to the ring's end less the lookaside, from every lane that is left over. */
function laneOrder(lanes: number, lookaside: number): number[] {
  const left = new Set(range(lanes));
  const order: number[] = [];
  for (const first of range(lanes)) {
    for (let lane = first; left.delete(lane); lane += lookaside) {
      order.push(lane);
      if (lane + lookaside >= Math.min(lanes, lanes - lookaside + first)) break;
    }
  }
  return order;
}

function linesOf(slots: readonly boolean[], lanes: number): Stream {
  return setsOf(slots, lanes).map((line) => [...line, ...new Array<boolean>(lanes - line.length).fill(false)]);
}

function setsOf<T>(items: readonly T[], size: number): T[][] {
  return range(Math.ceil(items.length / size)).map((i) => items.slice(i * size, (i + 1) * size));
}

function pairs<A, B>(first: readonly A[], second: readonly B[]): [A, B][] {
  return first.flatMap((a) => second.map((b): [A, B] => [a, b]));
}

function bit(mask: BitMask | undefined, slice: number, element: number): boolean {
  return mask !== undefined && getBit(mask, slice, element);
}

function range(n: number): number[] {
  return [...Array(n).keys()];
}

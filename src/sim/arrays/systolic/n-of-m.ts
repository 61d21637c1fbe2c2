/**
 * N:M sparsity of weights: of every m neighbours along the reduction (channels of a tap are neighbours, taps follow one
 * another) at most n are nonzero. The array holds only n slots for them.
 * "layer": all filters of a group keep the same positions, so that the inputs that nobody needs are not read either.
 * "row": every filter keeps its own; a row of the array is given the m inputs of a block, and each weight picks one of them.
 * Source: SCALE-Sim v3 fab89b7 (Samajdar et al.), layer-wise and row-wise sparsity, without the padding of its row-wise
 * blocks to pairs.
 */
import { type BitMask, getBit } from "../../../core/bit-mask.ts";
import type { ConvGeometry } from "../../../core/geometry.ts";
import type { GemmJob } from "./gemm-jobs.ts";

/** Whose pattern it is. */
export type SparsityMode = "layer" | "row";

/** At most `n` nonzeros in every block of `m`. */
export interface NOfM {
  readonly n: number;
  readonly m: number;
  readonly mode: SparsityMode;
}

/** Slots that a reduction of `k` elements takes; the last block may be a short one. */
export function keptSlots(k: number, { n, m }: NOfM): number {
  return Math.floor(k / m) * n + Math.min(n, k % m);
}

/** Weights that an array holds packed, over all groups. */
export interface PackedWeights {
  readonly nonzeros: number;
  /**
   * By kernel position [R · S]: weights in slots. "layer": a position that any filter keeps is held for all of them, zero or
   * not; "row": nonzeros only. Other slots are empty.
   */
  readonly held: readonly number[];
}

/**
 * The weights of `jobs` when every block of every reduction fits the pattern, else null.
 * `weight` is [K, C/groups, R, S]; the reduction runs over input channels in forward, over filters in inputGrad.
 */
export function packedWeights(
  pass: "forward" | "inputGrad",
  weight: BitMask,
  g: ConvGeometry,
  jobs: readonly GemmJob[],
  pattern: NOfM,
): PackedWeights | null {
  const held = new Array<number>(g.R * g.S).fill(0);
  let nonzeros = 0;
  for (const job of jobs) {
    for (let group = 0; group < g.groups; group++) {
      const found = packProduct({ pass, weight, g, job, group }, pattern, held);
      if (found === null) return null;
      nonzeros += found;
    }
  }
  return { nonzeros, held };
}

/** One matrix product of a group. */
interface Product {
  readonly pass: "forward" | "inputGrad";
  readonly weight: BitMask;
  readonly g: ConvGeometry;
  readonly job: GemmJob;
  readonly group: number;
}

/** Adds what one product holds to `held`; returns its nonzeros, null where they do not fit. */
function packProduct({ pass, weight, g, job, group }: Product, { n, m, mode }: NOfM, held: number[]): number | null {
  const channels = job.k / job.taps.length;
  const firstFilter = (group * g.K) / g.groups;
  const kernel = g.R * g.S;
  const tapOf = (element: number) => job.taps[Math.floor(element / channels)].kernel;
  const isSet = (column: number, element: number): boolean => {
    const channel = element % channels;
    const tap = tapOf(element);
    return pass === "forward"
      ? getBit(weight, firstFilter + column, channel * kernel + tap)
      : getBit(weight, firstFilter + channel, column * kernel + tap);
  };
  let nonzeros = 0;
  for (let from = 0; from < job.k; from += m) {
    const to = Math.min(from + m, job.k);
    const fits = mode === "row" ? rowBlock(from, to) : layerBlock(from, to);
    if (!fits) return null;
  }
  return nonzeros;

  function rowBlock(from: number, to: number): boolean {
    for (let column = 0; column < job.n; column++) {
      let kept = 0;
      for (let element = from; element < to; element++) {
        if (!isSet(column, element)) continue;
        kept++;
        held[tapOf(element)]++;
      }
      if (kept > n) return false;
      nonzeros += kept;
    }
    return true;
  }

  function layerBlock(from: number, to: number): boolean {
    let kept = 0;
    for (let element = from; element < to; element++) {
      const before = nonzeros;
      for (let column = 0; column < job.n; column++) if (isSet(column, element)) nonzeros++;
      if (nonzeros === before) continue;
      kept++;
      held[tapOf(element)] += job.n;
    }
    return kept <= n;
  }
}

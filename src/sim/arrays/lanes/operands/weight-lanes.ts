/**
 * Weights as lane words: for each filter, kernel position and block of channels one word. In the input gradient
 * filters and channels change places: the filters are the input channels, and the lanes reduce over output channels.
 */
import { type BitMask, isFull, isMarkedFull, sliceBytes } from "../../../../core/bit-mask.ts";
import type { ConvGeometry } from "../../../../core/geometry.ts";
import { once } from "../../../../core/memoize.ts";
import type { Tap } from "../../../operation/channel-first.ts";
import { itself, type SetsAlike } from "../schedule/set-recorder.ts";

/** Lane words of the weights of one group, word [filter · filterWords + kernel position · blocks + block]. */
export interface WeightLanes {
  readonly words: Int32Array;
  readonly filters: number;
  /** Words from one filter to the next; 0 where none has a zero, and all share the words of one. */
  readonly filterWords: number;
  /** Kernel positions R · S. */
  readonly positions: number;
  /** Blocks of channels: ceil(channels / lanes). */
  readonly blocks: number;
}

/** Lane words of group `group` of `mask` [K, C/groups, R, S]. */
export function weightLanes(
  mask: BitMask,
  g: ConvGeometry,
  pass: "forward" | "inputGrad",
  group: number,
  lanes: number,
): WeightLanes {
  return once(mask, ["weight lanes", pass, g.groups, group, lanes], () => lanesOf(mask, g, pass, group, lanes));
}

function lanesOf(
  mask: BitMask,
  g: ConvGeometry,
  pass: "forward" | "inputGrad",
  group: number,
  lanes: number,
): WeightLanes {
  const outputs = g.K / g.groups;
  const inputs = g.C / g.groups;
  const positions = g.R * g.S;
  const filters = pass === "forward" ? outputs : inputs;
  const channels = pass === "forward" ? inputs : outputs;
  const blocks = Math.ceil(channels / lanes);
  const isShared = isMarkedFull(mask);
  const filterWords = isShared ? 0 : positions * blocks;
  const words = new Int32Array((isShared ? Math.min(1, filters) : filters) * positions * blocks);
  if (words.length > 0 && isFull(mask, group * outputs, (group + 1) * outputs)) {
    words.fill(lowBits(lanes));
    const last = lowBits(channels - (blocks - 1) * lanes);
    for (let at = blocks - 1; at < words.length; at += blocks) words[at] = last;
    return { words, filters, filterWords, positions, blocks };
  }
  const stride = sliceBytes(mask.shape);
  // Bit of a filter of the mask = channel · positions + kernel position; where its word lies beside the filter's first, and its lane.
  const offsets = new Int32Array(inputs * positions);
  const lane = new Int32Array(inputs * positions);
  for (let c = 0, bit = 0; c < inputs; c++) {
    const first = pass === "forward" ? Math.floor(c / lanes) : c * positions * blocks;
    for (let position = 0; position < positions; position++, bit++) {
      offsets[bit] = first + position * blocks;
      lane[bit] = 1 << (c % lanes);
    }
  }
  for (let k = 0; k < outputs; k++) {
    const from = (group * outputs + k) * stride;
    const first = pass === "forward" ? k * positions * blocks : Math.floor(k / lanes);
    const outputLane = 1 << (k % lanes);
    for (let byte = 0; byte < stride; byte++) {
      for (let rest = mask.bytes[from + byte]; rest !== 0; rest &= rest - 1) {
        const bit = byte * 8 + 31 - Math.clz32(rest & -rest);
        words[first + offsets[bit]] |= pass === "forward" ? lane[bit] : outputLane;
      }
    }
  }
  return { words, filters, filterWords, positions, blocks };
}

/** A word with its `count` lowest bits set, 1 to 32. */
function lowBits(count: number): number {
  return -1 >>> (32 - count);
}

/** For each set of `size` filters a set, itself or one before it, that holds the same. */
export function alikeFilterSets({ filters, filterWords }: WeightLanes, size: number): SetsAlike {
  return filterWords > 0 ? itself : (set) => ((set + 1) * size <= filters ? 0 : set);
}

/** Copies filters [first, first + live) into the rows of `buffer`, lines in tap order; rows beyond `live` become zero. */
export function gatherFilters(
  weights: WeightLanes,
  taps: readonly Tap[],
  first: number,
  live: number,
  buffer: Int32Array,
  rows: number,
): void {
  const { words, filterWords, blocks } = weights;
  for (let r = 0; r < rows; r++) {
    let at = r;
    for (const { kernel } of taps) {
      const from = (first + r) * filterWords + kernel * blocks;
      for (let block = 0; block < blocks; block++, at += rows) buffer[at] = r < live ? words[from + block] : 0;
    }
  }
}

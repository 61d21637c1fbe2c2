/**
 * Weights as lane words: for each filter, kernel position and block of channels one word. In the input gradient
 * filters and channels change places: the filters are the input channels, and the lanes reduce over output channels.
 */
import { type BitMask, sliceBytes } from "../../kernels/bit-mask.ts";
import type { ConvGeometry } from "../../kernels/geometry.ts";
import type { Tap } from "./channel-first.ts";

/** Lane words of the weights of one group, word [(filter · positions + kernel position) · blocks + block]. */
export interface WeightLanes {
  readonly words: Int32Array;
  readonly filters: number;
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
  const outputs = g.K / g.groups;
  const inputs = g.C / g.groups;
  const positions = g.R * g.S;
  const filters = pass === "forward" ? outputs : inputs;
  const blocks = Math.ceil((pass === "forward" ? inputs : outputs) / lanes);
  const words = new Int32Array(filters * positions * blocks);
  const stride = sliceBytes(mask.shape);
  const filterStep = positions * blocks;
  for (let k = 0; k < outputs; k++) {
    const from = (group * outputs + k) * stride;
    const outputBlock = Math.floor(k / lanes);
    const outputBit = 1 << (k % lanes);
    let index = 0;
    for (let c = 0; c < inputs; c++) {
      const first = pass === "forward" ? k * filterStep + Math.floor(c / lanes) : c * filterStep + outputBlock;
      const bit = pass === "forward" ? 1 << (c % lanes) : outputBit;
      for (let position = 0; position < positions; position++, index++) {
        if (((mask.bytes[from + (index >> 3)] >> (index & 7)) & 1) === 1) words[first + position * blocks] |= bit;
      }
    }
  }
  return { words, filters, positions, blocks };
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
  const { words, positions, blocks } = weights;
  for (let r = 0; r < rows; r++) {
    let at = r;
    for (const { kernel } of taps) {
      const from = ((first + r) * positions + kernel) * blocks;
      for (let block = 0; block < blocks; block++, at += rows) buffer[at] = r < live ? words[from + block] : 0;
    }
  }
}

/**
 * The source tensor of a channel-first pass as lane words, padding included, so that every window is a look-up:
 * for each image, padded position and block of channels one word.
 */
import { type BitMask, sliceBytes } from "../../../../core/bit-mask.ts";
import { once } from "../../../../core/memoize.ts";
import type { SourceExtent, WindowGrid } from "../../../operation/channel-first.ts";
import { channelWords } from "./lane-word.ts";

/** Where in a tensor [N, channels, H, W] a source lies: images and channels of one stream and group. */
export interface SourceSlice {
  readonly mask: BitMask;
  readonly firstImage: number;
  readonly images: number;
  readonly firstChannel: number;
  readonly channels: number;
}

/** Lane words [image][y][x][block] over the extent. */
export interface SourceLanes {
  readonly words: Int32Array;
  readonly extent: SourceExtent;
  readonly height: number;
  readonly width: number;
  readonly blocks: number;
}

/** Lane words of a slice; elements outside the image are zero, or nonzero in every existing channel if `solid`. */
export function sourceLanes(slice: SourceSlice, extent: SourceExtent, lanes: number, solid: boolean): SourceLanes {
  const { mask, firstImage, images, firstChannel, channels } = slice;
  const { top, bottom, left, right } = extent;
  const key = ["source lanes", firstImage, images, firstChannel, channels, top, bottom, left, right, lanes, solid];
  return once(mask, key, () => lanesOf(slice, extent, lanes, solid));
}

function lanesOf(slice: SourceSlice, extent: SourceExtent, lanes: number, solid: boolean): SourceLanes {
  const { mask, channels } = slice;
  const [, , H, W] = mask.shape;
  const height = extent.bottom - extent.top;
  const width = extent.right - extent.left;
  const outside = channelWords(channels, lanes);
  const blocks = outside.length;
  const words = new Int32Array(slice.images * height * width * blocks);
  if (solid) fillOutside(words, slice.images, extent, [H, W], outside);
  const { bytes } = mask;
  const stride = sliceBytes(mask.shape);
  const plane = H * W;
  /** Where the first word of each position of an image lies beside that of the extent. */
  const offsets = Int32Array.from(
    { length: plane },
    (_, at) => ((Math.floor(at / W) - extent.top) * width + (at % W) - extent.left) * blocks,
  );
  for (let n = 0; n < slice.images; n++) {
    const from = (slice.firstImage + n) * stride;
    for (let c = 0; c < channels; c++) {
      const to = n * height * width * blocks + Math.floor(c / lanes);
      const bit = 1 << (c % lanes);
      const first = (slice.firstChannel + c) * plane;
      for (let byte = first >> 3; byte * 8 < first + plane; byte++) {
        const position = byte * 8 - first;
        // Neighbouring planes share a byte.
        const here = (0xff << Math.max(0, -position)) & (0xff >> Math.max(0, position + 8 - plane));
        for (let rest = bytes[from + byte] & here; rest !== 0; rest &= rest - 1) {
          words[to + offsets[position + 31 - Math.clz32(rest & -rest)]] |= bit;
        }
      }
    }
  }
  return { words, extent, height, width, blocks };
}

function fillOutside(
  words: Int32Array,
  images: number,
  extent: SourceExtent,
  [H, W]: readonly [number, number],
  outside: Int32Array,
): void {
  let at = 0;
  for (let n = 0; n < images; n++) {
    for (let y = extent.top; y < extent.bottom; y++) {
      for (let x = extent.left; x < extent.right; x++, at += outside.length) {
        if (y < 0 || y >= H || x < 0 || x >= W) words.set(outside, at);
      }
    }
  }
}

/** Copies windows [first, first + live) of the stream into the first of `rows` rows of `buffer`, lines in tap order. */
export function gatherWindows(
  source: SourceLanes,
  grid: WindowGrid,
  first: number,
  live: number,
  buffer: Int32Array,
  rows: number,
): void {
  const { words, extent, height, width, blocks } = source;
  const perImage = grid.height * grid.width;
  for (let r = 0; r < live; r++) {
    const image = Math.floor((first + r) / perImage);
    const window = (first + r) % perImage;
    const y = grid.startY - extent.top + Math.floor(window / grid.width) * grid.stepY;
    const x = grid.startX - extent.left + (window % grid.width) * grid.stepX;
    let at = r;
    for (const tap of grid.taps) {
      const from = ((image * height + y + tap.y) * width + x + tap.x) * blocks;
      for (let block = 0; block < blocks; block++, at += rows) buffer[at] = words[from + block];
    }
  }
}

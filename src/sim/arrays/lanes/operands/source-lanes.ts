/**
 * The source tensor of a channel-first pass as lane words, padding included, so that every window is a look-up:
 * for each image, padded position and block of channels one word.
 */
import { type BitMask, isMarkedFull, sliceBytes } from "../../../../core/bit-mask.ts";
import { once } from "../../../../core/memoize.ts";
import type { SourceExtent, WindowGrid } from "../../../operation/channel-first.ts";
import { itself, type SetsAlike } from "../schedule/set-recorder.ts";
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
  /** Words from one image to the next; 0 where no element is zero, and all share the words of one. */
  readonly imageWords: number;
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
  const imageWords = height * width * blocks;
  if (isMarkedFull(mask)) {
    const words = new Int32Array(imageWords);
    fillWhere(words, extent, outside, (isInside) => solid || isInside, [H, W]);
    return { words, extent, height, width, blocks, imageWords: 0 };
  }
  const words = new Int32Array(slice.images * imageWords);
  for (let n = 0; solid && n < slice.images; n++) {
    fillWhere(words.subarray(n * imageWords), extent, outside, (isInside) => !isInside, [H, W]);
  }
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
  return { words, extent, height, width, blocks, imageWords };
}

/** Writes `full` to the positions of an image that `where` names, inside a plane [H, W] or around it. */
function fillWhere(
  words: Int32Array,
  { top, bottom, left, right }: SourceExtent,
  full: Int32Array,
  where: (isInside: boolean) => boolean,
  [H, W]: readonly [number, number],
): void {
  let at = 0;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++, at += full.length) {
      if (where(y >= 0 && y < H && x >= 0 && x < W)) words.set(full, at);
    }
  }
}

/**
 * For each set of `size` windows of a stream of images a set, itself or one before it, that holds the same: of a source without a
 * zero, where the windows of both lie alike over the rim.
 */
export function alikeWindowSets(
  source: SourceLanes,
  { mask }: Pick<SourceSlice, "mask">,
  grid: WindowGrid,
  stream: { readonly images: number; readonly size: number },
  solid: boolean,
): SetsAlike {
  if (source.imageWords > 0) return itself;
  const { images, size } = stream;
  const [, , H, W] = mask.shape;
  const rows = rimClasses(grid.height, grid.startY, grid.stepY, new Set(grid.taps.map(({ y }) => y)), solid ? null : H);
  const columns = rimClasses(
    grid.width,
    grid.startX,
    grid.stepX,
    new Set(grid.taps.map(({ x }) => x)),
    solid ? null : W,
  );
  const windows = images * grid.height * grid.width;
  const alike = new Int32Array(Math.ceil(windows / size));
  const firsts = new Map<string, number>();
  let [i, j] = [0, 0];
  for (let set = 0; set < alike.length; set++) {
    let key = "";
    let [run, before] = [0, -1];
    for (let left = Math.min(size, windows - set * size); left > 0; left--) {
      const kind = rows[i] * grid.width + columns[j];
      if (kind !== before && before >= 0) key += `${run}×${before} `;
      run = kind === before ? run + 1 : 1;
      before = kind;
      if (++j === grid.width) [i, j] = [(i + 1) % grid.height, 0];
    }
    key += `${run}×${before}`;
    if (!firsts.has(key)) firsts.set(key, set);
    alike[set] = firsts.get(key) as number;
  }
  return (set) => alike[set];
}

/** Class of each window along an axis: those whose taps lie inside `extent` alike share one. */
function rimClasses(
  windows: number,
  start: number,
  step: number,
  taps: ReadonlySet<number>,
  extent: number | null,
): Int32Array {
  const known = new Map<string, number>();
  return new Int32Array(windows).map((_, window) => {
    let key = "";
    for (const tap of extent === null ? [] : taps) {
      const at = start + window * step + tap;
      key += at >= 0 && at < (extent as number) ? "i" : "o";
    }
    if (!known.has(key)) known.set(key, known.size);
    return known.get(key) as number;
  });
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
  const { words, extent, width, blocks, imageWords } = source;
  const perImage = grid.height * grid.width;
  for (let r = 0; r < live; r++) {
    const image = Math.floor((first + r) / perImage);
    const window = (first + r) % perImage;
    const y = grid.startY - extent.top + Math.floor(window / grid.width) * grid.stepY;
    const x = grid.startX - extent.left + (window % grid.width) * grid.stepX;
    let at = r;
    for (const tap of grid.taps) {
      const from = image * imageWords + ((y + tap.y) * width + x + tap.x) * blocks;
      for (let block = 0; block < blocks; block++, at += rows) buffer[at] = words[from + block];
    }
  }
}

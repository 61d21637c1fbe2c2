/**
 * The two matrices of an operation as sets of vectors over the reduction index, read from the masks where they lie: filters,
 * windows (one element a tap and channel, the image padding zero or solid), or channels under a tap (one element a window).
 */
import { type BitMask, countOnes, isMarkedFull, sliceBytes } from "../../../core/bit-mask.ts";
import type { ConvGeometry } from "../../../core/geometry.ts";
import type { WindowGrid } from "../../operation/channel-first.ts";

/** One operand of a matrix product. */
export interface VectorSet {
  readonly vectors: number;
  /** Extent of the reduction. */
  readonly length: number;
  /** Whether no vector is known to have a zero. */
  readonly isDense?: boolean;
  /** Writes the ascending positions of the nonzeros of a vector; returns how many there are. */
  positions(vector: number, out: Int32Array): number;
  /** Nonzeros of all vectors. */
  ones(): number;
}

/** Every vector of a set without a zero. */
export function denseVectors({ vectors, length }: Pick<VectorSet, "vectors" | "length">): VectorSet {
  return {
    vectors,
    length,
    isDense: true,
    positions(_vector, out) {
      for (let i = 0; i < length; i++) out[i] = i;
      return length;
    },
    ones: () => vectors * length,
  };
}

/** Filters of one group: over its input channels and kernel positions. */
export function filterVectors(weight: BitMask, g: ConvGeometry, group: number): VectorSet {
  const vectors = g.K / g.groups;
  const length = (g.C / g.groups) * g.R * g.S;
  if (isMarkedFull(weight)) return denseVectors({ vectors, length });
  const stride = sliceBytes(weight.shape);
  const { bytes } = weight;
  return {
    vectors,
    length,
    positions(vector, out) {
      const at = (group * vectors + vector) * stride;
      let ones = 0;
      for (let byte = 0; byte < stride; byte++) {
        for (let rest = bytes[at + byte]; rest !== 0; rest &= rest - 1) {
          out[ones++] = byte * 8 + 31 - Math.clz32(rest & -rest);
        }
      }
      return ones;
    },
    ones: () => countOnes(weight, group * vectors, (group + 1) * vectors),
  };
}

/** Input channels of one group: over its output channels and the kernel positions of one stride phase. */
export function channelVectors(weight: BitMask, g: ConvGeometry, group: number, taps: WindowGrid["taps"]): VectorSet {
  const filters = g.K / g.groups;
  if (isMarkedFull(weight)) return denseVectors({ vectors: g.C / g.groups, length: filters * taps.length });
  const stride = sliceBytes(weight.shape);
  const { bytes } = weight;
  const positions = (vector: number, out: Int32Array | null) => {
    let ones = 0;
    for (let k = 0; k < filters; k++) {
      const at = (group * filters + k) * stride;
      for (let tap = 0; tap < taps.length; tap++) {
        const bit = vector * g.R * g.S + taps[tap].kernel;
        if (((bytes[at + (bit >> 3)] >> (bit & 7)) & 1) === 0) continue;
        if (out !== null) out[ones] = k * taps.length + tap;
        ones++;
      }
    }
    return ones;
  };
  const vectors = g.C / g.groups;
  return {
    vectors,
    length: filters * taps.length,
    positions,
    ones: () => sumOf(vectors, (vector) => positions(vector, null)),
  };
}

/** A source tensor seen through windows. */
export interface WindowSource {
  /** [images, channels, height, width]. */
  readonly mask: BitMask;
  readonly grid: WindowGrid;
  readonly firstChannel: number;
  readonly channels: number;
  readonly firstImage: number;
  readonly images: number;
  /** Elements outside the image count as nonzeros. */
  readonly solid: boolean;
}

/** Windows as vectors: over channels and taps. */
export function windowVectors(source: WindowSource): VectorSet {
  const { mask, grid, firstChannel, channels, firstImage, images, solid } = source;
  if (isDenseSource(source)) {
    return denseVectors({
      vectors: images * grid.height * grid.width,
      length: channels * grid.taps.length,
    });
  }
  const [, , H, W] = mask.shape;
  const stride = sliceBytes(mask.shape);
  const { height, width, taps } = grid;
  return {
    vectors: images * height * width,
    length: channels * taps.length,
    positions(vector, out) {
      const { bytes } = mask;
      const j = vector % width;
      const i = Math.floor(vector / width) % height;
      const at = (firstImage + Math.floor(vector / (width * height))) * stride;
      const [top, left] = [grid.startY + i * grid.stepY, grid.startX + j * grid.stepX];
      let ones = 0;
      let index = 0;
      for (let c = firstChannel; c < firstChannel + channels; c++) {
        for (let tap = 0; tap < taps.length; tap++, index++) {
          const y = top + taps[tap].y;
          const x = left + taps[tap].x;
          if (y < 0 || y >= H || x < 0 || x >= W) {
            if (solid) out[ones++] = index;
            continue;
          }
          const bit = (c * H + y) * W + x;
          if ((bytes[at + (bit >> 3)] >> (bit & 7)) & 1) out[ones++] = index;
        }
      }
      return ones;
    },
    ones: () => windowOnes(source),
  };
}

/** Pairs of a channel and a tap as vectors: over windows, image by image. */
export function tapVectors(source: WindowSource): VectorSet {
  const { mask, grid, firstChannel, channels, firstImage, images, solid } = source;
  if (isDenseSource(source)) {
    return denseVectors({
      vectors: channels * grid.taps.length,
      length: images * grid.height * grid.width,
    });
  }
  const [, , H, W] = mask.shape;
  const stride = sliceBytes(mask.shape);
  const { height, width, taps } = grid;
  return {
    vectors: channels * taps.length,
    length: images * height * width,
    positions(vector, out) {
      const { bytes } = mask;
      const c = firstChannel + Math.floor(vector / taps.length);
      const tap = taps[vector % taps.length];
      let ones = 0;
      let index = 0;
      for (let n = firstImage; n < firstImage + images; n++) {
        for (let i = 0; i < height; i++) {
          const y = grid.startY + i * grid.stepY + tap.y;
          const inside = y >= 0 && y < H;
          let x = grid.startX + tap.x;
          for (let j = 0; j < width; j++, index++, x += grid.stepX) {
            if (!inside || x < 0 || x >= W) {
              if (solid) out[ones++] = index;
              continue;
            }
            const bit = (c * H + y) * W + x;
            if ((bytes[n * stride + (bit >> 3)] >> (bit & 7)) & 1) out[ones++] = index;
          }
        }
      }
      return ones;
    },
    ones: () => windowOnes(source),
  };
}

/** Whether windows read nonzeros alone: nothing is zero, and nothing lies outside the image that counts as zero. */
function isDenseSource({ mask, grid, solid }: WindowSource): boolean {
  if (!isMarkedFull(mask)) return false;
  const [, , H, W] = mask.shape;
  const isInside = (at: number, extent: number) => at >= 0 && at < extent;
  return grid.taps.every(
    ({ y, x }) =>
      solid ||
      (isInside(grid.startY + y, H) &&
        isInside(grid.startY + (grid.height - 1) * grid.stepY + y, H) &&
        isInside(grid.startX + x, W) &&
        isInside(grid.startX + (grid.width - 1) * grid.stepX + x, W)),
  );
}

/** Nonzeros of all windows: pixels are counted over the channels once, then over the taps that read them. */
function windowOnes({ mask, grid, firstChannel, channels, firstImage, images, solid }: WindowSource): number {
  const [, , H, W] = mask.shape;
  const stride = sliceBytes(mask.shape);
  const pixels = new Int32Array(H * W);
  const isFull = isMarkedFull(mask);
  if (isFull) pixels.fill(images * channels);
  for (let n = firstImage; n < firstImage + images && !isFull; n++) {
    for (let c = firstChannel; c < firstChannel + channels; c++) {
      for (let pixel = 0, bit = c * H * W; pixel < H * W; pixel++, bit++) {
        pixels[pixel] += (mask.bytes[n * stride + (bit >> 3)] >> (bit & 7)) & 1;
      }
    }
  }
  const outside = solid ? images * channels : 0;
  let ones = 0;
  for (const { y: tapY, x: tapX } of grid.taps) {
    for (let i = 0; i < grid.height; i++) {
      const y = grid.startY + i * grid.stepY + tapY;
      for (let j = 0; j < grid.width; j++) {
        const x = grid.startX + j * grid.stepX + tapX;
        ones += y < 0 || y >= H || x < 0 || x >= W ? outside : pixels[y * W + x];
      }
    }
  }
  return ones;
}

function sumOf(count: number, value: (index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += value(i);
  return sum;
}

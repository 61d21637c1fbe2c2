/**
 * Between [N, C, H, W] and the blocked layout: 4 images × 4 columns are transposed in registers, so that both sides are
 * read and written 16 bytes at a time. Masks of tensors are made in two steps: a word of one bit an image for each
 * element, in the order of [C, H, W], and then bits are transposed, 16 elements at a time.
 */
import { TensorRecord } from "../../records/tensor";
import { rowOf } from "../row-iteration";

/** Elements of a unit of work of `maskBits`. */
const MASK_UNIT: i32 = 128;

/**
 * The block at an address from `values` [images, C, H, W]; `zeros` holds W zeros and a vector more, which dead lanes are read from.
 * Units are rows.
 */
export function writeBlock(
  tensor: TensorRecord,
  block: usize,
  images: i32,
  values: usize,
  zeros: usize,
  from: i32,
  to: i32,
): void {
  const C = tensor.C;
  const H = tensor.H;
  const W = tensor.W;
  const lanes = tensor.lanes;
  const rowBytes = tensor.rowBytes;
  const imageBytes = (<usize>(C * H * W)) << 2;
  const pixelBytes = (<usize>(C * lanes)) << 2;
  const whole = W & ~3;
  for (let h = from; h < to; h++) {
    for (let c = 0; c < C; c++) {
      const source = values + ((<usize>((c * H + h) * W)) << 2);
      const line = block + <usize>h * rowBytes + ((<usize>(c * lanes)) << 2);
      for (let w = 0; w < whole; w += 4) {
        const column = (<usize>w) << 2;
        for (let lane = 0; lane < lanes; lane += 4) {
          const image = source + <usize>lane * imageBytes;
          const v0 = v128.load((lane < images ? image : zeros) + column);
          const v1 = v128.load((lane + 1 < images ? image + imageBytes : zeros) + column);
          const v2 = v128.load((lane + 2 < images ? image + 2 * imageBytes : zeros) + column);
          const v3 = v128.load((lane + 3 < images ? image + 3 * imageBytes : zeros) + column);
          const low01 = i32x4.shuffle(v0, v1, 0, 4, 1, 5);
          const low23 = i32x4.shuffle(v2, v3, 0, 4, 1, 5);
          const high01 = i32x4.shuffle(v0, v1, 2, 6, 3, 7);
          const high23 = i32x4.shuffle(v2, v3, 2, 6, 3, 7);
          let pixel = line + <usize>w * pixelBytes + ((<usize>lane) << 2);
          v128.store(pixel, i64x2.shuffle(low01, low23, 0, 2));
          pixel += pixelBytes;
          v128.store(pixel, i64x2.shuffle(low01, low23, 1, 3));
          pixel += pixelBytes;
          v128.store(pixel, i64x2.shuffle(high01, high23, 0, 2));
          pixel += pixelBytes;
          v128.store(pixel, i64x2.shuffle(high01, high23, 1, 3));
        }
      }
      for (let w = whole; w < W; w++) {
        const pixel = line + <usize>w * pixelBytes;
        for (let lane = 0; lane < lanes; lane++) {
          const image = lane < images ? source + <usize>lane * imageBytes : zeros;
          store<f32>(pixel + ((<usize>lane) << 2), load<f32>(image + ((<usize>w) << 2)));
        }
      }
    }
  }
}

/** `values` [images, C, H, W] from the block at an address. Units are rows. */
export function readBlock(tensor: TensorRecord, block: usize, images: i32, values: usize, from: i32, to: i32): void {
  const C = tensor.C;
  const H = tensor.H;
  const W = tensor.W;
  const lanes = tensor.lanes;
  const rowBytes = tensor.rowBytes;
  const imageBytes = (<usize>(C * H * W)) << 2;
  const pixelBytes = (<usize>(C * lanes)) << 2;
  for (let h = from; h < to; h++) {
    for (let c = 0; c < C; c++) {
      const target = values + ((<usize>((c * H + h) * W)) << 2);
      const line = block + <usize>h * rowBytes + ((<usize>(c * lanes)) << 2);
      let first = 0;
      while (first + 4 <= W) {
        for (let lane = 0; lane < images; lane += 4) {
          let pixel = line + <usize>first * pixelBytes + ((<usize>lane) << 2);
          const v0 = v128.load(pixel);
          pixel += pixelBytes;
          const v1 = v128.load(pixel);
          pixel += pixelBytes;
          const v2 = v128.load(pixel);
          pixel += pixelBytes;
          const v3 = v128.load(pixel);
          const low01 = i32x4.shuffle(v0, v1, 0, 4, 1, 5);
          const low23 = i32x4.shuffle(v2, v3, 0, 4, 1, 5);
          const high01 = i32x4.shuffle(v0, v1, 2, 6, 3, 7);
          const high23 = i32x4.shuffle(v2, v3, 2, 6, 3, 7);
          const image = target + <usize>lane * imageBytes + ((<usize>first) << 2);
          v128.store(image, i64x2.shuffle(low01, low23, 0, 2));
          if (lane + 1 < images) v128.store(image + imageBytes, i64x2.shuffle(low01, low23, 1, 3));
          if (lane + 2 < images) v128.store(image + 2 * imageBytes, i64x2.shuffle(high01, high23, 0, 2));
          if (lane + 3 < images) v128.store(image + 3 * imageBytes, i64x2.shuffle(high01, high23, 1, 3));
        }
        first += 4;
      }
      for (let w = first; w < W; w++) {
        const pixel = line + <usize>w * pixelBytes;
        for (let lane = 0; lane < images; lane++) {
          const value = load<f32>(pixel + ((<usize>lane) << 2));
          store<f32>(target + <usize>lane * imageBytes + ((<usize>w) << 2), value);
        }
      }
    }
  }
}

/** Bit i says that the magnitude of float i of 16 is at most `limit`. */
// @inline
function bitsOf16(x: usize, limit: v128): i32 {
  const a = f32x4.le(f32x4.abs(v128.load(x)), limit);
  const b = f32x4.le(f32x4.abs(v128.load(x, 16)), limit);
  const c = f32x4.le(f32x4.abs(v128.load(x, 32)), limit);
  const d = f32x4.le(f32x4.abs(v128.load(x, 48)), limit);
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

/**
 * words [block][wordBlock ≥ C·H·W]: bit i of a word says that |v| > `below`, or NaN, in lane i; bits beyond the lanes are
 * undefined. Units are rows of all blocks.
 */
export function maskWords(source: TensorRecord, below: f32, words: usize, wordBlock: i32, from: i32, to: i32): void {
  const C = source.C;
  const H = source.H;
  const W = source.W;
  const lanes = source.lanes;
  const limit = f32x4.splat(below);
  const plane = (<usize>(H * W)) << 2;
  for (let unit = from; unit < to; unit++) {
    let x = rowOf(source, unit);
    const first = words + ((<usize>((unit / H) * wordBlock + (unit % H) * W)) << 2);
    for (let w = 0; w < W; w++) {
      let word = first + ((<usize>w) << 2);
      for (let c = 0; c < C; c++) {
        let bits: i32 = 0;
        if (lanes === 32) {
          bits = bitsOf16(x, limit) | (bitsOf16(x + 64, limit) << 16);
          x += 128;
        } else {
          for (let lane = 0; lane < lanes; lane += 4) {
            bits |= i32x4.bitmask(f32x4.le(f32x4.abs(v128.load(x)), limit)) << lane;
            x += 16;
          }
        }
        store<i32>(word, ~bits);
        word += plane;
      }
    }
  }
}

/** The sign bits of `bytes` for images first + 7 … first, two bytes each; `single`: only the lower byte. */
// @inline
function storeBits(bytes: v128, first: i32, images: i32, mask: usize, sliceBytes: usize, single: bool): void {
  let rest = bytes;
  for (let image = first + 7; image >= first; image--) {
    const bits = i8x16.bitmask(rest);
    rest = i8x16.add(rest, rest);
    if (image >= images) continue;
    const at = mask + <usize>image * sliceBytes;
    if (single) store<u8>(at, <u8>bits);
    else store<u16>(at, <u16>bits);
  }
}

/**
 * mask [images][sliceBytes], least significant bit first, from `words` of one block, of which `size` elements count and
 * all beyond up to a multiple of 16 are zero. Units are `MASK_UNIT` elements.
 */
export function maskBits(
  size: i32,
  images: i32,
  sliceBytes: usize,
  words: usize,
  mask: usize,
  from: i32,
  to: i32,
): void {
  const end = min(to * MASK_UNIT, size);
  for (let element = from * MASK_UNIT; element < end; element += 16) {
    const at = words + ((<usize>element) << 2);
    const target = mask + <usize>(element >> 3);
    const single = size - element <= 8;
    // Each vector of four words becomes four groups of four bytes, one for each byte of the words …
    const zero = i32x4.splat(0);
    const a = i8x16.shuffle(v128.load(at), zero, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const b = i8x16.shuffle(v128.load(at, 16), zero, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const c = i8x16.shuffle(v128.load(at, 32), zero, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const d = i8x16.shuffle(v128.load(at, 48), zero, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    // … which are then gathered: vector i holds byte i, 8 images, of all 16 words.
    const low01 = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const low23 = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const high01 = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const high23 = i32x4.shuffle(c, d, 2, 6, 3, 7);
    storeBits(i64x2.shuffle(low01, low23, 0, 2), 0, images, target, sliceBytes, single);
    if (images > 8) storeBits(i64x2.shuffle(low01, low23, 1, 3), 8, images, target, sliceBytes, single);
    if (images > 16) storeBits(i64x2.shuffle(high01, high23, 0, 2), 16, images, target, sliceBytes, single);
    if (images > 24) storeBits(i64x2.shuffle(high01, high23, 1, 3), 24, images, target, sliceBytes, single);
  }
}

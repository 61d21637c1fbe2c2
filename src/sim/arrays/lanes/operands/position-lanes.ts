/**
 * The weight gradient's operands as lane words: lanes reduce over output positions, i = p · Q + q (of all images of the
 * stream, one image after the other), and a row of a buffer is one channel. At kernel position (r, s) the input's element
 * of position (p, q) is the one that the forward pass multiplies with that weight.
 * Source: DNNsim's TensorDash training model (January 2020).
 */
import { type BitMask, isMarkedFull, sliceBytes } from "../../../../core/bit-mask.ts";

/** The elements that the positions of one kernel position read: (startY + p · stepY, startX + q · stepX). */
export interface PositionGrid {
  readonly P: number;
  readonly Q: number;
  readonly startY: number;
  readonly startX: number;
  readonly stepY: number;
  readonly stepX: number;
}

/** One channel of images [firstImage, firstImage + images) of a mask [N, channels, H, W]. */
export interface ChannelOfImages {
  readonly mask: BitMask;
  readonly firstImage: number;
  readonly images: number;
  readonly channel: number;
}

/** Row `row` of a cleared buffer of `rows` rows, whose words have `lanes` bits. */
export interface BufferRow {
  readonly buffer: Int32Array;
  readonly row: number;
  readonly rows: number;
  readonly lanes: number;
}

/** ORs what a channel holds at the positions of `grid` into a row; elements outside the image are zero, or nonzero if `solid`. */
export function gatherPositions(
  { mask, firstImage, images, channel }: ChannelOfImages,
  grid: PositionGrid,
  solid: boolean,
  to: BufferRow,
): void {
  const { buffer, row, rows, lanes } = to;
  const { P, Q, startY, startX, stepY, stepX } = grid;
  const [, , H, W] = mask.shape;
  const isFull = isMarkedFull(mask);
  const bytes = isFull ? NO_BYTES : mask.bytes;
  const stride = sliceBytes(mask.shape);
  // Positions [inside, outside) of a row of the output read inside the image; the same for every row and image.
  const inside = Math.min(Q, Math.max(0, Math.ceil(-startX / stepX)));
  const outside = Math.max(inside, Math.min(Q, Math.ceil((W - startX) / stepX)));
  let position = 0;
  for (let n = firstImage; n < firstImage + images; n++) {
    const from = n * stride;
    for (let p = 0; p < P; p++, position += Q) {
      const h = startY + p * stepY;
      if (h < 0 || h >= H) {
        if (solid) setPositions(to, position, position + Q);
        continue;
      }
      if (solid) {
        setPositions(to, position, position + inside);
        setPositions(to, position + outside, position + Q);
      }
      if (isFull) {
        setPositions(to, position + inside, position + outside);
        continue;
      }
      let lane = (position + inside) % lanes;
      let at = Math.floor((position + inside) / lanes) * rows + row;
      let index = (channel * H + h) * W + startX + inside * stepX;
      if (stepX === 1) {
        for (let left = outside - inside; left > 0; ) {
          const taken = Math.min(left, lanes - lane, RUN);
          buffer[at] |= (bitsAt(bytes, from + (index >> 3), index & 7) & ((1 << taken) - 1)) << lane;
          index += taken;
          left -= taken;
          lane += taken;
          if (lane === lanes) {
            lane = 0;
            at += rows;
          }
        }
        continue;
      }
      for (let q = inside; q < outside; q++, index += stepX) {
        buffer[at] |= ((bytes[from + (index >> 3)] >> (index & 7)) & 1) << lane;
        if (++lane === lanes) {
          lane = 0;
          at += rows;
        }
      }
    }
  }
}

const NO_BYTES = new Uint8Array();
/** Bits that `bitsAt` gives at least. */
const RUN = 17;

/** The bits from bit `skip` of byte `at` on, the first one lowest. */
function bitsAt(bytes: Uint8Array, at: number, skip: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16)) >> skip;
}

/** Sets the bits of positions [first, end). */
function setPositions({ buffer, row, rows, lanes }: BufferRow, first: number, end: number): void {
  for (let at = first; at < end; ) {
    const lane = at % lanes;
    const count = Math.min(lanes - lane, end - at);
    buffer[((at - lane) / lanes) * rows + row] |= (-1 >>> (32 - count)) << lane;
    at += count;
  }
}

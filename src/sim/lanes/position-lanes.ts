/**
 * The weight gradient's operands as lane words: lanes reduce over output positions, i = p · Q + q (of all images of the
 * stream, one image after the other), and a row of a buffer is one channel. At kernel position (r, s) the input's element
 * of position (p, q) is the one that the forward pass multiplies with that weight. Source: DNNsim's TensorDash training model (January 2020).
 */
import { type BitMask, sliceBytes } from "../../kernels/bit-mask.ts";

/** The elements that the positions of one kernel position read: (startY + p · stepY, startX + q · stepX). */
export interface PositionGrid {
  readonly P: number;
  readonly Q: number;
  readonly startY: number;
  readonly startX: number;
  readonly stepY: number;
  readonly stepX: number;
}

/**
 * ORs channel `channel` of images [firstImage, firstImage + images) of `mask` [N, channels, H, W] into row `row` of a
 * cleared buffer of `rows` rows; elements outside the image are zero, or nonzero if `solid`.
 */
export function gatherPositions(
  mask: BitMask,
  firstImage: number,
  images: number,
  channel: number,
  grid: PositionGrid,
  solid: boolean,
  lanes: number,
  buffer: Int32Array,
  row: number,
  rows: number,
): void {
  const { P, Q, startY, startX, stepY, stepX } = grid;
  const [, , H, W] = mask.shape;
  const { bytes } = mask;
  const stride = sliceBytes(mask.shape);
  let at = row;
  let lane = 0;
  for (let n = firstImage; n < firstImage + images; n++) {
    const from = n * stride;
    for (let p = 0; p < P; p++) {
      const h = startY + p * stepY;
      const rowInside = h >= 0 && h < H;
      const first = (channel * H + h) * W;
      for (let q = 0, w = startX; q < Q; q++, w += stepX) {
        const index = first + w;
        const bit = rowInside && w >= 0 && w < W ? (bytes[from + (index >> 3)] >> (index & 7)) & 1 : solid ? 1 : 0;
        buffer[at] |= bit << lane;
        if (++lane === lanes) {
          lane = 0;
          at += rows;
        }
      }
    }
  }
}

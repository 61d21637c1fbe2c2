/**
 * Convolution that skips zeros of the weight: each filter is a list of taps over the padded input,
 *   output[n, k, p, q] = bias[k] + Σ_t value_t · padded[offset_t + p·pitch + q]
 * with t over the nonzeros (c, r, s) of filter k. A nearly dense
 * weight keeps its zeros and four filters are summed at once.
 */
import type { ConvGeometry } from "../../core/geometry.ts";
import { outputHeight, outputWidth, sizeOf, weightShape } from "../../core/geometry.ts";
import type { Floats } from "../kernels.ts";
import { copyPadded, imagesPerBlock, layOut, type PaddedPlanes } from "./padded-planes.ts";
import { doubleScratch, integerScratch } from "./scratch.ts";
import { addSharedTaps, addTaps, isNearlyDense, SHARED, type Taps, wholeTiles } from "./taps.ts";

const paddedScratch = doubleScratch();
const sumScratch = doubleScratch();
const startScratch = integerScratch();
const offsetScratch = integerScratch();
const valueScratch = doubleScratch();

/** Density of the weight from which keeping its zeros and sharing loads is the faster way (bench/conv.ts). */
const NEARLY_DENSE = 0.85;

/** output [N, K, P, Q] = input ∗ weight + bias; zeros of `weight` are skipped. */
export function convForward(g: ConvGeometry, input: Floats, weight: Floats, bias: Floats | null, output: Floats): void {
  const P = outputHeight(g);
  const Q = outputWidth(g);
  if (P < 1 || Q < 1) return;
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  const layout = layOut(g.H, g.W, g.padding, g.stride);
  const imageLength = (P - 1) * layout.pitch + Q;
  const block = imagesPerBlock(g.N, imageLength, layout.plane);
  const phases = g.stride[0] * g.stride[1];
  const padded = paddedScratch(channels * phases * block * layout.plane + layout.tail);
  const row = wholeTiles(block * layout.plane + layout.tail);
  const sums = sumScratch(SHARED * row);
  const dense = isNearlyDense(weight, sizeOf(weightShape(g)), NEARLY_DENSE);
  for (let group = 0; group < g.groups; group++) {
    const taps = filterTaps(g, weight, dense, group * filters, layout, block);
    for (let n = 0; n < g.N; n += block) {
      const images = Math.min(block, g.N - n);
      copyPadded(layout, input, (n * g.C + group * channels) * g.H * g.W, channels, g.C, images, block, padded);
      const length = (images - 1) * layout.plane + imageLength;
      let filter = 0;
      while (filter < filters) {
        const shared = dense && filter + SHARED <= filters ? SHARED : 1;
        const k = group * filters + filter;
        for (let f = 0; f < shared; f++)
          sums.fill(bias === null ? 0 : bias[k + f], f * row, f * row + wholeTiles(length));
        if (shared === 1) addTaps(taps, filter, padded, 0, length, sums, 0);
        else addSharedTaps(taps, filter, 1, padded, 0, length, sums, 0, row);
        for (let f = 0; f < shared; f++) writeImages(g, layout, sums, f * row, images, output, n * g.K + k + f, P, Q);
        filter += shared;
      }
    }
  }
}

/** Writes the sums of one filter to the output planes plane, plane + K, … of `images` images, without the garbage. */
function writeImages(
  g: ConvGeometry,
  layout: PaddedPlanes,
  sums: Float64Array,
  at: number,
  images: number,
  output: Floats,
  plane: number,
  P: number,
  Q: number,
): void {
  for (let image = 0; image < images; image++) {
    let to = (plane + image * g.K) * P * Q;
    for (let p = 0; p < P; p++) {
      const from = at + image * layout.plane + p * layout.pitch;
      for (let q = 0; q < Q; q++) output[to++] = sums[from + q];
    }
  }
}

/** The taps of the filters of one group, one list a filter; offsets into the padded input of a block of images. */
function filterTaps(
  g: ConvGeometry,
  weight: Floats,
  keepZeros: boolean,
  firstFilter: number,
  layout: PaddedPlanes,
  block: number,
): Taps {
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  const size = channels * g.R * g.S;
  const starts = startScratch(filters + 1);
  const offsets = offsetScratch(filters * size);
  const values = valueScratch(filters * size);
  const [strideRows, strideColumns] = g.stride;
  const phases = strideRows * strideColumns;
  let count = 0;
  let from = firstFilter * size;
  for (let filter = 0; filter < filters; filter++) {
    starts[filter] = count;
    for (let c = 0; c < channels; c++) {
      for (let r = 0; r < g.R; r++) {
        const row = r * g.dilation[0];
        for (let s = 0; s < g.S; s++) {
          const value = weight[from++];
          if (value === 0 && !keepZeros) continue;
          const column = s * g.dilation[1];
          const phase = c * phases + (row % strideRows) * strideColumns + (column % strideColumns);
          const inPlane = Math.floor(row / strideRows) * layout.pitch + Math.floor(column / strideColumns);
          offsets[count] = phase * block * layout.plane + inPlane;
          values[count++] = value;
        }
      }
    }
  }
  starts[filters] = count;
  return { starts, offsets, values };
}

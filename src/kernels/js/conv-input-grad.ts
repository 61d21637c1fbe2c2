/**
 * Gradient of a convolution with respect to its input, skipping zeros of the weight. Input rows of one residue modulo the
 * stride form a phase; within phase (i, j), with input element (a, b) at padded position (stride·a + i, stride·b + j),
 *   inputGrad[n, c, a, b] += Σ_t value_t · padded[offset_t + a·pitch + b]
 * with t over the nonzeros (k, r, s) whose tap falls on the phase and `padded` the outputGrad with zero margins. A
 * strided gradient is thus v·u small dense convolutions; zeros are never inserted between outputs.
 * A nearly dense weight keeps its zeros and four channels are summed at once.
 */
import type { ConvGeometry } from "../../core/geometry.ts";
import { outputHeight, outputWidth, sizeOf, weightShape } from "../../core/geometry.ts";
import type { Floats } from "../kernels.ts";
import { outputMargins } from "./output-margins.ts";
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

/** inputGrad [N, C, H, W] += outputGrad ∗ weightᵀ; zeros of `weight` are skipped. */
export function convInputGrad(g: ConvGeometry, outputGrad: Floats, weight: Floats, inputGrad: Floats): void {
  const P = outputHeight(g);
  const Q = outputWidth(g);
  if (P < 1 || Q < 1) return;
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  const phases = g.stride[0] * g.stride[1];
  const layout = layOut(P, Q, outputMargins(g), [1, 1]);
  const longest = Math.ceil(g.H / g.stride[0]) * layout.pitch;
  const block = imagesPerBlock(g.N, longest, layout.plane);
  const padded = paddedScratch(filters * block * layout.plane + layout.tail);
  const row = wholeTiles(block * layout.plane + layout.tail);
  const sums = sumScratch(SHARED * row);
  const dense = isNearlyDense(weight, sizeOf(weightShape(g)), NEARLY_DENSE);
  for (let group = 0; group < g.groups; group++) {
    const taps = channelTaps(g, weight, dense, group * filters, layout, block);
    for (let n = 0; n < g.N; n += block) {
      const images = Math.min(block, g.N - n);
      copyPadded(layout, outputGrad, (n * g.K + group * filters) * P * Q, filters, g.K, images, block, padded);
      let channel = 0;
      while (channel < channels) {
        const shared = dense && channel + SHARED <= channels ? SHARED : 1;
        const plane = n * g.C + group * channels + channel;
        for (let phase = 0; phase < phases; phase++) {
          addPhase(g, taps, channel * phases + phase, shared, padded, layout, images, sums, row, inputGrad, plane);
        }
        channel += shared;
      }
    }
  }
}

/** Adds one phase's gradient of `shared` channels to `images` planes each; `plane` is the first of the first channel. */
function addPhase(
  g: ConvGeometry,
  taps: Taps,
  list: number,
  shared: number,
  padded: Float64Array,
  layout: PaddedPlanes,
  images: number,
  sums: Float64Array,
  row: number,
  inputGrad: Floats,
  plane: number,
): void {
  if (taps.starts[list] === taps.starts[list + 1]) return;
  const [strideRows, strideColumns] = g.stride;
  const phases = strideRows * strideColumns;
  const phase = list % phases;
  const i = Math.floor(phase / strideColumns);
  const j = phase % strideColumns;
  const firstRow = Math.ceil((g.padding[0] - i) / strideRows);
  const firstColumn = Math.ceil((g.padding[2] - j) / strideColumns);
  const top = firstRow * strideRows + i - g.padding[0];
  const left = firstColumn * strideColumns + j - g.padding[2];
  const rows = Math.ceil((g.H - top) / strideRows);
  const columns = Math.ceil((g.W - left) / strideColumns);
  if (rows < 1 || columns < 1) return;
  const length = (images - 1) * layout.plane + (rows - 1) * layout.pitch + columns;
  const origin = firstRow * layout.pitch + firstColumn;
  for (let f = 0; f < shared; f++) sums.fill(0, f * row, f * row + wholeTiles(length));
  if (shared === 1) addTaps(taps, list, padded, origin, length, sums, 0);
  else addSharedTaps(taps, list, phases, padded, origin, length, sums, 0, row);
  for (let f = 0; f < shared; f++) {
    for (let image = 0; image < images; image++) {
      const corner = ((plane + f + image * g.C) * g.H + top) * g.W + left;
      for (let a = 0; a < rows; a++) {
        const from = f * row + image * layout.plane + a * layout.pitch;
        let to = corner + a * strideRows * g.W;
        for (let b = 0; b < columns; b++) {
          inputGrad[to] += sums[from + b];
          to += strideColumns;
        }
      }
    }
  }
}

/** The taps of one group's weight transposed: one list for each channel and phase, in the order of `addPhase` calls. */
function channelTaps(
  g: ConvGeometry,
  weight: Floats,
  keepZeros: boolean,
  firstFilter: number,
  layout: PaddedPlanes,
  block: number,
): Taps {
  const channels = g.C / g.groups;
  const filters = g.K / g.groups;
  const [strideRows, strideColumns] = g.stride;
  const [rowDilation, columnDilation] = g.dilation;
  const starts = startScratch(channels * strideRows * strideColumns + 1);
  const offsets = offsetScratch(filters * channels * g.R * g.S);
  const values = valueScratch(filters * channels * g.R * g.S);
  let count = 0;
  let list = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < strideRows; i++) {
      for (let j = 0; j < strideColumns; j++) {
        starts[list++] = count;
        for (let filter = 0; filter < filters; filter++) {
          const from = ((firstFilter + filter) * channels + channel) * g.R * g.S;
          for (let r = 0; r < g.R; r++) {
            if ((r * rowDilation) % strideRows !== i) continue;
            const row = layout.top - Math.floor((r * rowDilation) / strideRows);
            for (let s = 0; s < g.S; s++) {
              const value = weight[from + r * g.S + s];
              if ((value === 0 && !keepZeros) || (s * columnDilation) % strideColumns !== j) continue;
              const column = layout.left - Math.floor((s * columnDilation) / strideColumns);
              offsets[count] = filter * block * layout.plane + row * layout.pitch + column;
              values[count++] = value;
            }
          }
        }
      }
    }
  }
  starts[list] = count;
  return { starts, offsets, values };
}

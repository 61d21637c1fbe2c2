/**
 * Gradient of a convolution with respect to its weight, skipping zeros of the input (SWAT: its top-k activations). With
 * outputGrad laid out as [K/TILE][P·Q with margins][TILE], a nonzero input element is a tap over TILE filters at a time:
 *   weightGrad[·, c, r, s] += Σ_t value_t · byPosition[offset_t − (r'·pitch + s')·TILE + ·]
 * with t over the nonzeros of channel c in the stride phase of tap (r, s): one list serves all taps of the phase and all
 * filters. Sums over the whole batch are kept in double precision. A nearly dense input keeps its zeros and four
 * channels are summed at once.
 */
import type { ConvGeometry } from "../../core/geometry.ts";
import { inputShape, outputHeight, outputWidth, sizeOf } from "../../core/geometry.ts";
import type { Floats } from "../kernels.ts";
import { outputMargins } from "./output-margins.ts";
import { layOut, type PaddedPlanes } from "./padded-planes.ts";
import { doubleScratch, integerScratch } from "./scratch.ts";
import { addSharedTaps, addTaps, isNearlyDense, SHARED, type Taps, TILE, wholeTiles } from "./taps.ts";

const positionScratch = doubleScratch();
const sumScratch = doubleScratch();
const startScratch = integerScratch();
const offsetScratch = integerScratch();
const valueScratch = doubleScratch();

/** Density of the input from which keeping its zeros and sharing loads is the faster way (bench/conv.ts). */
const NEARLY_DENSE = 0.45;

/** Positions worked on at a time: TILE filters at so many positions stay in a first-level cache. */
const BLOCK_POSITIONS = 384;

/** weightGrad [K, C/groups, R, S] += outputGrad ∗ input; zeros of `input` are skipped. */
export function convWeightGrad(g: ConvGeometry, outputGrad: Floats, input: Floats, weightGrad: Floats): void {
  if (outputHeight(g) < 1 || outputWidth(g) < 1) return;
  const filters = g.K / g.groups;
  const lanes = wholeTiles(filters);
  const layout = layOut(outputHeight(g), outputWidth(g), outputMargins(g), [1, 1]);
  const block = Math.max(1, Math.min(g.N, Math.floor(BLOCK_POSITIONS / layout.plane)));
  const tileSize = (block * layout.plane + layout.tail) * TILE;
  const byPosition = positionScratch((tileSize * lanes) / TILE);
  const size = (g.C / g.groups) * g.R * g.S;
  const sums = sumScratch(size * lanes);
  const dense = isNearlyDense(input, sizeOf(inputShape(g)), NEARLY_DENSE);
  for (let group = 0; group < g.groups; group++) {
    sums.fill(0, 0, size * lanes);
    for (let n = 0; n < g.N; n += block) {
      const images = Math.min(block, g.N - n);
      copyByPosition(g, layout, outputGrad, n, images, group, tileSize, byPosition);
      const taps = inputTaps(g, layout, input, dense, n, images, group);
      for (let tile = 0; tile * TILE < filters; tile++) {
        addAllTaps(g, layout, taps, dense, byPosition, tile * tileSize, sums, tile * size * TILE);
      }
    }
    for (let filter = 0; filter < filters; filter++) {
      const to = (group * filters + filter) * size;
      const lane = filter % TILE;
      const from = (filter - lane) * size + lane;
      for (let tap = 0; tap < size; tap++) weightGrad[to + tap] += sums[from + tap * TILE];
    }
  }
}

/** sums [channels, R, S][TILE] += the contributions of one block of images to TILE filters. */
function addAllTaps(
  g: ConvGeometry,
  layout: PaddedPlanes,
  taps: Taps,
  dense: boolean,
  byPosition: Float64Array,
  firstPosition: number,
  sums: Float64Array,
  firstSum: number,
): void {
  const channels = g.C / g.groups;
  const [strideRows, strideColumns] = g.stride;
  const phases = strideRows * strideColumns;
  const row = g.R * g.S * TILE;
  let channel = 0;
  while (channel < channels) {
    const shared = dense && channel + SHARED <= channels ? SHARED : 1;
    let at = firstSum + channel * row;
    for (let r = 0; r < g.R; r++) {
      const tapRow = r * g.dilation[0];
      for (let s = 0; s < g.S; s++) {
        const tapColumn = s * g.dilation[1];
        const list = channel * phases + (tapRow % strideRows) * strideColumns + (tapColumn % strideColumns);
        const shift = Math.floor(tapRow / strideRows) * layout.pitch + Math.floor(tapColumn / strideColumns);
        const origin = firstPosition - shift * TILE;
        if (shared === 1) addTaps(taps, list, byPosition, origin, TILE, sums, at);
        else addSharedTaps(taps, list, phases, byPosition, origin, TILE, sums, at, row);
        at += TILE;
      }
    }
    channel += shared;
  }
}

/** byPosition [tile][images, rows, pitch][TILE] = outputGrad [N, K, P, Q] of one group, margins and spare lanes zero. */
function copyByPosition(
  g: ConvGeometry,
  layout: PaddedPlanes,
  outputGrad: Floats,
  firstImage: number,
  images: number,
  group: number,
  tileSize: number,
  byPosition: Float64Array,
): void {
  const { height: P, width: Q } = layout;
  const filters = g.K / g.groups;
  byPosition.fill(0, 0, (tileSize * wholeTiles(filters)) / TILE);
  for (let image = 0; image < images; image++) {
    for (let filter = 0; filter < filters; filter++) {
      let from = ((firstImage + image) * g.K + group * filters + filter) * P * Q;
      const lane = filter % TILE;
      const tile = ((filter - lane) / TILE) * tileSize;
      for (let p = 0; p < P; p++) {
        const position = image * layout.plane + (p + layout.top) * layout.pitch + layout.left;
        let to = tile + position * TILE + lane;
        for (let q = 0; q < Q; q++) {
          byPosition[to] = outputGrad[from++];
          to += TILE;
        }
      }
    }
  }
}

/** The taps of a block of images: one list for each channel of the group and each stride phase. */
function inputTaps(
  g: ConvGeometry,
  layout: PaddedPlanes,
  input: Floats,
  keepZeros: boolean,
  firstImage: number,
  images: number,
  group: number,
): Taps {
  const channels = g.C / g.groups;
  const [strideRows, strideColumns] = g.stride;
  const starts = startScratch(channels * strideRows * strideColumns + 1);
  const offsets = offsetScratch(images * channels * g.H * g.W);
  const values = valueScratch(images * channels * g.H * g.W);
  let count = 0;
  let list = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < strideRows; i++) {
      const firstRow = Math.ceil((g.padding[0] - i) / strideRows);
      for (let j = 0; j < strideColumns; j++) {
        const firstColumn = Math.ceil((g.padding[2] - j) / strideColumns);
        starts[list++] = count;
        // A stride beyond the kernel leaves phases that no tap ever meets.
        if (!hasTap(g.R, g.dilation[0], strideRows, i) || !hasTap(g.S, g.dilation[1], strideColumns, j)) continue;
        for (let image = 0; image < images; image++) {
          const plane = ((firstImage + image) * g.C + group * channels + channel) * g.H * g.W;
          let a = firstRow + layout.top;
          for (let h = firstRow * strideRows + i - g.padding[0]; h < g.H; h += strideRows) {
            let position = image * layout.plane + a++ * layout.pitch + firstColumn + layout.left;
            for (let w = firstColumn * strideColumns + j - g.padding[2]; w < g.W; w += strideColumns) {
              const value = input[plane + h * g.W + w];
              if (keepZeros || value !== 0) {
                offsets[count] = position * TILE;
                values[count++] = value;
              }
              position++;
            }
          }
        }
      }
    }
  }
  starts[list] = count;
  return { starts, offsets, values };
}

/** Whether a tap of the dilated kernel falls on residue `phase` of the stride. */
function hasTap(kernel: number, dilation: number, stride: number, phase: number): boolean {
  for (let tap = 0; tap < kernel; tap++) if ((tap * dilation) % stride === phase) return true;
  return false;
}

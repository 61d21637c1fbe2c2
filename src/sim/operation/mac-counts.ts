/**
 * Counts multiply–accumulates of one operation in closed form from its masks. A weight tap meets every window at which
 * it lies inside the image, so the pairs with two nonzeros are, for each (channel, tap), a product of two counts:
 *
 *     forward     Σ_{c,r,s}  #{nonzero inputs of c under tap (r, s)} · #{nonzero weights at (·, c, r, s)}
 *     inputGrad   Σ_{k,r,s}  #{nonzero outputGrads of k whose tap (r, s) lies in the image} · #{nonzero weights at (k, ·, r, s)}
 *     weightGrad  Σ_{n,p,q,r,s}  #{nonzero outputGrads at (n, ·, p, q)} · #{nonzero inputs at (n, ·, h, w)}, group by group
 */
import { type BitMask, isFull, sliceBytes } from "../../core/bit-mask.ts";
import { denseMacs } from "../../core/dense-macs.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";
import { pairsWithDense } from "./image-padding.ts";
import { type Operation, operandsOf } from "./operation.ts";

/** MACs of an operation whose two operands are nonzero. */
export function effectualMacs(operation: Operation): number {
  const { geometry: g } = operation;
  if (outputHeight(g) < 1 || outputWidth(g) < 1) return 0;
  const sparse = operandsOf(operation).filter(([, mask]) => !isFull(mask));
  if (sparse.length === 0) return denseMacs(g);
  if (sparse.length === 1) return pairsWithDense(operation, ...sparse[0]);
  switch (operation.pass) {
    case "forward":
      return forwardMacs(g, operation.masks.input, operation.masks.weight);
    case "inputGrad":
      return inputGradMacs(g, operation.masks.outputGrad, operation.masks.weight);
    case "weightGrad":
      return weightGradMacs(g, operation.masks.outputGrad, operation.masks.input);
  }
}

function forwardMacs(g: ConvGeometry, input: BitMask, weight: BitMask): number {
  const perImage = countOverImages(input, g.N, g.C * g.H * g.W);
  return sumOverTaps(g, weightCounts(g, weight, "filters"), perImage, "input");
}

function inputGradMacs(g: ConvGeometry, outputGrad: BitMask, weight: BitMask): number {
  const perImage = countOverImages(outputGrad, g.N, g.K * outputHeight(g) * outputWidth(g));
  return sumOverTaps(g, weightCounts(g, weight, "channels"), perImage, "output");
}

type Counts = Uint8Array | Uint32Array;

/** Where on a plane a kernel position meets the windows at which it lies inside the image, along one axis. */
interface TapReach {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** Of every kernel position along an axis (0 vertical, 1 horizontal), on the plane of the input or of the output. */
function tapReaches(g: ConvGeometry, axis: 0 | 1, plane: "input" | "output"): readonly TapReach[] {
  const [extent, kernel, windows] = axis === 0 ? [g.H, g.R, outputHeight(g)] : [g.W, g.S, outputWidth(g)];
  const step = g.stride[axis];
  return Array.from({ length: kernel }, (_, tap) => {
    const start = tap * g.dilation[axis] - g.padding[axis * 2];
    const first = Math.max(0, Math.ceil(-start / step));
    const count = Math.max(0, Math.min(windows, Math.ceil((extent - start) / step)) - first);
    return plane === "input" ? { first: start + first * step, step, count } : { first, step: 1, count };
  });
}

/** Σ weights[channel, r, s] · nonzeros of the channel under tap (r, s), for `weights` [channels, R, S] and `counts` [channels, plane]. */
function sumOverTaps(g: ConvGeometry, weights: Uint32Array, counts: Counts, plane: "input" | "output"): number {
  const [height, width] = plane === "input" ? [g.H, g.W] : [outputHeight(g), outputWidth(g)];
  const vertical = tapReaches(g, 0, plane);
  const horizontal = tapReaches(g, 1, plane);
  /** [height]: nonzeros of each row of the plane under one horizontal kernel position. */
  const rows = new Float64Array(height);
  let macs = 0;
  for (let channel = 0; channel * g.R * g.S < weights.length; channel++) {
    const at = channel * height * width;
    for (let s = 0; s < g.S; s++) {
      const { first, step, count } = horizontal[s];
      for (let y = 0; y < height; y++) {
        let sum = 0;
        for (let i = 0, x = at + y * width + first; i < count; i++, x += step) sum += counts[x];
        rows[y] = sum;
      }
      for (let r = 0; r < g.R; r++) {
        const weight = weights[(channel * g.R + r) * g.S + s];
        if (weight === 0) continue;
        const reach = vertical[r];
        let sum = 0;
        for (let i = 0, y = reach.first; i < reach.count; i++, y += reach.step) sum += rows[y];
        macs += weight * sum;
      }
    }
  }
  return macs;
}

function weightGradMacs(g: ConvGeometry, outputGrad: BitMask, input: BitMask): number {
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const inputs = countOverChannels(input, g.N, g.groups, g.C / g.groups, g.H * g.W);
  const grads = countOverChannels(outputGrad, g.N, g.groups, g.K / g.groups, P * Q);
  const vertical = tapReaches(g, 0, "input");
  const horizontal = tapReaches(g, 1, "input");
  const [tops, lefts] = [tapReaches(g, 0, "output"), tapReaches(g, 1, "output")];
  /** [H, Q]: nonzero inputs of each row that a window's horizontal kernel positions meet. */
  const rows = new Float64Array(g.H * Q);
  let macs = 0;
  for (let plane = 0; plane < g.N * g.groups; plane++) {
    rows.fill(0);
    for (let s = 0; s < g.S; s++) {
      const { first, step, count } = horizontal[s];
      for (let h = 0; h < g.H; h++) {
        const from = (plane * g.H + h) * g.W + first;
        const to = h * Q + lefts[s].first;
        for (let i = 0; i < count; i++) rows[to + i] += inputs[from + i * step];
      }
    }
    for (let r = 0; r < g.R; r++) {
      const { first, step, count } = vertical[r];
      for (let i = 0; i < count; i++) {
        const from = (first + i * step) * Q;
        const at = (plane * P + tops[r].first + i) * Q;
        for (let q = 0; q < Q; q++) macs += grads[at + q] * rows[from + q];
      }
    }
  }
  return macs;
}

/** Four bits as four bytes, lowest first. */
const BYTES_OF_BITS = Uint32Array.from({ length: 16 }, (_, bits) =>
  [0, 1, 2, 3].reduce((bytes, i) => bytes + ((bits >> i) & 1) * 256 ** i, 0),
);
const MOST_IN_BYTE = 255;

/** [size]: ones over all images of a mask of `images` slices; eight are counted at a time, in a byte each. */
function countOverImages(mask: BitMask, images: number, size: number): Counts {
  const stride = sliceBytes(mask.shape);
  const counts = images <= MOST_IN_BYTE ? null : new Uint32Array(size);
  const inBytes = new Uint8Array(stride * 8);
  const fours = new Uint32Array(inBytes.buffer);
  for (let n = 0; n < images; n++) {
    const at = n * stride;
    for (let byte = 0; byte < stride; byte++) {
      const bits = mask.bytes[at + byte];
      fours[2 * byte] += BYTES_OF_BITS[bits & 15];
      fours[2 * byte + 1] += BYTES_OF_BITS[bits >> 4];
    }
    if (counts !== null && (n % MOST_IN_BYTE === MOST_IN_BYTE - 1 || n === images - 1)) {
      for (let i = 0; i < size; i++) counts[i] += inBytes[i];
      inBytes.fill(0);
    }
  }
  return counts ?? inBytes;
}

/** [images, groups, pixels]: ones over the channels of each group. */
export function countOverChannels(
  mask: BitMask,
  images: number,
  groups: number,
  channels: number,
  pixels: number,
): Uint32Array {
  const counts = new Uint32Array(images * groups * pixels);
  if (isFull(mask)) return counts.fill(channels);
  const stride = sliceBytes(mask.shape);
  for (let n = 0; n < images; n++) {
    const at = n * stride;
    let bit = 0;
    for (let group = 0; group < groups; group++) {
      const to = (n * groups + group) * pixels;
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < pixels; i++, bit++) counts[to + i] += (mask.bytes[at + (bit >> 3)] >> (bit & 7)) & 1;
      }
    }
  }
  return counts;
}

/**
 * Ones of a weight mask [K, C/groups, R, S]: over "filters", by [C, R, S] (each channel's own group only), or over
 * "channels", by [K, R, S].
 */
export function weightCounts(g: ConvGeometry, weight: BitMask, over: "filters" | "channels"): Uint32Array {
  const perGroup = g.C / g.groups;
  const taps = g.R * g.S;
  const filtersPerGroup = g.K / g.groups;
  const counts = new Uint32Array((over === "filters" ? g.C : g.K) * taps);
  if (isFull(weight)) return counts.fill(over === "filters" ? filtersPerGroup : perGroup);
  const stride = sliceBytes(weight.shape);
  for (let k = 0; k < g.K; k++) {
    const group = Math.floor(k / filtersPerGroup);
    const to = over === "filters" ? group * perGroup * taps : k * taps;
    for (let byte = 0; byte < stride; byte++) {
      for (let rest = weight.bytes[k * stride + byte]; rest !== 0; rest &= rest - 1) {
        const bit = byte * 8 + 31 - Math.clz32(rest & -rest);
        counts[to + (over === "filters" ? bit : bit % taps)]++;
      }
    }
  }
  return counts;
}

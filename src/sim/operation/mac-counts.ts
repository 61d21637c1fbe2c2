/**
 * Counts multiply–accumulates of one operation in closed form from its masks. A weight tap meets every window at which
 * it lies inside the image, so the pairs with two nonzeros are, for each (channel, tap), a product of two counts:
 *
 *     forward     Σ_{c,r,s}  #{nonzero inputs of c under tap (r, s)} · #{nonzero weights at (·, c, r, s)}
 *     inputGrad   Σ_{k,r,s}  #{nonzero outputGrads of k whose tap (r, s) lies in the image} · #{nonzero weights at (k, ·, r, s)}
 *     weightGrad  Σ_{n,p,q,r,s}  #{nonzero outputGrads at (n, ·, p, q)} · #{nonzero inputs at (n, ·, h, w)}, group by group
 */
import { type BitMask, countOnes, isFull, sliceBytes } from "../../core/bit-mask.ts";
import { denseMacs } from "../../core/dense-macs.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";
import { pairsWithDense } from "./image-padding.ts";
import { type Counts, countOverSlices, sumOfSlices } from "./mask-counts.ts";
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
  const perImage = countOverSlices(input, 0, g.N);
  return sumOverTaps(g, weightCounts(g, weight, "filters"), perImage, "input");
}

function inputGradMacs(g: ConvGeometry, outputGrad: BitMask, weight: BitMask): number {
  const perImage = countOverSlices(outputGrad, 0, g.N);
  return sumOverTaps(g, weightCounts(g, weight, "channels"), perImage, "output");
}

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
  for (let n = 0; n < images; n++) {
    const ones = sumOfSlices(mask, n, n + 1);
    let at = 0;
    for (let group = 0; group < groups; group++) {
      const to = (n * groups + group) * pixels;
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < pixels; i++, at++) counts[to + i] += ones[at];
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
  if (over === "filters") {
    const size = perGroup * taps;
    for (let group = 0; group < g.groups; group++) {
      const ones = countOverSlices(weight, group * filtersPerGroup, (group + 1) * filtersPerGroup);
      counts.set(ones.subarray(0, size), group * size);
    }
    return counts;
  }
  if (taps === 1) return counts.map((_, k) => countOnes(weight, k, k + 1));
  const stride = sliceBytes(weight.shape);
  const tapOf = Uint32Array.from({ length: taps + 8 }, (_, bit) => bit % taps);
  for (let k = 0; k < g.K; k++) {
    for (let byte = 0, tap = 0; byte < stride; byte++, tap = tapOf[tap + 8]) {
      for (let rest = weight.bytes[k * stride + byte]; rest !== 0; rest &= rest - 1) {
        counts[k * taps + tapOf[tap + 31 - Math.clz32(rest & -rest)]]++;
      }
    }
  }
  return counts;
}

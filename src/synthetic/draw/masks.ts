/** What top-k, pooling and backpropagation make of masks and of the values that they come from. */
import { type BitMask, countOnes, onesMask, setBit, sliceBytes, sliceSize, zerosMask } from "../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../core/geometry.ts";
import type { PoolGeometry } from "../../core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../../core/pool-geometry.ts";
import { topKThreshold } from "../../kernels/js/top-k.ts";
import {
  averagePoolBackward as averagePoolGrad,
  maxPoolBackward as maxPoolGrad,
} from "../../kernels/reference/pooling.ts";
import type { LayerNode } from "../../networks/graph.ts";

/** A tensor's mask; null where it has no zeros. */
export type Zeros = BitMask | null;

/** Mask of the elements of `values` of `shape` that are larger than `threshold`. */
export function above(values: Float32Array, shape: readonly number[], threshold: number): BitMask {
  const mask = zerosMask(shape);
  const size = sliceSize(shape);
  let to = 0;
  for (let slice = 0; slice < shape[0]; slice++) {
    const end = (slice + 1) * size;
    for (let from = slice * size; from < end; from += 8) {
      const bits = Math.min(8, end - from);
      let byte = 0;
      for (let k = 0; k < bits; k++) if (values[from + k] > threshold) byte |= 1 << k;
      mask.bytes[to++] = byte;
    }
  }
  return mask;
}

/** Mask of the `count` largest of `values` ≥ 0 of `shape`; of equal ones the first. */
export function largest(values: Float32Array, shape: readonly number[], count: number): BitMask {
  const threshold = topKThreshold(values, values.length, count);
  const mask = above(values, shape, threshold);
  const size = sliceSize(shape);
  let missing = count - countOnes(mask);
  for (let i = 0; missing > 0; i++) {
    if (values[i] !== threshold) continue;
    setBit(mask, Math.floor(i / size), i % size);
    missing--;
  }
  return mask;
}

/** Reader of bits, for loops over many. */
function reader({ shape, bytes }: BitMask): (slice: number, index: number) => boolean {
  const stride = sliceBytes(shape);
  return (slice, index) => ((bytes[slice * stride + (index >> 3)] >> (index & 7)) & 1) === 1;
}

/** `mask`, or null where all of it is ones. */
export function zerosOf(mask: BitMask): Zeros {
  return countOnes(mask) === sizeOf(mask.shape) ? null : mask;
}

/** Ones where both have one. */
export function both(a: Zeros, b: Zeros): Zeros {
  if (a === null || b === null || a === b) return a ?? b;
  return { shape: a.shape, bytes: a.bytes.map((byte, i) => byte & b.bytes[i]) };
}

/** Ones where either has one. */
export function either(a: Zeros, b: Zeros): Zeros {
  if (a === null || b === null) return null;
  return a === b ? a : zerosOf({ shape: a.shape, bytes: a.bytes.map((byte, i) => byte | b.bytes[i]) });
}

/** The gradient of the input of an average pooling: not zero under the windows whose gradient is not. */
export function averagePoolBackward(g: PoolGeometry, grad: Zeros, shape: readonly number[]): Zeros {
  const inputGrad = new Float32Array(sizeOf(shape));
  averagePoolGrad(g, onesOf(grad, outputSize(g)), inputGrad);
  return zerosOf(above(inputGrad, shape, 0));
}

/** The same of a max pooling that took its output from `argmax`. */
export function maxPoolBackward(g: PoolGeometry, argmax: Int32Array, grad: Zeros, shape: readonly number[]): Zeros {
  const inputGrad = new Float32Array(sizeOf(shape));
  maxPoolGrad(g, onesOf(grad, outputSize(g)), argmax, inputGrad);
  return zerosOf(above(inputGrad, shape, 0));
}

/** Elements of the output of a pooling. */
export function outputSize(g: PoolGeometry): number {
  return g.N * g.C * poolOutputHeight(g) * poolOutputWidth(g);
}

/** A tensor of `size` elements that is 1 where the mask is. */
function onesOf(zeros: Zeros, size: number): Float32Array {
  const values = new Float32Array(size);
  if (zeros === null) return values.fill(1);
  const has = reader(zeros);
  const slice = sliceSize(zeros.shape);
  for (let i = 0; i < size; i++) if (has(Math.floor(i / slice), i % slice)) values[i] = 1;
  return values;
}

/** Channels [from, from + shape[1]) of a mask, of `shape`. */
export function channelsOf(mask: Zeros, from: number, shape: readonly number[]): Zeros {
  if (mask === null) return null;
  const part = zerosMask(shape);
  const size = sliceSize(shape);
  const first = (from * size) / shape[1];
  const has = reader(mask);
  for (let slice = 0; slice < shape[0]; slice++) {
    for (let i = 0; i < size; i++) if (has(slice, first + i)) setBit(part, slice, i);
  }
  return zerosOf(part);
}

/** What batch norm passes on: all of a channel of which anything is not zero. */
export function wholeChannels(grad: Zeros): Zeros {
  if (grad === null) return null;
  const [images, channels] = grad.shape;
  const pixels = sliceSize(grad.shape) / channels;
  const has = reader(grad);
  const alive = new Uint8Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < images * pixels && alive[channel] === 0; i++) {
      if (has(Math.floor(i / pixels), channel * pixels + (i % pixels))) alive[channel] = 1;
    }
  }
  return repeated(alive, pixels, grad.shape);
}

/**
 * Where the input gradient of a layer can be other than zero: at inputs of `shape` that some kept weight multiplies. The
 * gradient of the output is taken as dense.
 */
export function reachedInputs({ op, geometry: g }: LayerNode, weight: Zeros, shape: readonly number[]): Zeros {
  if (op === "linear") return weight === null ? null : repeated(keptColumns(weight), 1, shape);
  const taps = g.R * g.S;
  const filters = g.K / g.groups;
  const kept = new Uint8Array(g.C * taps).fill(weight === null ? 1 : 0);
  if (weight !== null) {
    const has = reader(weight);
    const size = sliceSize(weight.shape);
    for (let filter = 0; filter < g.K; filter++) {
      const group = Math.floor(filter / filters) * size;
      for (let i = 0; i < size; i++) if (has(filter, i)) kept[group + i] = 1;
    }
  }
  const rows = reachedBy(g, 0, outputHeight(g));
  const columns = reachedBy(g, 1, outputWidth(g));
  const everywhere = [...rows, ...columns].every((reaching) => reaching.length > 0);
  if (everywhere && kept.every((tap) => tap === 1)) return null;
  const reached = new Uint8Array(g.C * g.H * g.W);
  for (let channel = 0; channel < g.C; channel++) {
    for (const [y, row] of rows.entries()) {
      for (const [x, column] of columns.entries()) {
        const isReached = row.some((r) => column.some((s) => kept[channel * taps + r * g.S + s] === 1));
        if (isReached) reached[(channel * g.H + y) * g.W + x] = 1;
      }
    }
  }
  return repeated(reached, 1, shape);
}

/** For each position along an axis the taps of the kernel that multiply it for some output. */
function reachedBy(g: ConvGeometry, axis: 0 | 1, outputs: number): number[][] {
  const [extent, kernel] = axis === 0 ? [g.H, g.R] : [g.W, g.S];
  const taps = Array.from({ length: extent }, (): number[] => []);
  for (let tap = 0; tap < kernel; tap++) {
    for (let output = 0; output < outputs; output++) {
      const position = output * g.stride[axis] - g.padding[2 * axis] + tap * g.dilation[axis];
      if (position >= 0 && position < extent) taps[position].push(tap);
    }
  }
  return taps;
}

/** For each input of a linear layer whether any weight of it is kept. */
function keptColumns(weight: BitMask): Uint8Array {
  const inputs = sliceSize(weight.shape);
  const has = reader(weight);
  return Uint8Array.from({ length: inputs }, (_, i) => {
    for (let output = 0; output < weight.shape[0]; output++) if (has(output, i)) return 1;
    return 0;
  });
}

/** A mask of `shape` whose images are alike: flag i stands for `run` elements. */
function repeated(flags: Uint8Array, run: number, shape: readonly number[]): Zeros {
  if (flags.every((flag) => flag === 1)) return null;
  const mask = zerosMask(shape);
  const one: BitMask = zerosMask([1, ...shape.slice(1)]);
  for (let i = 0; i < flags.length * run; i++) if (flags[Math.floor(i / run)] === 1) setBit(one, 0, i);
  for (let image = 0; image < shape[0]; image++) mask.bytes.set(one.bytes, image * one.bytes.length);
  return mask;
}

/** Keeps a share of the ones, each by a draw of its own. */
export function thinned(mask: Zeros, shape: readonly number[], keeps: (element: number) => boolean): BitMask {
  const kept = zerosMask(shape);
  const has = reader(mask ?? onesMask(shape));
  const size = sliceSize(shape);
  for (let slice = 0; slice < shape[0]; slice++) {
    for (let i = 0; i < size; i++) if (has(slice, i) && keeps(slice * size + i)) setBit(kept, slice, i);
  }
  return kept;
}

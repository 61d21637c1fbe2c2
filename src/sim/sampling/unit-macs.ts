/**
 * Effectual MACs of every image or channel of an operation at once: each nonzero of the operand that the axis runs along takes part in
 * as many as there are nonzeros that it meets, which are counted first, for all images (weights) or all channels (outputGrad).
 */
import { type BitMask, sliceBytes } from "../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";
import type { CutAxis } from "../hardware/accelerator.ts";
import { countOverChannels, weightCounts } from "../operation/mac-counts.ts";
import { type Operation, sourceMaskOf } from "../operation/operation.ts";
import { extentOf } from "./slice.ts";

/** [images or channels of the axis]: they sum to the effectual MACs of the operation. */
export function macsAlong(operation: Operation, axis: CutAxis): Float64Array {
  const { pass, geometry: g } = operation;
  const mask = operation.pass === "weightGrad" ? operation.masks.input : sourceMaskOf(operation);
  const [images, channels, height, width] = mask.shape;
  const plane = height * width;
  const met =
    operation.pass === "weightGrad"
      ? metByImage(g, operation.masks.outputGrad)
      : metByChannel(operation.pass, g, operation.masks.weight);
  const macs = new Float64Array(extentOf(g, axis));
  for (let n = 0; n < images; n++) {
    let bit = n * sliceBytes(mask.shape) * 8;
    for (let c = 0; c < channels; c++) {
      const from = plane * (pass === "weightGrad" ? n * g.groups + Math.floor(c / (channels / g.groups)) : c);
      let sum = 0;
      for (let i = 0; i < plane; i++, bit++) if ((mask.bytes[bit >> 3] >> (bit & 7)) & 1) sum += met[from + i];
      macs[axis === "images" ? n : c] += sum;
    }
  }
  return macs;
}

/** [C, H, W] or (inputGrad) [K, P, Q]: nonzero weights that an element of the channel meets at that place. */
function metByChannel(pass: "forward" | "inputGrad", g: ConvGeometry, weight: BitMask): Float64Array {
  const isForward = pass === "forward";
  const weights = weightCounts(g, weight, isForward ? "filters" : "channels");
  const channels = isForward ? g.C : g.K;
  const plane = isForward ? g.H * g.W : outputHeight(g) * outputWidth(g);
  const met = new Float64Array(channels * plane);
  eachPair(g, (tap, input, output) => {
    const at = isForward ? input : output;
    for (let c = 0; c < channels; c++) met[c * plane + at] += weights[c * g.R * g.S + tap];
  });
  return met;
}

/** [N, groups, H, W]: nonzero outputGrads that an input element of the group meets at that place. */
function metByImage(g: ConvGeometry, outputGrad: BitMask): Float64Array {
  const [inputs, outputs] = [g.H * g.W, outputHeight(g) * outputWidth(g)];
  const grads = countOverChannels(outputGrad, g.N, g.groups, g.K / g.groups, outputs);
  const met = new Float64Array(g.N * g.groups * inputs);
  eachPair(g, (_, input, output) => {
    for (let plane = 0; plane < g.N * g.groups; plane++) met[plane * inputs + input] += grads[plane * outputs + output];
  });
  return met;
}

/** Visits every kernel position at every window where it lies inside the image: positions on the input and on the output plane. */
function eachPair(g: ConvGeometry, visit: (tap: number, input: number, output: number) => void): void {
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  for (let tap = 0; tap < g.R * g.S; tap++) {
    const [r, s] = [Math.floor(tap / g.S), tap % g.S];
    for (let p = 0; p < P; p++) {
      const h = p * g.stride[0] + r * g.dilation[0] - g.padding[0];
      if (h < 0 || h >= g.H) continue;
      for (let q = 0; q < Q; q++) {
        const w = q * g.stride[1] + s * g.dilation[1] - g.padding[2];
        if (w >= 0 && w < g.W) visit(tap, h * g.W + w, p * Q + q);
      }
    }
  }
}

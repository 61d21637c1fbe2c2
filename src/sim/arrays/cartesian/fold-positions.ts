/**
 * A weight gradient as outer products: at each output position every input of its window meets every gradient, and all products
 * land in a weight. It is the weight gradient of a fully connected layer with as many images as there are output positions. The inputs
 * of a window, laid out once for each kernel position, are spread over planes of at most 16×16, all of the same size.
 */
import { type BitMask, fullMask, getBit, isMarkedFull, setBit, zerosMask } from "../../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import type { Operation, OperationOf } from "../../operation/operation.ts";

const SIDE = 16;

/** The weight gradient of one group, folded. */
export function foldPositions(operation: OperationOf<"weightGrad">, group: number): Operation {
  const { geometry: g, masks } = operation;
  const positions = g.N * outputHeight(g) * outputWidth(g);
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const [planes, height, width] = planesOf(inputs * g.R * g.S);
  const geometry: ConvGeometry = {
    ...{ N: positions, C: planes, H: height, W: width, K: outputs, R: height, S: width },
    ...{ stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
  };
  const input = windows(masks.input, g, group, operation.paddingAsNonzeros === true);
  const outputGrad = gradients(masks.outputGrad, g, group);
  return { ...operation, geometry, masks: { input, outputGrad } };
}

/** Planes for `elements` inputs, and their rows and columns. */
function planesOf(elements: number): [planes: number, height: number, width: number] {
  const planes = Math.ceil(elements / SIDE ** 2);
  return [planes, SIDE, Math.ceil(elements / planes / SIDE)];
}

/** [positions, planes, height, width]: the inputs of each window, taps innermost, row after row. */
function windows(mask: BitMask, g: ConvGeometry, group: number, solid: boolean): BitMask {
  const [P, Q, inputs] = [outputHeight(g), outputWidth(g), g.C / g.groups];
  const to = zerosMask([g.N * P * Q, ...planesOf(inputs * g.R * g.S)]);
  for (let position = 0; position < g.N * P * Q; position++) {
    const n = Math.floor(position / (P * Q));
    const top = (Math.floor(position / Q) % P) * g.stride[0] - g.padding[0];
    const left = (position % Q) * g.stride[1] - g.padding[2];
    let element = 0;
    for (let c = group * inputs; c < (group + 1) * inputs; c++) {
      for (let r = 0; r < g.R; r++) {
        const y = top + r * g.dilation[0];
        for (let s = 0; s < g.S; s++, element++) {
          const x = left + s * g.dilation[1];
          const inside = y >= 0 && y < g.H && x >= 0 && x < g.W;
          if (inside ? getBit(mask, n, (c * g.H + y) * g.W + x) : solid) setBit(to, position, element);
        }
      }
    }
  }
  return to;
}

/** [positions, filters, 1, 1]. */
function gradients(mask: BitMask, g: ConvGeometry, group: number): BitMask {
  const [size, outputs] = [outputHeight(g) * outputWidth(g), g.K / g.groups];
  if (isMarkedFull(mask)) return fullMask([g.N * size, outputs, 1, 1]);
  const to = zerosMask([g.N * size, outputs, 1, 1]);
  for (let n = 0; n < g.N; n++) {
    for (let k = 0; k < outputs; k++) {
      for (let at = 0; at < size; at++) {
        if (getBit(mask, n, (group * outputs + k) * size + at)) setBit(to, n * size + at, k);
      }
    }
  }
  return to;
}

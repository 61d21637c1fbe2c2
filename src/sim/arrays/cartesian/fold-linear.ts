/**
 * A fully connected layer spread over a plane, so that it occupies more than one processing element: its reduction becomes
 * a convolution of 16×16 inputs with one 16×16 kernel, 256 values a channel, the last channel filled up with zeros. In
 * forward 255 of 256 products are then redundant; the weight gradient, an outer product, has none.
 * Source: DNNsim 4748a600, for forward; backwards, inputGrad is the forward pass of the transposed layer, and weightGrad
 * is folded as forward is.
 */
import { type BitMask, getBit, setBit, zerosMask } from "../../../core/bit-mask.ts";
import type { ConvGeometry } from "../../../core/geometry.ts";
import type { Operation } from "../../operation/operation.ts";

const SIDE = 16;
const PLANE = SIDE * SIDE;

/** Whether the geometry is that of a fully connected layer: one window of one tap, whatever the stride and dilation. */
export function isLinear({ H, W, R, S, padding, groups }: ConvGeometry): boolean {
  return H * W * R * S * groups === 1 && padding.every((extent) => extent === 0);
}

/** The folded operation of a linear layer; a linear inputGrad becomes a forward pass. */
export function foldLinear(operation: Operation): Operation {
  const { pass, geometry: g } = operation;
  const [reduced, filters] = pass === "inputGrad" ? [g.K, g.C] : [g.C, g.K];
  const geometry: ConvGeometry = {
    ...g,
    C: Math.ceil(reduced / PLANE),
    H: SIDE,
    W: SIDE,
    K: filters,
    R: SIDE,
    S: SIDE,
    stride: [1, 1],
    dilation: [1, 1],
  };
  switch (operation.pass) {
    case "forward": {
      const { weight, input } = operation.masks;
      return { ...operation, geometry, masks: { weight: folded(weight), input: folded(input) } };
    }
    case "inputGrad": {
      const { weight, outputGrad } = operation.masks;
      const masks = { weight: folded(transposed(weight)), input: folded(outputGrad) };
      return { ...operation, geometry, pass: "forward", masks };
    }
    case "weightGrad": {
      const { input, outputGrad } = operation.masks;
      return { ...operation, geometry, masks: { input: folded(input), outputGrad } };
    }
  }
}

/** [A, B, 1, 1] as [A, ceil(B / 256), 16, 16], element b at column (b mod 256) div 16 and row b mod 16. */
function folded(mask: BitMask): BitMask {
  const [slices, values] = mask.shape;
  const to = zerosMask([slices, Math.ceil(values / PLANE), SIDE, SIDE]);
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < values; i++) {
      const within = i % PLANE;
      const at = i - within + (within % SIDE) * SIDE + Math.floor(within / SIDE);
      if (getBit(mask, slice, i)) setBit(to, slice, at);
    }
  }
  return to;
}

/** [A, B, 1, 1] as [B, A, 1, 1]. */
function transposed(mask: BitMask): BitMask {
  const [slices, values] = mask.shape;
  const to = zerosMask([values, slices, 1, 1]);
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < values; i++) if (getBit(mask, slice, i)) setBit(to, i, slice);
  }
  return to;
}

/**
 * Folds a strided convolution with few channels to stride 1, so that a first layer fills the lanes: input element
 * (c, h, w) of the padded image goes to channel ((h mod sv) · sh + (w mod sh)) · C + c at (h div sv, w div sh), weights alike.
 * Source: DNNsim 4748a600. Only weights and geometry: the machines that fold do not look at the input.
 */
import { type BitMask, getBit, setBit, zerosMask } from "../../../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, weightShape } from "../../../../core/geometry.ts";
import type { Operation, WeightOperation } from "../../../operation/operation.ts";

/** Geometry of a strided, ungrouped forward pass of at most `mostChannels` channels, folded; of any other operation, its own. */
export function foldStrided({ pass, geometry: g }: Operation, mostChannels: number): ConvGeometry {
  const strided = g.stride[0] > 1 || g.stride[1] > 1;
  if (pass !== "forward" || !strided || g.groups !== 1 || g.C > mostChannels) return g;
  return outputHeight(g) <= 0 || outputWidth(g) <= 0 ? g : foldGeometry(g);
}

/** The same geometry with the weights laid out for it. */
export function foldStridedWeights(
  operation: WeightOperation,
  mostChannels: number,
): { readonly geometry: ConvGeometry; readonly weight: BitMask } {
  const geometry = foldStrided(operation, mostChannels);
  const { weight } = operation.masks;
  if (geometry === operation.geometry) return { geometry, weight };
  return { geometry, weight: foldWeight(weight, operation.geometry, geometry) };
}

/** Geometry of the folded convolution: same output, stride 1, padding and dilation made part of image and kernel. */
function foldGeometry(g: ConvGeometry): ConvGeometry {
  const R = Math.floor(((g.R - 1) * g.dilation[0]) / g.stride[0]) + 1;
  const S = Math.floor(((g.S - 1) * g.dilation[1]) / g.stride[1]) + 1;
  return {
    ...g,
    C: g.C * g.stride[0] * g.stride[1],
    H: outputHeight(g) + R - 1,
    W: outputWidth(g) + S - 1,
    R,
    S,
    stride: [1, 1],
    padding: [0, 0, 0, 0],
    dilation: [1, 1],
  };
}

function foldWeight(weight: BitMask, from: ConvGeometry, to: ConvGeometry): BitMask {
  const folded = zerosMask(weightShape(to));
  for (let k = 0; k < from.K; k++) {
    for (let c = 0; c < from.C; c++) {
      for (let r = 0; r < from.R; r++) {
        for (let s = 0; s < from.S; s++) {
          if (!getBit(weight, k, (c * from.R + r) * from.S + s)) continue;
          const h = r * from.dilation[0];
          const w = s * from.dilation[1];
          const channel = ((h % from.stride[0]) * from.stride[1] + (w % from.stride[1])) * from.C + c;
          const row = Math.floor(h / from.stride[0]);
          setBit(folded, k, (channel * to.R + row) * to.S + Math.floor(w / from.stride[1]));
        }
      }
    }
  }
  return folded;
}

/**
 * Spatial pooling of [N, C, H, W] to [N, C, P, Q] over windows of rows p·stride − padding …, columns likewise.
 *   max:     the first maximum of the window in row-major order; its gradient goes there alone. Padding never wins: a
 *            window without an image element gives −∞ and argmax −1. The first NaN of a window wins over every number.
 *   average: Σ window / (window height · width), padding counted as zeros.
 */
import type { PoolGeometry } from "../../core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../../core/pool-geometry.ts";
import type { Floats } from "../kernels.ts";

/** output [N, C, P, Q] = maximum; `argmax` [N, C, P, Q] = its index into the H × W plane. */
export function maxPoolForward(g: PoolGeometry, input: Floats, output: Floats, argmax: Int32Array): void {
  forEachWindow(g, (plane, index, top, bottom, left, right) => {
    let best = Number.NEGATIVE_INFINITY;
    let where = -1;
    for (let h = top; h < bottom; h++) {
      for (let w = left; w < right; w++) {
        const value = input[plane + h * g.W + w];
        if (where < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
          best = value;
          where = h * g.W + w;
        }
      }
    }
    output[index] = best;
    argmax[index] = where;
  });
}

/** inputGrad at `argmax` += outputGrad. */
export function maxPoolBackward(g: PoolGeometry, outputGrad: Floats, argmax: Int32Array, inputGrad: Floats): void {
  const pixels = poolOutputHeight(g) * poolOutputWidth(g);
  for (let plane = 0; plane < g.N * g.C; plane++) {
    for (let i = plane * pixels; i < (plane + 1) * pixels; i++) {
      if (argmax[i] >= 0) inputGrad[plane * g.H * g.W + argmax[i]] += outputGrad[i];
    }
  }
}

/** output [N, C, P, Q] = mean of each window. */
export function averagePoolForward(g: PoolGeometry, input: Floats, output: Floats): void {
  const area = g.window[0] * g.window[1];
  forEachWindow(g, (plane, index, top, bottom, left, right) => {
    let sum = 0;
    for (let h = top; h < bottom; h++) {
      for (let w = left; w < right; w++) sum += input[plane + h * g.W + w];
    }
    output[index] = sum / area;
  });
}

/** inputGrad of every element of a window += outputGrad / (window height · width). */
export function averagePoolBackward(g: PoolGeometry, outputGrad: Floats, inputGrad: Floats): void {
  const area = g.window[0] * g.window[1];
  forEachWindow(g, (plane, index, top, bottom, left, right) => {
    const share = outputGrad[index] / area;
    for (let h = top; h < bottom; h++) {
      for (let w = left; w < right; w++) inputGrad[plane + h * g.W + w] += share;
    }
  });
}

/** Visits the windows in order of the output: offset of the input plane, output index, rows and columns inside the image. */
function forEachWindow(
  g: PoolGeometry,
  visit: (plane: number, index: number, top: number, bottom: number, left: number, right: number) => void,
): void {
  const P = poolOutputHeight(g);
  const Q = poolOutputWidth(g);
  let index = 0;
  for (let plane = 0; plane < g.N * g.C; plane++) {
    for (let p = 0; p < P; p++) {
      const h = p * g.stride[0] - g.padding[0];
      for (let q = 0; q < Q; q++) {
        const w = q * g.stride[1] - g.padding[2];
        const bottom = Math.min(g.H, h + g.window[0]);
        const right = Math.min(g.W, w + g.window[1]);
        visit(plane * g.H * g.W, index++, Math.max(0, h), bottom, Math.max(0, w), right);
      }
    }
  }
}

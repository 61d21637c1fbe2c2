/**
 * The dense kernel of a build as a matrix product: the forward pass of a 1×1 convolution with M filters and K channels.
 * Columns of B are images side by side (`LANES` of them, as in training) and, beyond those, pixels of a row.
 */

import { linearGeometry } from "../../src/core/geometry.ts";
import { createBackend } from "../../src/kernels/index.ts";
import type { BuildName } from "../../src/kernels/kernels.ts";
import type { Multiplier } from "./product.ts";

const LANES = 32;

/** The forward pass of that build; N has to be a multiple of `LANES`. */
export function ours(name: BuildName): Multiplier {
  return {
    name,
    async prepare({ M, N, K, a, b }) {
      const W = N / LANES;
      const backend = createBackend(name, 1);
      const conv = backend.conv({ ...linearGeometry(LANES, K, M), W });
      const input = backend.tensor([K, 1, W], LANES, [0, 0]);
      const output = backend.tensor([M, 1, W], LANES, [0, 0]);
      backend.write(input, LANES, images(b, K, W));
      conv.setWeight(a);
      return {
        run: () => conv.forward(LANES, input, null, output),
        async result() {
          const values = new Float32Array(M * N);
          backend.read(output, LANES, values);
          return columns(values, M, W);
        },
      };
    },
  };
}

/** Images [LANES, rows, W] of a matrix [rows, LANES × W] whose column is image × W + pixel. */
function images(matrix: Float32Array, rows: number, W: number): Float32Array {
  return swapOuter(matrix, rows, LANES, W);
}

/** The matrix [rows, LANES × W] of images [LANES, rows, W]. */
function columns(values: Float32Array, rows: number, W: number): Float32Array {
  return swapOuter(values, LANES, rows, W);
}

/** [second, first, inner] of values [first, second, inner]. */
function swapOuter(values: Float32Array, first: number, second: number, inner: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < first; i++) {
    for (let j = 0; j < second; j++) {
      const from = (i * second + j) * inner;
      result.set(values.subarray(from, from + inner), (j * first + i) * inner);
    }
  }
  return result;
}

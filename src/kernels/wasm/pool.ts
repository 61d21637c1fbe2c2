/** Pooling layers on blocked tensors (kernels: assembly/pool/pooling.ts). */

import type { PoolGeometry } from "../../core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../../core/pool-geometry.ts";
import type { Pool } from "../backend.ts";
import { type BlockedTensor, blocksOf, lanesFor } from "./layout.ts";
import type { Runner } from "./run/runner.ts";
import { blocked, rowsOf } from "./tensor-arguments.ts";

/** Bytes of a pixel in one unit of work: enough to be worth a call, few enough to share a global pooling among threads. */
const RUN_BYTES = 2048;
const INDEX_BYTES = 4;

/** Max pooling; the places of the maxima are kept from `forward` to `backward`. */
export function createMaxPool(runner: Runner, g: PoolGeometry): Pool {
  const [P, Q] = [poolOutputHeight(g), poolOutputWidth(g)];
  const lanes = lanesFor(g.N);
  const argmax = runner.allocate(Math.ceil(g.N / lanes) * P * Q * g.C * lanes * INDEX_BYTES);
  return {
    forward(batch, input, output) {
      const [x, y] = [blocked(input), blocked(output)];
      const { sizes, runs } = sizesOf(g, P, Q, x);
      const units = blocksOf(x, batch) * P * runs;
      runner.run("maxPool", units, ...sizes, lanes, batch, ...rowsOf(x), ...rowsOf(y), argmax);
    },
    backward(batch, outputGrad, inputGrad, accumulate) {
      const [dy, dx] = [blocked(outputGrad), blocked(inputGrad)];
      const { sizes, runs } = sizesOf(g, P, Q, dx);
      const units = blocksOf(dx, batch) * g.H * runs;
      runner.run("maxPoolBackward", units, ...sizes, accumulate ? 1 : 0, ...rowsOf(dy), argmax, ...rowsOf(dx));
    },
  };
}

/** Average pooling; global where the window is [H, W]. */
export function createAveragePool(runner: Runner, g: PoolGeometry): Pool {
  const [P, Q] = [poolOutputHeight(g), poolOutputWidth(g)];
  return {
    forward(batch, input, output) {
      const [x, y] = [blocked(input), blocked(output)];
      const { sizes, runs } = sizesOf(g, P, Q, x);
      runner.run("averagePool", blocksOf(x, batch) * P * runs, ...sizes, ...rowsOf(x), ...rowsOf(y));
    },
    backward(batch, outputGrad, inputGrad, accumulate) {
      const [dy, dx] = [blocked(outputGrad), blocked(inputGrad)];
      const { sizes, runs } = sizesOf(g, P, Q, dx);
      const units = blocksOf(dx, batch) * g.H * runs;
      runner.run("averagePoolBackward", units, ...sizes, accumulate ? 1 : 0, ...rowsOf(dy), ...rowsOf(dx));
    },
  };
}

/** The arguments that all four kernels begin with, and how many runs a pixel has. */
function sizesOf(g: PoolGeometry, P: number, Q: number, { pixelBytes }: BlockedTensor) {
  const runs = Math.ceil(pixelBytes / RUN_BYTES);
  const corner = [g.padding[0], g.padding[2]];
  return { runs, sizes: [g.H, g.W, P, Q, ...g.window, ...g.stride, ...corner, pixelBytes, RUN_BYTES, runs] };
}

/** Pooling layers on blocked tensors (kernels: assembly/pool/pooling.ts). */

import type { PoolGeometry } from "../../core/pool-geometry.ts";
import { poolOutputHeight, poolOutputWidth } from "../../core/pool-geometry.ts";
import type { Pool } from "../backend.ts";
import { type BlockedTensor, lanesFor } from "./layout.ts";
import { PoolRecord } from "./records/layers.ts";
import { createRecord } from "./records/record.ts";
import type { Runner } from "./run/runner.ts";
import { blocked, rowCount } from "./tensor-arguments.ts";

/** Bytes of a pixel in one unit of work: enough to be worth a call, few enough to share a global pooling among threads. */
const RUN_BYTES = 2048;
const INDEX_BYTES = 4;
const FLOAT_BYTES = 4;

/** Max pooling; the places of the maxima are kept from `forward` to `backward`. */
export function createMaxPool(runner: Runner, g: PoolGeometry): Pool {
  const lanes = lanesFor(g.N);
  const outputs = poolOutputHeight(g) * poolOutputWidth(g) * g.C;
  const argmax = runner.allocate(Math.ceil(g.N / lanes) * outputs * lanes * INDEX_BYTES);
  const { record, units } = describe(runner, g, argmax);
  return {
    forward(batch, input, output) {
      const [x, y] = [blocked(input), blocked(output)];
      runner.run("maxPool", units(y, batch), record, x.record, y.record, batch);
    },
    backward(batch, outputGrad, inputGrad, accumulate) {
      const [dy, dx] = [blocked(outputGrad), blocked(inputGrad)];
      runner.run("maxPoolBackward", units(dx, batch), record, dy.record, dx.record, accumulate ? 1 : 0);
    },
  };
}

/** Average pooling; global where the window is [H, W]. */
export function createAveragePool(runner: Runner, g: PoolGeometry): Pool {
  const { record, units } = describe(runner, g, 0);
  return {
    forward(batch, input, output) {
      const [x, y] = [blocked(input), blocked(output)];
      runner.run("averagePool", units(y, batch), record, x.record, y.record);
    },
    backward(batch, outputGrad, inputGrad, accumulate) {
      const [dy, dx] = [blocked(outputGrad), blocked(inputGrad)];
      runner.run("averagePoolBackward", units(dx, batch), record, dy.record, dx.record, accumulate ? 1 : 0);
    },
  };
}

/** The record of a layer, and the units of a kernel that writes a tensor: its rows, times the runs of a pixel. */
function describe(runner: Runner, g: PoolGeometry, argmax: number) {
  const runs = Math.ceil((g.C * lanesFor(g.N) * FLOAT_BYTES) / RUN_BYTES);
  const [windowRows, windowColumns] = g.window;
  const [strideRows, strideColumns] = g.stride;
  const [top, , left] = g.padding;
  const shape = { windowRows, windowColumns, strideRows, strideColumns, top, left };
  const record = createRecord(runner, PoolRecord, { ...shape, runBytes: RUN_BYTES, runs, argmax });
  return { record, units: (written: BlockedTensor, batch: number) => rowCount(written, batch) * runs };
}

/** Batch norm on blocked tensors: the order of the kernels of assembly/norm/batch-norm*.ts and the memory between them. */
import type { BatchNorm, RunningStatistics, Tensor } from "../backend.ts";
import { floatsAt } from "./arrays.ts";
import { type BlockedTensor, blocksOf, lanesFor } from "./layout.ts";
import { FACTORS_BYTES, NormRecord, SAVED_BYTES, SUMS_BYTES } from "./records/layers.ts";
import { createRecord } from "./records/record.ts";
import type { Runner } from "./run/runner.ts";
import { blocked, rowCount } from "./tensor-arguments.ts";

const FLOAT_BYTES = 4;

/** Batch norm with room for `maxBatch` images; `workSpace` may be shared, as nothing in it outlives a call. */
export function createBatchNorm(
  runner: Runner,
  workSpace: (bytes: number) => number,
  [C, H, W]: Tensor["shape"],
  maxBatch: number,
): BatchNorm {
  const rows = Math.ceil(maxBatch / lanesFor(maxBatch)) * H;
  const factors = runner.allocate(C * FACTORS_BYTES);
  const saved = runner.allocate(C * SAVED_BYTES);
  const shifts = runner.allocate(C * FLOAT_BYTES);
  // Parameters are copied here and results from here: they are small, and callers may keep them anywhere.
  const [gammas, betas, means, variances] = [0, 1, 2, 3].map(() => runner.allocate(C * FLOAT_BYTES));
  const parameters = { gamma: gammas, beta: betas, mean: means, variance: variances };
  // The backward pass reads neither β nor the running means.
  const gradients = { gammaGrad: means, betaGrad: betas };
  const norm = createRecord(runner, NormRecord, { C, ...parameters, ...gradients, shifts, saved, factors });
  const floats = (address: number) => floatsAt(runner, address, C);
  workSpace(rows * C * SUMS_BYTES);

  function takeParameters(gamma: Float32Array, beta: Float32Array, running: RunningStatistics): void {
    floats(gammas).set(gamma);
    floats(betas).set(beta);
    floats(means).set(running.mean);
    floats(variances).set(running.variance);
  }

  function apply(batch: number, input: BlockedTensor, output: BlockedTensor): void {
    runner.run("normApply", rowCount(input, batch), input.record, output.record, batch, factors);
  }

  /** Whether the statistics could be trusted; at the `last` attempt they can. */
  function statistics(batch: number, input: BlockedTensor, running: RunningStatistics, last: boolean): boolean {
    const units = rowCount(input, batch);
    const sums = workSpace(units * C * SUMS_BYTES);
    runner.run("normStatistics", units, input.record, batch, shifts, sums);
    const { momentum, epsilon } = running;
    const done = runner.call("normFinish", norm, sums, units, batch * H * W, momentum, epsilon, last ? 1 : 0);
    return done === 1;
  }

  return {
    train(batch, input, gamma, beta, running, output) {
      const x = blocked(input);
      takeParameters(gamma, beta, running);
      // The middle of the image is untouched by padding, and so a fair first guess of the mean.
      const middle = x.origin + (H >> 1) * x.rowBytes + (W >> 1) * x.pixelBytes;
      runner.call("normShifts", x.record, Math.min(batch, x.lanes), middle, shifts);
      if (!statistics(batch, x, running, false)) statistics(batch, x, running, true);
      running.mean.set(floats(means));
      running.variance.set(floats(variances));
      apply(batch, x, blocked(output));
    },
    evaluate(batch, input, gamma, beta, running, output) {
      takeParameters(gamma, beta, running);
      runner.call("normEvaluate", norm, running.epsilon);
      apply(batch, blocked(input), blocked(output));
    },
    backward(batch, input, gamma, outputGrad, inputGrad, accumulate, gammaGrad, betaGrad) {
      const [x, dy, dx] = [blocked(input), blocked(outputGrad), blocked(inputGrad)];
      const units = blocksOf(x, batch) * H;
      const sums = workSpace(units * C * SUMS_BYTES);
      floats(gammas).set(gamma);
      // `factors` may be those of an evaluation: the mean comes from what `train` has saved.
      runner.call("normGradMeans", norm);
      runner.run("normGradStatistics", units, x.record, dy.record, factors, sums);
      runner.call("normGradFinish", norm, sums, units, batch * H * W);
      gammaGrad.set(floats(means));
      betaGrad.set(floats(betas));
      const add = accumulate ? 1 : 0;
      runner.run("normInputGrad", units, x.record, dy.record, dx.record, batch, add, factors);
    },
  };
}

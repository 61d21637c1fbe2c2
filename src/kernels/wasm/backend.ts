/** The SIMD builds as a backend: what is not worth a file of its own, and the files that are, over one runner. */
import type { Backend, Signs } from "../backend.ts";
import { jsKernels } from "../js/index.ts";
import { adamFactors } from "../reference/adamw.ts";
import { crossEntropy } from "../reference/cross-entropy.ts";
import { dropoutBound, dropoutScale } from "../reference/dropout.ts";
import { createArrays, createWorkSpace } from "./arrays.ts";
import { createBatchNorm } from "./batch-norm.ts";
import { createConv } from "./conv/conv.ts";
import { floatAtLeast } from "./float-threshold.ts";
import { lanesFor, layOut, layOutShared } from "./layout.ts";
import { createAveragePool, createMaxPool } from "./pool.ts";
import type { Runner } from "./run/runner.ts";
import { blocked, rowCount } from "./tensor-arguments.ts";
import { createTensorIo } from "./tensor-io.ts";
import { createTopK } from "./top-k.ts";

/** Floats of one unit of work of kernels on arrays (assembly/elementwise/). */
const CHUNK = 4096;
const WORD_BYTES = 4;
/** Elements whose signs are in a word; each row begins with a word of its own. */
const SIGNS_A_WORD = 32;

/** One bit for each element, row by row of blocks. */
interface BlockedSigns extends Signs {
  readonly address: number;
}

/**
 * The kernels of a WebAssembly build. Kernels on parameters run on arrays of its own `floats`; arrays from elsewhere are
 * given to the JavaScript ones, which give the same bits.
 */
export function createSimdBackend(runner: Runner): Backend {
  const arrays = createArrays(runner);
  const workSpace = createWorkSpace(runner);
  const topK = createTopK(runner);
  const io = createTensorIo(runner);

  return {
    name: runner.name,
    threads: runner.threads,
    close: runner.close,
    floats: arrays.floats,
    tensor: (shape, maxBatch, halo) => layOut(runner, shape, maxBatch, halo),
    tensors: (plans, maxBatch) => layOutShared(runner, plans, maxBatch),
    claim(tensor) {
      const { record, halo, blocks } = blocked(tensor);
      if (halo[0] > 0 || halo[1] > 0) runner.run("clearHalo", blocks, record, ...halo);
    },
    ...io,
    conv: (g) => createConv(runner, g),
    batchNorm: (shape, maxBatch) => createBatchNorm(runner, workSpace, shape, maxBatch),
    maxPool: (g) => createMaxPool(runner, g),
    averagePool: (g) => createAveragePool(runner, g),

    signs(shape, maxBatch): BlockedSigns {
      const lanes = lanesFor(maxBatch);
      const rowBytes = Math.ceil((shape[0] * shape[2] * lanes) / SIGNS_A_WORD) * WORD_BYTES;
      return { maxBatch, address: runner.allocate(Math.ceil(maxBatch / lanes) * shape[1] * rowBytes) };
    },
    relu(batch, input, output, signs, cap = Infinity) {
      const [x, y] = [blocked(input), blocked(output)];
      const address = signs === null ? 0 : (signs as BlockedSigns).address;
      runner.run("relu", rowCount(x, batch), x.record, y.record, address, cap);
    },
    reluBackward(batch, signs, outputGrad, inputGrad, accumulate) {
      const [dy, dx] = [blocked(outputGrad), blocked(inputGrad)];
      const { address } = signs as BlockedSigns;
      runner.run("reluBackward", rowCount(dy, batch), address, dy.record, dx.record, accumulate ? 1 : 0);
    },
    add(batch, a, b, output) {
      const [p, q, y] = [blocked(a), blocked(b), blocked(output)];
      runner.run("add", rowCount(p, batch), p.record, q.record, y.record);
    },
    copy(batch, source, target, accumulate) {
      const [x, y] = [blocked(source), blocked(target)];
      if (accumulate) runner.run("add", rowCount(x, batch), x.record, y.record, y.record);
      else runner.run("copyRows", rowCount(x, batch), x.record, y.record);
    },
    copyChannels(batch, channels, source, target, accumulate) {
      const [x, y] = [blocked(source), blocked(target)];
      const channelBytes = x.pixelBytes / x.shape[0];
      const bytes = [channels.source, channels.target, channels.count].map((count) => count * channelBytes);
      runner.run("copyPixels", rowCount(x, batch), x.record, y.record, ...bytes, accumulate ? 1 : 0);
    },
    dropout(batch, rate, stream, source, target, accumulate) {
      const [x, y] = [blocked(source), blocked(target)];
      const { key, counter } = stream.origin;
      const draws = [dropoutBound(rate), dropoutScale(rate), ...key, ...counter];
      runner.run("dropout", rowCount(x, batch), x.record, y.record, ...draws, batch, accumulate ? 1 : 0);
    },

    crossEntropy(batch, logits, labels, smoothing, logitsGrad) {
      // A few numbers for each image: exponentials in double precision cost nothing here.
      const classes = logits.shape[0];
      const values = new Float32Array(batch * classes);
      const grad = new Float32Array(batch * classes);
      io.read(logits, batch, values);
      const loss = crossEntropy(batch, classes, values, labels, smoothing, grad);
      io.write(logitsGrad, batch, grad);
      return loss;
    },
    sgdUpdate(settings, parameter, gradient, buffer) {
      const { learningRate, momentum, nesterov, weightDecay } = settings;
      const [p, g] = [arrays.addressOf(parameter), arrays.addressOf(gradient)];
      // Without momentum there need not be a buffer.
      const v = momentum === 0 ? 0 : arrays.addressOf(buffer);
      if (p === undefined || g === undefined || v === undefined) {
        jsKernels.sgdUpdate(settings, parameter, gradient, buffer);
        return;
      }
      const size = parameter.length;
      const factors = [learningRate, momentum, nesterov ? 1 : 0, weightDecay];
      runner.run("sgdUpdate", Math.ceil(size / CHUNK), size, ...factors, p, g, v);
    },
    adamUpdate(settings, parameter, gradient, mean, square) {
      const [p, g, m, v] = [parameter, gradient, mean, square].map(arrays.addressOf);
      if (p === undefined || g === undefined || m === undefined || v === undefined) {
        jsKernels.adamUpdate(settings, parameter, gradient, mean, square);
        return;
      }
      const { keep, beta1, beta2, rate, root, epsilon } = adamFactors(settings);
      const factors = [keep, beta1, beta2, rate, root, epsilon];
      const size = parameter.length;
      runner.run("adamUpdate", Math.ceil(size / CHUNK), size, ...factors, p, g, m, v);
    },

    topK(values, k, hint) {
      const address = arrays.addressOf(values);
      if (address === undefined) return jsKernels.topKThreshold(values, values.length, k);
      return topK.ofFloats(address, values.length, k, hint);
    },
    topKOf: (tensor, batch, k, hint) => topK.ofTensor(blocked(tensor), batch, k, hint),
    applyThreshold(values, threshold, output) {
      const [source, target] = [arrays.addressOf(values), arrays.addressOf(output)];
      if (source === undefined || target === undefined) {
        jsKernels.applyThreshold(values, values.length, threshold, output);
        return;
      }
      const size = values.length;
      runner.run("applyThreshold", Math.ceil(size / CHUNK), size, floatAtLeast(threshold), source, target);
    },
    select(batch, source, threshold, target) {
      const [x, y] = [blocked(source), blocked(target)];
      runner.run("selectRows", rowCount(x, batch), x.record, y.record, floatAtLeast(threshold));
    },
  };
}

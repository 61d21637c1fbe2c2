/** Puts kernels that work on plain [N, C, H, W] arrays behind the interface of a backend. */

import { type BitMask, countNonzeros, sliceBytes, sliceSize, zerosMask } from "../core/bit-mask.ts";
import type { ConvGeometry } from "../core/geometry.ts";
import { sizeOf } from "../core/geometry.ts";
import type { PoolGeometry } from "../core/pool-geometry.ts";
import type { Backend, Conv, Pool, RunningStatistics, Signs, Tensor, TensorPlan } from "./backend.ts";
import type { Floats, Kernels, NormGeometry } from "./kernels.ts";
import { copyChannels } from "./reference/channels.ts";
import { dropout } from "./reference/dropout.ts";
import { placeSpans } from "./span-placement.ts";
import { SparseValues } from "./sparse-values.ts";

/** A tensor whose memory is one array in C order. */
interface PlainTensor extends Tensor {
  readonly values: Floats;
}

/** 1 for a positive element, which is an output like any other to the kernel that goes back. */
interface PlainSigns extends Signs {
  readonly positive: Uint8Array;
}

/** A backend on one thread that runs `kernels`. */
export function plainBackend(kernels: Kernels): Backend {
  return {
    name: kernels.name,
    threads: 1,
    close: () => undefined,
    floats: (size) => new Float32Array(size),
    tensor: (shape, maxBatch): PlainTensor => ({ shape, maxBatch, values: new Float32Array(maxBatch * sizeOf(shape)) }),
    tensors: shareMemory,
    claim: () => undefined,
    write: (tensor, batch, values) => valuesOf(tensor).set(values.subarray(0, sizeIn(tensor, batch))),
    read: (tensor, batch, values) => values.set(valuesOf(tensor).subarray(0, sizeIn(tensor, batch))),
    mask,
    conv: (g) => conv(kernels, g),
    batchNorm: (shape) => batchNorm(kernels, shape),
    maxPool: (g) => maxPool(kernels, g),
    averagePool: (g) => averagePool(kernels, g),
    signs: (shape, maxBatch): PlainSigns => ({ maxBatch, positive: new Uint8Array(maxBatch * sizeOf(shape)) }),
    relu(batch, input, output, signs, cap = Infinity) {
      const [size, values] = [sizeIn(input, batch), valuesOf(output)];
      kernels.reluForward(size, valuesOf(input), values, cap);
      if (signs === null) return;
      const { positive } = signs as PlainSigns;
      for (let i = 0; i < size; i++) positive[i] = values[i] > 0 && values[i] < cap ? 1 : 0;
    },
    reluBackward(batch, signs, outputGrad, inputGrad, accumulate) {
      const { positive } = signs as PlainSigns;
      const grad = apart(outputGrad, inputGrad);
      const target = gradient(inputGrad, batch, accumulate);
      kernels.reluBackward(sizeIn(outputGrad, batch), positive, grad, target);
    },
    add: (batch, a, b, output) => kernels.addForward(sizeIn(a, batch), valuesOf(a), valuesOf(b), valuesOf(output)),
    copy(batch, source, target, accumulate) {
      kernels.accumulate(sizeIn(source, batch), valuesOf(source), gradient(target, batch, accumulate));
    },
    copyChannels(batch, channels, source, target, accumulate) {
      const [from, to] = [source.shape, target.shape];
      copyChannels(batch, channels, from, valuesOf(source), to, valuesOf(target), accumulate);
    },
    dropout(batch, rate, stream, source, target, accumulate) {
      dropout(batch, sizeOf(source.shape), rate, stream, valuesOf(source), valuesOf(target), accumulate);
    },
    crossEntropy: (batch, logits, labels, smoothing, logitsGrad) =>
      kernels.crossEntropy(
        batch,
        sizeOf(logits.shape),
        valuesOf(logits),
        labels,
        smoothing,
        valuesOf(logitsGrad).subarray(0, sizeIn(logits, batch)),
      ),
    sgdUpdate: kernels.sgdUpdate,
    adamUpdate: kernels.adamUpdate,
    topK: (values, k) => kernels.topKThreshold(values, values.length, k),
    topKOf: (tensor, batch, k) => kernels.topKThreshold(valuesOf(tensor), sizeIn(tensor, batch), k),
    applyThreshold: (values, threshold, output) => kernels.applyThreshold(values, values.length, threshold, output),
    select: (batch, source, threshold, target) =>
      kernels.applyThreshold(valuesOf(source), sizeIn(source, batch), threshold, valuesOf(target)),
  };
}

function shareMemory(plans: readonly TensorPlan[], maxBatch: number): PlainTensor[] {
  const sizes = plans.map(({ shape }) => maxBatch * sizeOf(shape));
  const { offsets, bytes } = placeSpans(
    plans.map(({ from, to }, i) => ({ bytes: sizes[i] * Float32Array.BYTES_PER_ELEMENT, from, to })),
  );
  const memory = new ArrayBuffer(bytes);
  return plans.map(({ shape }, i) => ({ shape, maxBatch, values: new Float32Array(memory, offsets[i], sizes[i]) }));
}

function valuesOf(tensor: Tensor): Floats {
  return (tensor as PlainTensor).values;
}

function sizeIn(tensor: Tensor, batch: number): number {
  return batch * sizeOf(tensor.shape);
}

/** What a kernel that adds may add to: cleared unless it accumulates. */
function gradient(tensor: Tensor, batch: number, accumulate: boolean): Floats {
  const values = valuesOf(tensor);
  if (!accumulate) values.fill(0, 0, sizeIn(tensor, batch));
  return values;
}

/** The values of a tensor, a copy of them where `target` is the same tensor: kernels that add begin with zeros. */
function apart(source: Tensor, target: Tensor): Floats {
  return source === target ? valuesOf(source).slice() : valuesOf(source);
}

function mask(tensor: Tensor, batch: number, threshold: number): BitMask {
  const result = zerosMask([batch, ...tensor.shape]);
  const size = sliceSize(result.shape);
  const stride = sliceBytes(result.shape);
  const values = valuesOf(tensor);
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < size; i++) {
      const value = values[n * size + i];
      if (value !== 0 && !(Math.abs(value) < threshold)) result.bytes[n * stride + (i >> 3)] |= 1 << (i & 7);
    }
  }
  return result;
}

function conv(kernels: Kernels, largest: ConvGeometry): Conv {
  const geometries = new Map<number, ConvGeometry>();
  const geometry = (batch: number) => {
    const known = geometries.get(batch) ?? { ...largest, N: batch };
    geometries.set(batch, known);
    return known;
  };
  let weight: Floats = new Float32Array();
  let keptWeight: Floats = new Float32Array();
  const saved = new SparseValues();
  return {
    setWeight(values, threshold = 0) {
      weight = values;
      if (threshold > 0) {
        if (keptWeight.length === 0) keptWeight = new Float32Array(values.length);
        kernels.applyThreshold(values, values.length, threshold, keptWeight);
        weight = keptWeight;
      }
      return countNonzeros(weight);
    },
    forward(batch, input, bias, output) {
      kernels.convForward(geometry(batch), valuesOf(input), weight, bias, valuesOf(output));
    },
    inputGrad(batch, outputGrad, inputGrad, accumulate) {
      const target = gradient(inputGrad, batch, accumulate);
      kernels.convInputGrad(geometry(batch), valuesOf(outputGrad), weight, target);
    },
    weightGrad(batch, outputGrad, input, threshold, weightGrad) {
      if (threshold > 0) saved.take(valuesOf(input), sizeIn(input, batch), threshold);
      const values = threshold > 0 ? saved.spread() : valuesOf(input);
      weightGrad.fill(0);
      kernels.convWeightGrad(geometry(batch), valuesOf(outputGrad), values, weightGrad);
    },
    saveInput: (batch, input, threshold) => saved.take(valuesOf(input), sizeIn(input, batch), threshold),
    savedWeightGrad(batch, outputGrad, weightGrad) {
      weightGrad.fill(0);
      kernels.convWeightGrad(geometry(batch), valuesOf(outputGrad), saved.spread(), weightGrad);
    },
    biasGrad(batch, outputGrad, biasGrad) {
      biasGrad.fill(0);
      kernels.biasGrad(geometry(batch), valuesOf(outputGrad), biasGrad);
    },
  };
}

function batchNorm(kernels: Kernels, [C, H, W]: Tensor["shape"]): ReturnType<Backend["batchNorm"]> {
  const geometry = (batch: number): NormGeometry => ({ N: batch, C, pixels: H * W });
  const mean = new Float32Array(C);
  const invStd = new Float32Array(C);
  const settings = ({ epsilon, momentum, mean: m, variance }: RunningStatistics) =>
    [epsilon, momentum, m, variance] as const;
  return {
    train(batch, input, gamma, beta, running, output) {
      const values = [valuesOf(input), gamma, beta] as const;
      kernels.batchNormTrain(geometry(batch), ...values, ...settings(running), mean, invStd, valuesOf(output));
    },
    evaluate(batch, input, gamma, beta, { epsilon, mean: m, variance }, output) {
      const values = [valuesOf(input), gamma, beta] as const;
      kernels.batchNormEval(geometry(batch), ...values, epsilon, m, variance, valuesOf(output));
    },
    backward(batch, input, gamma, outputGrad, inputGrad, accumulate, gammaGrad, betaGrad) {
      gammaGrad.fill(0);
      betaGrad.fill(0);
      const values = [valuesOf(input), gamma, mean, invStd, apart(outputGrad, inputGrad)] as const;
      const target = gradient(inputGrad, batch, accumulate);
      kernels.batchNormBackward(geometry(batch), ...values, target, gammaGrad, betaGrad);
    },
  };
}

function maxPool(kernels: Kernels, largest: PoolGeometry): Pool {
  let argmax = new Int32Array();
  return {
    forward(batch, input, output) {
      const values = valuesOf(output);
      if (argmax.length === 0) argmax = new Int32Array(values.length);
      kernels.maxPoolForward({ ...largest, N: batch }, valuesOf(input), values, argmax);
    },
    backward(batch, outputGrad, inputGrad, accumulate) {
      const target = gradient(inputGrad, batch, accumulate);
      kernels.maxPoolBackward({ ...largest, N: batch }, valuesOf(outputGrad), argmax, target);
    },
  };
}

function averagePool(kernels: Kernels, largest: PoolGeometry): Pool {
  return {
    forward(batch, input, output) {
      kernels.averagePoolForward({ ...largest, N: batch }, valuesOf(input), valuesOf(output));
    },
    backward(batch, outputGrad, inputGrad, accumulate) {
      const target = gradient(inputGrad, batch, accumulate);
      kernels.averagePoolBackward({ ...largest, N: batch }, valuesOf(outputGrad), target);
    },
  };
}

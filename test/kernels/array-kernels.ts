/**
 * A backend seen as kernels on plain [N, C, H, W] arrays, so that one test holds every build, layout and all: each call
 * puts its arrays into tensors of the backend's and reads the result back. Tensors have room for more images than a
 * call uses, and every gradient is produced with `accumulate`, as the interface of plain kernels adds.
 */

import { type ConvGeometry, inputHalo, outputGradHalo, outputHeight, outputWidth } from "../../src/core/geometry.ts";
import type { PoolGeometry } from "../../src/core/pool-geometry.ts";
import type { Backend, BatchNorm, Halo, Pool, Tensor } from "../../src/kernels/backend.ts";
import type { Floats, Kernels, NormGeometry } from "../../src/kernels/kernels.ts";

/** The kernels of `backend`. */
export function arrayKernels(backend: Backend): Kernels {
  const norms = new WeakMap<Floats, BatchNorm>();
  const pools = new WeakMap<Int32Array, Pool>();
  const NONE: Halo = [0, 0];
  const spare = (batch: number) => batch + 1;

  function tensor(shape: Tensor["shape"], batch: number, halo: Halo, values?: Floats): Tensor {
    const made = backend.tensor(shape, spare(batch), halo);
    if (values !== undefined) backend.write(made, batch, values);
    return made;
  }
  function own(values: Floats): Floats {
    const copy = backend.floats(values.length);
    copy.set(values);
    return copy;
  }
  const addInto = (target: Floats, values: Floats) => {
    for (let i = 0; i < values.length; i++) target[i] += values[i];
  };
  const conv = (g: ConvGeometry) => backend.conv({ ...g, N: spare(g.N) });
  const input = (g: ConvGeometry, values?: Floats) => tensor([g.C, g.H, g.W], g.N, inputHalo(g), values);
  const output = (g: ConvGeometry, values?: Floats) =>
    tensor([g.K, outputHeight(g), outputWidth(g)], g.N, outputGradHalo(g), values);
  const image = ({ N, C, pixels }: NormGeometry, values?: Floats) => tensor([C, 1, pixels], N, NONE, values);
  const flat = (size: number, values?: Floats) => tensor([size, 1, 1], 1, NONE, values);
  const pooled = (g: PoolGeometry, values?: Floats) => {
    const [P, Q] = [0, 1].map((axis) => {
      const extent = axis === 0 ? g.H : g.W;
      const padding = g.padding[2 * axis] + g.padding[2 * axis + 1];
      return Math.floor((extent + padding - g.window[axis]) / g.stride[axis]) + 1;
    });
    return tensor([g.C, P, Q], g.N, NONE, values);
  };

  return {
    name: backend.name,
    convForward(g, values, weight, bias, result) {
      const target = output(g);
      const plan = conv(g);
      plan.setWeight(own(weight));
      plan.forward(g.N, input(g, values), bias === null ? null : own(bias), target);
      backend.read(target, g.N, result);
    },
    convInputGrad(g, outputGrad, weight, inputGrad) {
      const target = input(g, inputGrad);
      const plan = conv(g);
      plan.setWeight(own(weight));
      plan.inputGrad(g.N, output(g, outputGrad), target, true);
      backend.read(target, g.N, inputGrad);
    },
    convWeightGrad(g, outputGrad, values, weightGrad) {
      // Any threshold below the smallest magnitude keeps everything and takes the path of sparse inputs.
      const smallest = values.reduce((least, v) => (v === 0 ? least : Math.min(least, Math.abs(v))), 1);
      const sparse = values.some((value) => value === 0);
      const result = backend.floats(weightGrad.length);
      conv(g).weightGrad(g.N, output(g, outputGrad), input(g, values), sparse ? smallest : 0, result);
      addInto(weightGrad, result);
    },
    biasGrad(g, outputGrad, biasGrad) {
      const result = backend.floats(g.K);
      conv(g).biasGrad(g.N, output(g, outputGrad), result);
      addInto(biasGrad, result);
    },

    batchNormTrain(g, values, gamma, beta, epsilon, momentum, runningMean, runningVariance, mean, invStd, result) {
      const norm = backend.batchNorm([g.C, 1, g.pixels], spare(g.N));
      const running = { mean: own(runningMean), variance: own(runningVariance), momentum, epsilon };
      const target = image(g);
      norm.train(g.N, image(g, values), own(gamma), own(beta), running, target);
      backend.read(target, g.N, result);
      runningMean.set(running.mean);
      runningVariance.set(running.variance);
      norms.set(mean, norm);
      invStd.fill(Number.NaN);
    },
    batchNormEval(g, values, gamma, beta, epsilon, mean, variance, result) {
      const target = image(g);
      const running = { mean: own(mean), variance: own(variance), momentum: 0, epsilon };
      const norm = backend.batchNorm([g.C, 1, g.pixels], spare(g.N));
      norm.evaluate(g.N, image(g, values), own(gamma), own(beta), running, target);
      backend.read(target, g.N, result);
    },
    batchNormBackward(g, values, gamma, mean, _invStd, outputGrad, inputGrad, gammaGrad, betaGrad) {
      const norm = norms.get(mean);
      if (norm === undefined) throw new Error("batchNormBackward: no batchNormTrain has written this mean");
      const target = image(g, inputGrad);
      const grads = [backend.floats(g.C), backend.floats(g.C)] as const;
      norm.backward(g.N, image(g, values), own(gamma), image(g, outputGrad), target, true, ...grads);
      backend.read(target, g.N, inputGrad);
      addInto(gammaGrad, grads[0]);
      addInto(betaGrad, grads[1]);
    },

    reluForward(size, values, result, cap) {
      const target = flat(size);
      backend.relu(1, flat(size, values), target, null, cap);
      backend.read(target, 1, result);
    },
    reluBackward(size, values, outputGrad, inputGrad, cap) {
      const target = flat(size, inputGrad);
      const signs = backend.signs(target.shape, target.maxBatch);
      backend.relu(1, flat(size, Float32Array.from(values)), flat(size), signs, cap);
      backend.reluBackward(1, signs, flat(size, outputGrad), target, true);
      backend.read(target, 1, inputGrad);
    },
    addForward(size, a, b, result) {
      const target = flat(size);
      backend.add(1, flat(size, a), flat(size, b), target);
      backend.read(target, 1, result);
    },
    accumulate(size, source, target) {
      const sum = flat(size, target);
      backend.copy(1, flat(size, source), sum, true);
      backend.read(sum, 1, target);
    },

    maxPoolForward(g, values, result, argmax) {
      const pool = backend.maxPool({ ...g, N: spare(g.N) });
      const target = pooled(g);
      pool.forward(g.N, tensor([g.C, g.H, g.W], g.N, NONE, values), target);
      backend.read(target, g.N, result);
      pools.set(argmax, pool);
    },
    maxPoolBackward(g, outputGrad, argmax, inputGrad) {
      const pool = pools.get(argmax);
      if (pool === undefined) throw new Error("maxPoolBackward: no maxPoolForward has written this argmax");
      const target = tensor([g.C, g.H, g.W], g.N, NONE, inputGrad);
      pool.backward(g.N, pooled(g, outputGrad), target, true);
      backend.read(target, g.N, inputGrad);
    },
    averagePoolForward(g, values, result) {
      const target = pooled(g);
      backend.averagePool({ ...g, N: spare(g.N) }).forward(g.N, tensor([g.C, g.H, g.W], g.N, NONE, values), target);
      backend.read(target, g.N, result);
    },
    averagePoolBackward(g, outputGrad, inputGrad) {
      const target = tensor([g.C, g.H, g.W], g.N, NONE, inputGrad);
      backend.averagePool({ ...g, N: spare(g.N) }).backward(g.N, pooled(g, outputGrad), target, true);
      backend.read(target, g.N, inputGrad);
    },

    crossEntropy(N, classes, logits, labels, smoothing, logitsGrad) {
      const shape = [classes, 1, 1] as const;
      const target = tensor(shape, N, NONE);
      const loss = backend.crossEntropy(N, tensor(shape, N, NONE, logits), labels, smoothing, target);
      backend.read(target, N, logitsGrad);
      return loss;
    },
    sgdUpdate(settings, parameter, gradient, buffer) {
      const [values, momentum] = [own(parameter), own(buffer)];
      backend.sgdUpdate(settings, values, own(gradient), momentum);
      parameter.set(values);
      buffer.set(momentum);
    },
    adamUpdate(settings, parameter, gradient, mean, square) {
      const state = [own(parameter), own(mean), own(square)] as const;
      backend.adamUpdate(settings, state[0], own(gradient), state[1], state[2]);
      [parameter, mean, square].forEach((values, i) => void values.set(state[i]));
    },
    topKThreshold: (values, size, k) => backend.topK(own(values.subarray(0, size)), k, 0),
    applyThreshold(values, size, threshold, result) {
      const kept = backend.floats(size);
      backend.applyThreshold(own(values.subarray(0, size)), threshold, kept);
      result.set(kept);
    },
  };
}

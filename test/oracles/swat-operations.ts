/** Single operations of the `swat` oracle, forward and backward, on one of our builds. */
import type { ConvGeometry } from "../../src/core/geometry.ts";
import { outputShape, sizeOf } from "../../src/core/geometry.ts";
import type { PoolGeometry } from "../../src/core/pool-geometry.ts";
import type { Floats, Kernels, NormGeometry } from "../../src/kernels/kernels.ts";
import { batchNormEvalBackward } from "../../src/kernels/reference/batch-norm.ts";
import {
  type Computed,
  floats,
  geometryOf,
  numberOf,
  type Params,
  paddingOf,
  pairOf,
  type Tensors,
  tensor,
} from "./swat-case.ts";

type Operation = (kernels: Kernels, params: Params, tensors: Tensors) => Computed;

/** The kinds of single operations by the name in index.json. */
export const operations: Readonly<Record<string, Operation>> = {
  conv2d,
  linear: conv2d,
  batchnorm2d,
  maxpool2d,
  avgpool2d,
  global_avgpool: globalAveragePool,
  relu,
  cross_entropy: crossEntropy,
  sgd,
};

/** The setting of a case that our kernels do not have, or null. */
export function foreignSetting(params: Params): string | null {
  if (params.ceil_mode === true) return "ceil_mode is not a setting of ours";
  if (params.count_include_pad === false) return "count_include_pad = false is not a setting of ours";
  if ((params.reduction ?? "mean") !== "mean") return `reduction ${params.reduction} is not a setting of ours`;
  if ((params.dampening ?? 0) !== 0) return "dampening is not a setting of ours";
  return null;
}

/** Output and all gradients of a convolution whose operands may differ between the passes, as SWAT's do. */
export function runConvolution(
  kernels: Kernels,
  g: ConvGeometry,
  operands: { input: Floats; savedInput: Floats; weight: Floats; bias: Floats | null; outputGrad: Floats },
  prefix = "",
): Computed {
  const { input, savedInput, weight, bias, outputGrad } = operands;
  const out = new Float32Array(sizeOf(outputShape(g)));
  const inputGrad = new Float32Array(input.length);
  const weightGrad = new Float32Array(weight.length);
  kernels.convForward(g, input, weight, bias, out);
  kernels.convInputGrad(g, outputGrad, weight, inputGrad);
  kernels.convWeightGrad(g, outputGrad, savedInput, weightGrad);
  const computed: Computed = new Map();
  computed.set(`${prefix}out`, out).set(`${prefix}grad_x`, inputGrad).set(`${prefix}grad_w`, weightGrad);
  if (bias !== null) {
    const biasGrad = new Float32Array(g.K);
    kernels.biasGrad(g, outputGrad, biasGrad);
    computed.set(`${prefix}grad_b`, biasGrad);
  }
  return computed;
}

function conv2d(kernels: Kernels, params: Params, tensors: Tensors): Computed {
  const input = floats(tensors, "x");
  return runConvolution(kernels, geometryOf(params, tensors), {
    input,
    savedInput: input,
    weight: floats(tensors, "w"),
    bias: tensors.has("b") ? floats(tensors, "b") : null,
    outputGrad: floats(tensors, "grad_out"),
  });
}

function batchnorm2d(kernels: Kernels, params: Params, tensors: Tensors): Computed {
  const [N, C, ...image] = tensor(tensors, "x").shape;
  const g: NormGeometry = { N, C, pixels: sizeOf(image) };
  const epsilon = numberOf(params, "eps", 1e-5);
  const input = floats(tensors, "x");
  const gamma = floats(tensors, "gamma");
  const beta = floats(tensors, "beta");
  const outputGrad = floats(tensors, "grad_out");
  const runningMean = floats(tensors, "running_mean_in").slice();
  const runningVariance = floats(tensors, "running_var_in").slice();
  const out = new Float32Array(input.length);
  const inputGrad = new Float32Array(input.length);
  const gammaGrad = new Float32Array(C);
  const betaGrad = new Float32Array(C);
  const computed: Computed = new Map();
  if (params.training === true) {
    const momentum = numberOf(params, "momentum", 0.1);
    const mean = new Float32Array(C);
    const invStd = new Float32Array(C);
    const statistics = [runningMean, runningVariance, mean, invStd] as const;
    kernels.batchNormTrain(g, input, gamma, beta, epsilon, momentum, ...statistics, out);
    kernels.batchNormBackward(g, input, gamma, mean, invStd, outputGrad, inputGrad, gammaGrad, betaGrad);
    computed.set("running_mean_out", runningMean).set("running_var_out", runningVariance);
  } else {
    const statistics = [epsilon, runningMean, runningVariance] as const;
    kernels.batchNormEval(g, input, gamma, beta, ...statistics, out);
    batchNormEvalBackward(g, input, gamma, ...statistics, outputGrad, inputGrad, gammaGrad, betaGrad);
  }
  return computed.set("out", out).set("grad_x", inputGrad).set("grad_gamma", gammaGrad).set("grad_beta", betaGrad);
}

function poolGeometry(params: Params, tensors: Tensors): PoolGeometry {
  const [N, C, H, W] = tensor(tensors, "x").shape;
  const window = pairOf(params, "k", 1);
  const stride = params.stride === undefined ? window : pairOf(params, "stride", 1);
  return { N, C, H, W, window, stride, padding: paddingOf(params) };
}

function maxpool2d(kernels: Kernels, params: Params, tensors: Tensors): Computed {
  const g = poolGeometry(params, tensors);
  const outputGrad = floats(tensors, "grad_out");
  const out = new Float32Array(outputGrad.length);
  const argmax = new Int32Array(outputGrad.length);
  const inputGrad = new Float32Array(floats(tensors, "x").length);
  kernels.maxPoolForward(g, floats(tensors, "x"), out, argmax);
  kernels.maxPoolBackward(g, outputGrad, argmax, inputGrad);
  return new Map([
    ["out", out],
    ["grad_x", inputGrad],
  ]);
}

function avgpool2d(kernels: Kernels, params: Params, tensors: Tensors): Computed {
  return averagePool(kernels, poolGeometry(params, tensors), tensors);
}

/** One window that covers the whole image; the output is [N, C] or [N, C, 1, 1], in the same order. */
function globalAveragePool(kernels: Kernels, _params: Params, tensors: Tensors): Computed {
  const [N, C, H = 1, W = 1] = tensor(tensors, "x").shape;
  return averagePool(kernels, { N, C, H, W, window: [H, W], stride: [H, W], padding: [0, 0, 0, 0] }, tensors);
}

function averagePool(kernels: Kernels, g: PoolGeometry, tensors: Tensors): Computed {
  const outputGrad = floats(tensors, "grad_out");
  const out = new Float32Array(outputGrad.length);
  const inputGrad = new Float32Array(floats(tensors, "x").length);
  kernels.averagePoolForward(g, floats(tensors, "x"), out);
  kernels.averagePoolBackward(g, outputGrad, inputGrad);
  return new Map([
    ["out", out],
    ["grad_x", inputGrad],
  ]);
}

function relu(kernels: Kernels, _params: Params, tensors: Tensors): Computed {
  const input = floats(tensors, "x");
  const out = new Float32Array(input.length);
  const inputGrad = new Float32Array(input.length);
  kernels.reluForward(input.length, input, out);
  kernels.reluBackward(input.length, out, floats(tensors, "grad_out"), inputGrad);
  return new Map([
    ["out", out],
    ["grad_x", inputGrad],
  ]);
}

function crossEntropy(kernels: Kernels, params: Params, tensors: Tensors): Computed {
  const [N, classes] = tensor(tensors, "x").shape;
  const logitsGrad = new Float32Array(N * classes);
  const labels = Uint8Array.from(tensor(tensors, "target").data);
  const smoothing = numberOf(params, "smoothing", 0);
  const loss = kernels.crossEntropy(N, classes, floats(tensors, "x"), labels, smoothing, logitsGrad);
  return new Map([
    ["out", Float32Array.of(loss)],
    ["grad_x", logitsGrad],
  ]);
}

function sgd(kernels: Kernels, params: Params, tensors: Tensors): Computed {
  const rates = params.lr;
  if (!Array.isArray(rates)) throw new Error("lr: must be a list");
  const parameter = floats(tensors, "p0").slice();
  const buffer = new Float32Array(parameter.length);
  const computed: Computed = new Map();
  for (const [step, rate] of rates.entries()) {
    const settings = {
      learningRate: Number(rate),
      momentum: numberOf(params, "momentum", 0),
      nesterov: params.nesterov === true,
      weightDecay: numberOf(params, "weight_decay", 0),
    };
    kernels.sgdUpdate(settings, parameter, floats(tensors, `grad${step}`), buffer);
    computed.set(`p${step + 1}`, parameter.slice());
    if (settings.momentum !== 0) computed.set(`buf${step + 1}`, buffer.slice());
  }
  return computed;
}

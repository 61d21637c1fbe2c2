/**
 * Batch normalisation over [N, C, pixels], per channel (Ioffe and Szegedy, 2015; running statistics as PyTorch keeps them):
 *   training:   output = γ·x̂ + β with x̂ = (x − mean)·invStd, invStd = 1/√(variance + ε), biased variance of the batch
 *   running:    r += momentum·(batch − r), with the unbiased variance (a batch of one element: the biased one, 0)
 *   backward:   βGrad += Σ g;  γGrad += Σ g·x̂;  inputGrad += γ·invStd·(g − (Σ g + x̂·Σ g·x̂)/count)
 * Sums are taken in double precision; the variance in a second sweep, so that a large mean costs no digits.
 */
import type { Floats, NormGeometry } from "../kernels.ts";

/** Normalises with the statistics of the batch, writes mean and invStd [C], moves the running statistics [C]. */
export function batchNormTrain(
  g: NormGeometry,
  input: Floats,
  gamma: Floats,
  beta: Floats,
  epsilon: number,
  momentum: number,
  runningMean: Floats,
  runningVariance: Floats,
  mean: Floats,
  invStd: Floats,
  output: Floats,
): void {
  const count = g.N * g.pixels;
  for (let c = 0; c < g.C; c++) {
    let sum = 0;
    for (let n = 0; n < g.N; n++) {
      const from = (n * g.C + c) * g.pixels;
      for (let i = from; i < from + g.pixels; i++) sum += input[i];
    }
    const center = sum / count;
    let squares = 0;
    for (let n = 0; n < g.N; n++) {
      const from = (n * g.C + c) * g.pixels;
      for (let i = from; i < from + g.pixels; i++) squares += (input[i] - center) * (input[i] - center);
    }
    const inverse = 1 / Math.sqrt(squares / count + epsilon);
    mean[c] = center;
    invStd[c] = inverse;
    runningMean[c] += momentum * (center - runningMean[c]);
    runningVariance[c] += momentum * (squares / Math.max(1, count - 1) - runningVariance[c]);
    scaleChannel(g, c, input, center, inverse * gamma[c], beta[c], output);
  }
}

/** output = γ·(x − runningMean)/√(runningVariance + ε) + β. */
export function batchNormEval(
  g: NormGeometry,
  input: Floats,
  gamma: Floats,
  beta: Floats,
  epsilon: number,
  runningMean: Floats,
  runningVariance: Floats,
  output: Floats,
): void {
  for (let c = 0; c < g.C; c++) {
    const scale = gamma[c] / Math.sqrt(runningVariance[c] + epsilon);
    scaleChannel(g, c, input, runningMean[c], scale, beta[c], output);
  }
}

/** Backward of `batchNormTrain`; adds to inputGrad [N, C, pixels], gammaGrad [C] and betaGrad [C]. */
export function batchNormBackward(
  g: NormGeometry,
  input: Floats,
  gamma: Floats,
  mean: Floats,
  invStd: Floats,
  outputGrad: Floats,
  inputGrad: Floats,
  gammaGrad: Floats,
  betaGrad: Floats,
): void {
  const count = g.N * g.pixels;
  for (let c = 0; c < g.C; c++) {
    const center = mean[c];
    const inverse = invStd[c];
    let sum = 0;
    let product = 0;
    for (let n = 0; n < g.N; n++) {
      const from = (n * g.C + c) * g.pixels;
      for (let i = from; i < from + g.pixels; i++) {
        sum += outputGrad[i];
        product += outputGrad[i] * (input[i] - center);
      }
    }
    product *= inverse;
    gammaGrad[c] += product;
    betaGrad[c] += sum;
    const scale = gamma[c] * inverse;
    const meanGrad = sum / count;
    const slope = (product * inverse) / count;
    for (let n = 0; n < g.N; n++) {
      const from = (n * g.C + c) * g.pixels;
      for (let i = from; i < from + g.pixels; i++) {
        inputGrad[i] += scale * (outputGrad[i] - meanGrad - slope * (input[i] - center));
      }
    }
  }
}

/** Backward of `batchNormEval`, whose statistics are constants: inputGrad += γ·invStd·g. Adds to all three gradients. */
export function batchNormEvalBackward(
  g: NormGeometry,
  input: Floats,
  gamma: Floats,
  epsilon: number,
  runningMean: Floats,
  runningVariance: Floats,
  outputGrad: Floats,
  inputGrad: Floats,
  gammaGrad: Floats,
  betaGrad: Floats,
): void {
  for (let c = 0; c < g.C; c++) {
    const inverse = 1 / Math.sqrt(runningVariance[c] + epsilon);
    let sum = 0;
    let product = 0;
    for (let n = 0; n < g.N; n++) {
      const from = (n * g.C + c) * g.pixels;
      for (let i = from; i < from + g.pixels; i++) {
        sum += outputGrad[i];
        product += outputGrad[i] * (input[i] - runningMean[c]);
        inputGrad[i] += gamma[c] * inverse * outputGrad[i];
      }
    }
    gammaGrad[c] += product * inverse;
    betaGrad[c] += sum;
  }
}

/** output = (x − center)·scale + shift for every element of channel c. */
function scaleChannel(
  g: NormGeometry,
  c: number,
  input: Floats,
  center: number,
  scale: number,
  shift: number,
  output: Floats,
): void {
  for (let n = 0; n < g.N; n++) {
    const from = (n * g.C + c) * g.pixels;
    for (let i = from; i < from + g.pixels; i++) output[i] = (input[i] - center) * scale + shift;
  }
}

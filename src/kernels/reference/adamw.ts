/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019, Algorithm 2), as PyTorch computes it (torch.optim.AdamW):
 *   p −= rate·decay·p;  m = β1·m + (1 − β1)·g;  v = β2·v + (1 − β2)·g²;
 *   p −= rate/(1 − β1ᵗ) · m/(√v/√(1 − β2ᵗ) + ε)
 */
import type { AdamSettings, Floats } from "../kernels.ts";

/** Updates `parameter`, `mean` (m) and `square` (v) in place. */
export function adamUpdate(
  settings: AdamSettings,
  parameter: Floats,
  gradient: Floats,
  mean: Floats,
  square: Floats,
): void {
  const { keep, beta1, beta2, rate, root, epsilon } = adamFactors(settings);
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i];
    const m = beta1 * mean[i] + (1 - beta1) * g;
    const v = beta2 * square[i] + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    parameter[i] = keep * parameter[i] - (rate * m) / (Math.sqrt(v) / root + epsilon);
  }
}

/** What an update multiplies with: `keep` = 1 − rate·decay, `rate` over the bias of m, `root` of the bias of v. */
export function adamFactors({ learningRate, beta1, beta2, epsilon, weightDecay, step }: AdamSettings) {
  const rate = learningRate / (1 - beta1 ** step);
  const root = Math.sqrt(1 - beta2 ** step);
  return { keep: 1 - learningRate * weightDecay, beta1, beta2, rate, root, epsilon };
}

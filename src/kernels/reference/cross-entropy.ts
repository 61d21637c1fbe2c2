/**
 * Softmax cross-entropy with label smoothing, averaged over the batch; logits [N, classes], labels [N]:
 *   loss = 1/N Σ_n (1 − ε)·(−log p[n, y_n]) + ε·mean_j(−log p[n, j]),  log p = z − max z − log Σ exp(z − max z)
 *   logitsGrad[n, j] = (p[n, j] − (1 − ε)·[j = y_n] − ε/classes) / N
 */
import type { Floats } from "../kernels.ts";

/** Returns the mean loss and writes (not adds) its gradient into logitsGrad [N, classes]. */
export function crossEntropy(
  N: number,
  classes: number,
  logits: Floats,
  labels: ArrayLike<number>,
  smoothing: number,
  logitsGrad: Floats,
): number {
  let loss = 0;
  for (let n = 0; n < N; n++) {
    const row = n * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < classes; j++) largest = Math.max(largest, logits[row + j]);
    let sum = 0;
    let shifted = 0;
    for (let j = 0; j < classes; j++) {
      sum += Math.exp(logits[row + j] - largest);
      shifted += logits[row + j] - largest;
    }
    const logSum = Math.log(sum);
    const label = row + labels[n];
    // ε = 0 must not multiply a class of probability 0, whose −log p is infinite.
    const uniform = smoothing === 0 ? 0 : smoothing * (logSum - shifted / classes);
    loss += (1 - smoothing) * (logSum - (logits[label] - largest)) + uniform;
    for (let j = 0; j < classes; j++) {
      const target = (row + j === label ? 1 - smoothing : 0) + smoothing / classes;
      logitsGrad[row + j] = (Math.exp(logits[row + j] - largest - logSum) - target) / N;
    }
  }
  return loss / N;
}

/**
 * Rectifier y = max(x, 0), and capped, y = min(max(x, 0), cap), as ReLU6; and its gradient, which is 0 at x = 0 and from the cap
 * on (as in PyTorch). NaN stays NaN; −0 becomes 0.
 */
import type { Floats } from "../kernels.ts";

/** output[i] = min(max(input[i], 0), cap) for i < size. */
export function reluForward(size: number, input: Floats, output: Floats, cap = Infinity): void {
  for (let i = 0; i < size; i++) output[i] = Math.min(Math.max(input[i], 0), cap);
}

/** inputGrad[i] += outputGrad[i] where 0 < output[i] < cap. */
export function reluBackward(
  size: number,
  output: ArrayLike<number>,
  outputGrad: Floats,
  inputGrad: Floats,
  cap = Infinity,
): void {
  for (let i = 0; i < size; i++) if (output[i] > 0 && output[i] < cap) inputGrad[i] += outputGrad[i];
}

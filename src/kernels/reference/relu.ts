/** Rectifier y = max(x, 0) and its gradient, which is 0 at x = 0 (as in PyTorch). NaN stays NaN; −0 becomes 0. */
import type { Floats } from "../kernels.ts";

/** output[i] = max(input[i], 0) for i < size. */
export function reluForward(size: number, input: Floats, output: Floats): void {
  for (let i = 0; i < size; i++) output[i] = Math.max(input[i], 0);
}

/** inputGrad[i] += outputGrad[i] where output[i] > 0. */
export function reluBackward(size: number, output: Floats, outputGrad: Floats, inputGrad: Floats): void {
  for (let i = 0; i < size; i++) if (output[i] > 0) inputGrad[i] += outputGrad[i];
}

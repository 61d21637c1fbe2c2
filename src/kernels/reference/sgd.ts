/**
 * Stochastic gradient descent with momentum, as PyTorch computes it (torch.optim.SGD, no dampening):
 *   g = gradient + weightDecay·p;  buffer = momentum·buffer + g;  p −= rate·(nesterov ? g + momentum·buffer : buffer)
 * A buffer of zeros makes the first step buffer = g.
 */
import type { Floats, SgdSettings } from "../kernels.ts";

/** Updates `parameter` and `buffer` in place; `buffer` is neither read nor written without momentum. */
export function sgdUpdate(settings: SgdSettings, parameter: Floats, gradient: Floats, buffer: Floats): void {
  const { learningRate, momentum, nesterov, weightDecay } = settings;
  for (let i = 0; i < parameter.length; i++) {
    const decayed = gradient[i] + weightDecay * parameter[i];
    if (momentum === 0) {
      parameter[i] -= learningRate * decayed;
      continue;
    }
    const velocity = momentum * buffer[i] + decayed;
    buffer[i] = velocity;
    parameter[i] -= learningRate * (nesterov ? decayed + momentum * velocity : velocity);
  }
}

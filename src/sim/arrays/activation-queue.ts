/**
 * Activation queues: each processing element works through the nonzero activations of its window, which meet the weights
 * of all filters on the columns; elements of a group wait for the slowest. The weight gradient queues the saved input.
 * After Cnvlutin (Albericio et al., ISCA 2016), whose units skip zero activations by offsets.
 */
import { queueArray } from "./lanes/queue-array.ts";

/** The array with activations in its queues. */
export const activationQueue = queueArray("activation-queue", {
  forward: "input",
  inputGrad: "outputGrad",
  weightGrad: "input",
});

/**
 * Weight queues: each processing element works through the nonzero weights of its filter, and selects the activations that
 * they need; elements of a group share the window and wait for the slowest. The weight gradient queues the saved input.
 * After Cambricon-X (Zhang et al., MICRO 2016), whose elements index activations by their own weights.
 */
import { queueArray } from "./lanes/queue-array.ts";

/** The array with weights in its queues. */
export const weightQueue = queueArray("weight-queue", { forward: "weight", inputGrad: "weight", weightGrad: "input" });

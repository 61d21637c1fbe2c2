/**
 * Weight queues: each processing element works through the nonzero weights of its filter, and selects the activations that
 * they need; elements of a group share the window and wait for the slowest. The weight gradient queues the saved input.
 * After Cambricon-X (Zhang et al., MICRO 2016), whose elements index activations by their own weights.
 */
import type { Accelerator } from "../accelerator.ts";
import { arrayMultipliers } from "../lanes/array-params.ts";
import { queueParams, runQueues } from "../lanes/queue-array.ts";

const QUEUED = { forward: "weight", inputGrad: "weight", weightGrad: "input" } as const;

/** The array with weights in its queues. */
export const weightQueue: Accelerator<typeof queueParams> = {
  id: "weight-queue",
  modelVersion: 1,
  params: queueParams,
  mappings: {
    forward: {
      lanes: "queue of input channels and kernel positions",
      rows: "filters",
      columns: "windows",
      stationary: "output",
      skipped: "weight",
      referee: "formula: slowest queue of each group",
    },
    inputGrad: {
      lanes: "queue of output channels and kernel positions",
      rows: "input channels",
      columns: "windows of outputGrad, one stride phase at a time",
      stationary: "output",
      skipped: "weight",
      referee: "formula: slowest queue of each group",
    },
    weightGrad: {
      lanes: "queue of output positions",
      rows: "input channels",
      columns: "output channels",
      stationary: "output",
      skipped: "input",
      referee: "formula: slowest queue of each group",
    },
  },
  multipliers: arrayMultipliers,
  withoutSkipping: (own) => ({ ...own, skipping: false }),
  validation: () => "formula",
  run: (operation, own) => runQueues(operation, own, QUEUED[operation.pass]),
};

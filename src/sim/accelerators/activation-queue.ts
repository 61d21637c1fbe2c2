/**
 * Activation queues: each processing element works through the nonzero activations of its window, which meet the weights
 * of all filters on the columns; elements of a group wait for the slowest. The weight gradient queues the saved input.
 * After Cnvlutin (Albericio et al., ISCA 2016), whose units skip zero activations by offsets.
 */
import type { Accelerator } from "../accelerator.ts";
import { arrayMultipliers } from "../lanes/array-params.ts";
import { queueParams, runQueues } from "../lanes/queue-array.ts";

const QUEUED = { forward: "input", inputGrad: "outputGrad", weightGrad: "input" } as const;

/** The array with activations in its queues. */
export const activationQueue: Accelerator<typeof queueParams> = {
  id: "activation-queue",
  modelVersion: 1,
  params: queueParams,
  mappings: {
    forward: {
      lanes: "queue of input channels and kernel positions",
      rows: "windows",
      columns: "filters",
      stationary: "output",
      skipped: "input",
      referee: "formula: slowest queue of each group",
    },
    inputGrad: {
      lanes: "queue of output channels and kernel positions",
      rows: "windows of outputGrad, one stride phase at a time",
      columns: "input channels",
      stationary: "output",
      skipped: "outputGrad",
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

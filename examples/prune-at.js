/**
 * A user-defined method of training: dense until step `at`, then the largest weights of each layer alone, for good. Run it with
 *
 *   npx swat-sim train --method-module examples/prune-at.js --method-option at=2 --sparsity 0.8 --limit 64 --epochs 1
 */
const options = {
  type: "object",
  additionalProperties: false,
  properties: {
    at: { type: "integer", minimum: 0, default: 0, description: "step before which weights are pruned" },
  },
};

/** Masks of a layer of `size` weights: 1 where a weight is active. */
function masksOf(size, sparsity) {
  const active = new Uint8Array(size).fill(1);
  return {
    sparsity,
    active,
    // Gradients of pruned weights are not computed.
    wanted: active,
    // A checkpoint holds these, and a resumed run finds them here.
    state: { active },
    select({ values, momentum }) {
      const order = Array.from(values.keys()).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]));
      for (const index of order.slice(Math.ceil((1 - sparsity) * size))) {
        active[index] = 0;
        values[index] = 0;
        // Momentum would move the weight on.
        momentum[index] = 0;
      }
    },
  };
}

export default {
  name: "prune-at",
  options,
  exemptions: () => ({ firstLayerDense: true, lastLayerDense: true }),
  stepKind: (step, settings) => (step === settings.options.at ? "select" : "keep"),
  masksOf: (layers, { sparsity }) =>
    layers.map(({ shape, isExempt }) =>
      isExempt
        ? null
        : masksOf(
            shape.reduce((size, extent) => size * extent, 1),
            sparsity,
          ),
    ),
};

/**
 * A user-defined machine: a vector unit that broadcasts one nonzero weight at a time to `lanes` multipliers, each of which
 * holds one output position. Zero weights are skipped; the weight gradient, which has none, is dense.
 */
const params = {
  type: "object",
  additionalProperties: false,
  required: ["lanes"],
  properties: {
    lanes: { type: "integer", minimum: 1, maximum: 65536, description: "Multipliers, one output position each" },
    skipping: { type: "boolean", default: true, description: "false: every weight takes its turn" },
  },
};

const mapping = {
  lanes: "nothing",
  rows: "output positions",
  columns: "none",
  stationary: "output",
  skipped: "weight",
};

/** Positions of the output plane of all images. */
function positions({ N, H, W, R, S, stride, padding, dilation }) {
  const extent = (size, kernel, axis, before, after) =>
    Math.floor((size + before + after - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
  const P = extent(H, R, 0, padding[0], padding[1]);
  const Q = extent(W, S, 1, padding[2], padding[3]);
  return N * Math.max(P, 0) * Math.max(Q, 0);
}

function ones(mask) {
  let count = 0;
  for (const byte of mask.bytes) for (let bits = byte; bits !== 0; bits &= bits - 1) count++;
  return count;
}

export default {
  id: "broadcast",
  modelVersion: 1,
  params,
  mappings: {
    forward: { ...mapping, referee: "formula: nonzero weights × position groups" },
    inputGrad: { ...mapping, referee: "formula: nonzero weights × position groups" },
    weightGrad: { ...mapping, skipped: "none", referee: "formula: weights × position groups" },
  },
  multipliers: ({ lanes }) => lanes,
  withoutSkipping: (params) => ({ ...params, skipping: false }),
  // The position of a weight, read with it, chooses the operands: an offset of 4 bits.
  skippingHardware: ({ skipping }) =>
    skipping ? { operandMuxes: 0, productMuxes: 0, schedulerBits: 0, schedules: "compute", metadataBits: 4 } : null,
  validation: () => "formula",
  run({ pass, geometry, masks }, { lanes, skipping }) {
    const { K, C, R, S, groups } = geometry;
    const weights = ((K * C) / groups) * R * S;
    const turns = skipping && pass !== "weightGrad" ? ones(masks.weight) : weights;
    const perTurn = Math.ceil(positions(geometry) / lanes);
    const [moving, held] =
      pass === "forward" ? ["input", "weight"] : ["outputGrad", pass === "inputGrad" ? "weight" : "input"];
    return {
      cycles: turns * perTurn,
      baseCycles: weights * perTurn,
      packedCycles: turns * perTurn,
      reschedulingCycles: 0,
      scheduled: skipping && pass !== "weightGrad" ? "weight" : null,
      counters: { turns },
      onChipReads: { [moving]: turns * perTurn * lanes, [held]: turns },
      onChipWrites: turns * perTurn * lanes,
    };
  },
};

/**
 * The bound: every multiplier does an effectual MAC in every cycle, effectual MACs / multipliers. Nothing is ever unpacked,
 * moved or waited for; no machine that multiplies can be faster. Without skipping it does every MAC whose operands exist.
 */

import { denseMacs } from "../../core/dense-macs.ts";
import { Type } from "../../core/input/schema.ts";
import type { Accelerator, Mapping } from "../hardware/accelerator.ts";
import { integer } from "../hardware/param-schemas.ts";
import { effectualMacs } from "../operation/mac-counts.ts";
import { OPERANDS_OF } from "../operation/operation.ts";

const params = Type.Object(
  {
    multipliers: integer([1, 1_000_000_000], "MACs a cycle", 4096),
    skipping: Type.Boolean({ default: true, description: "false: every MAC whose operands exist" }),
  },
  { additionalProperties: false },
);

const mapping: Mapping = {
  lanes: "anything",
  rows: "anything",
  columns: "anything",
  stationary: "nothing",
  skipped: "both",
  referee: "formula: effectual MACs / multipliers",
};

/** The machine that wastes nothing. */
export const ideal: Accelerator<typeof params> = {
  id: "ideal",
  modelVersion: 1,
  isBound: true,
  params,
  mappings: { forward: mapping, inputGrad: mapping, weightGrad: mapping },
  multipliers: ({ multipliers }) => multipliers,
  withoutSkipping: (params) => ({ ...params, skipping: false }),
  // The bound pays for nothing but multiplications.
  skippingHardware: ({ skipping }) =>
    skipping ? { operandMuxes: 0, productMuxes: 0, schedulerBits: 0, schedules: "compute", metadataBits: 0 } : null,
  validation: () => "formula",
  run(operation, { multipliers, skipping }) {
    const dense = denseMacs(operation.geometry);
    const effectual = effectualMacs(operation);
    const cycles = Math.ceil((skipping ? effectual : dense) / multipliers);
    const [a, b] = OPERANDS_OF[operation.pass];
    const macs = skipping ? effectual : dense;
    return {
      cycles,
      baseCycles: Math.ceil(dense / multipliers),
      packedCycles: cycles,
      reschedulingCycles: 0,
      scheduled: skipping ? "both" : null,
      counters: { macs },
      // The last cycle may not be full.
      multiplierCycles: { occupied: macs, imbalance: multipliers * cycles - macs },
      onChipReads: { [a]: macs, [b]: macs },
      onChipWrites: 0,
    };
  },
};

/**
 * DaDianNao: dense tiles of lanes × rows × columns, the baseline that skips nothing.
 * Source: DaDianNao (MICRO 2014) as modelled by DNNsim 4748a600.
 */
import { type Static, Type } from "../../core/input/schema.ts";
import type { Accelerator } from "../hardware/accelerator.ts";
import { arrayMultipliers, arrayParams, foldParam, imageStreams } from "./lanes/array-params.ts";
import { arrayResult } from "./lanes/array-result.ts";
import { denseTotals } from "./lanes/dense-array.ts";
import { inGoldenScope } from "./lanes/golden-scope.ts";
import { filterMappings } from "./lanes/mappings.ts";
import { lineJobs } from "./lanes/on-chip/line-jobs.ts";
import { runLines } from "./lanes/on-chip/run-lines.ts";
import { foldStrided } from "./lanes/operands/space-to-depth.ts";

const params = Type.Object({ ...arrayParams, ...foldParam }, { additionalProperties: false });

/** Parameters of DaDianNao. */
export type DaDianNaoParams = Static<typeof params>;

/** The dense array, in closed form. */
export const dadiannao: Accelerator<typeof params> = {
  id: "dadiannao",
  modelVersion: 1,
  params,
  mappings: filterMappings("none", {
    forward: "exact: DNNsim",
    inputGrad: "formula: lines of every set",
    weightGrad: "formula: lines of every set",
  }),
  multipliers: arrayMultipliers,
  withoutSkipping: (params) => params,
  skippingHardware: () => null,
  validation: (operation, params) =>
    operation.pass === "forward" && inGoldenScope(operation, params) ? "exact" : "formula",
  run(operation, params) {
    const { pass } = operation;
    const geometry = foldStrided(operation, params.foldStridedInput);
    const totals = denseTotals(pass, geometry, params);
    return arrayResult(operation, params, totals, {
      reschedulingCycles: 0,
      scheduled: null,
      counters: { scheduledPEs: totals.scheduledPEs, idlePEs: totals.idlePEs },
    });
  },
  runLines(operation, params, line) {
    const { pass } = operation;
    const geometry = foldStrided(operation, params.foldStridedInput);
    return runLines(lineJobs(pass, geometry, params, line), params, line, imageStreams(params, geometry.N).streams);
  },
};

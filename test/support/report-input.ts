/** Results for tests of reports: two small machines on made traces, and a sweep; and a chart's data. */
import { createHash } from "node:crypto";
import { loadMachines } from "../../src/api/open.ts";
import type { Chart } from "../../src/report/charts/chart.ts";
import type { MeasuredPoint } from "../../src/report/sweep/sweep-points.ts";
import type { NamedResult } from "../../src/report/workloads.ts";
import type { SimulationResult } from "../../src/sim/result/result.ts";
import { type SimulationInput, simulate } from "../../src/sim/simulate.ts";
import { makeTrace, SWAT_DENSITIES } from "./make-trace.ts";

/** A name that would be markup, a script or a formula where it is not escaped. */
export const EVIL = `=1+1"><img src=x onerror="window.hacked = 1"></script><script>window.hacked = 2</script>`;

/** A result of TensorDash and SCNN on steps of these numbers and densities of weights. */
export async function resultOf(
  steps: Readonly<Record<number, number>>,
  network = "small",
  baseline: Pick<SimulationInput, "commonBaseline"> = {},
): Promise<SimulationResult> {
  const traces = await Promise.all(
    Object.entries(steps).map(async ([step, weight]) => {
      const seed = `${network}${step}`;
      const trace = await makeTrace({ ...SWAT_DENSITIES, weight }, seed, { step: Number(step), network });
      return { ...trace, sha256: createHash("sha256").update(seed).digest("hex") };
    }),
  );
  return simulate({ ...baseline, traces, machines: await loadMachines(["tensordash-4096", "scnn-4096"]) });
}

/** A result as a report takes it. */
export function named(result: SimulationResult, file = "result.json"): NamedResult {
  return { file, sha256: "ab".repeat(32), result };
}

/** A point of a sweep with a gain and a cost; what it does not say is the same in all. */
export function sweepPoint(
  speedup: number,
  energyPicojoules: number | null,
  change: Partial<MeasuredPoint> = {},
): MeasuredPoint {
  return {
    point: { "params.lanes": 16 },
    machine: "tensordash-4096",
    trace: "small",
    metrics: {
      ...{ cycles: 100, seconds: 1e-6, speedup, speedupFromZeros: 1, matmulSpeedup: 1, computeSpeedup: 1 },
      ...{ energyPicojoules, dramBytes: 1000, onChipBytes: 4096, multipliers: 16 },
    },
    ...change,
  };
}

/** Rows of a chart's data. */
export function valuesOf({ spec }: Chart): Record<string, unknown>[] {
  return (spec as unknown as { data: { values: Record<string, unknown>[] } }).data.values;
}

/**
 * Simulates points of a sweep one after the other. What points share is done once: a trace is read or drawn once while it is the one
 * in use, and the array works once for an operation and its parameters, whatever memory and clock are.
 */

import { loadAccelerators, loadBaseline, loadEnergyTables, loadMachines, openTraces } from "../../api/open.ts";
import { InputError } from "../../io/faults.ts";
import type { SweepMetrics, SweepPoint } from "../../report/sweep/sweep-points.ts";
import type { EnergyTable } from "../../sim/energy/table.ts";
import type { Accelerator, ComputeResult } from "../../sim/hardware/accelerator.ts";
import { type Machine, resolveMachine } from "../../sim/hardware/machine.ts";
import { type PreparedOperation, prepareOperation } from "../../sim/operation/ablations.ts";
import type { Operation } from "../../sim/operation/operation.ts";
import type { MachineResult } from "../../sim/result/result.ts";
import { simulate } from "../../sim/simulate.ts";
import { coverageOf } from "../../trace/coverage.ts";
import { isMacOp, type MacOp } from "../../trace/manifest.ts";
import type { IdentifiedTrace, Trace } from "../../trace/trace.ts";
import { withFields } from "./fields.ts";
import { isOfConfig, type PlannedPoint } from "./points.ts";
import type { SweepSpec } from "./spec.ts";
import { drawTrace } from "./synthetic.ts";

/** Does a point. @throws Error where a trace cannot be read; a config that is refused is a result. */
export type PointRunner = (point: PlannedPoint) => Promise<SweepPoint>;

/** Parameters of arrays whose counts are kept; points that share them come together. */
const MOST_KNOWN = 8;

/** What all points of a sweep share, by name and path. */
export type PointSources = Pick<SweepSpec, "machines" | "modules" | "baseline" | "allowUnequal">;

/** A runner for points of a sweep. @throws as `loadMachines`. */
export async function pointRunner({
  modules = [],
  allowUnequal = false,
  ...names
}: PointSources): Promise<PointRunner> {
  const accelerators = await loadAccelerators(modules);
  const machines = await loadMachines(names.machines, accelerators);
  const { baseline, commonBaseline } = await loadBaseline(names.baseline, accelerators);
  const tables = new Map<string | undefined, EnergyTable>();
  const tableOf = async (machine: Machine): Promise<EnergyTable> => {
    const { energy } = machine.config;
    const table = tables.get(energy) ?? (await loadEnergyTables([machine]))[0];
    tables.set(energy, table);
    return table;
  };
  const known = Object.fromEntries(Object.entries(accelerators).map(([id, one]) => [id, remembering(one)]));
  const shared = (machine: Machine) => ({ ...machine, accelerator: remembering(machine.accelerator) });
  const compared = {
    ...(baseline && { baseline: shared(baseline) }),
    ...(commonBaseline && { commonBaseline: shared(commonBaseline) }),
  };
  let inUse: PreparedTrace | undefined;
  return async ({ machine: index, trace, synthetic, values }) => {
    if (inUse?.trace !== trace) {
      // Gone before the next one comes, so that two are never held.
      inUse = undefined;
      const identified = synthetic === undefined ? (await openTraces([trace]))[0] : await drawTrace(trace, synthetic);
      inUse = { trace, identified, prepared: await prepareAll(identified.trace) };
    }
    const { identified, prepared } = inUse;
    const base = machines[index];
    const place = {
      ...{ point: { ...values }, machine: base.name, trace: identified.name, sha256: identified.sha256 },
      ...(synthetic === undefined ? {} : { synthetic }),
    };
    const coverage = coverageOf(identified.trace.manifest);
    try {
      const fields = Object.fromEntries(Object.entries(values).filter(([field]) => isOfConfig(field)));
      const machine = resolveMachine(withFields(base.config, fields), base.name, known);
      const {
        machines: [result],
      } = await simulate({
        traces: [identified],
        machines: [machine],
        ...compared,
        allowUnequal,
        energy: [await tableOf(machine)],
        prepare: async (_, op) => prepared.get(op) as PreparedOperation,
      });
      const measured = { ...place, baseline: result.baseline.name, metrics: metricsOf(result, machine) };
      return coverage === undefined ? measured : { ...measured, coverage };
    } catch (error) {
      return { ...place, error: refusal(error) };
    }
  };
}

interface PreparedTrace {
  /** As points name it. */
  readonly trace: string;
  readonly identified: IdentifiedTrace;
  readonly prepared: ReadonlyMap<MacOp, PreparedOperation>;
}

async function prepareAll(trace: Trace): Promise<Map<MacOp, PreparedOperation>> {
  const prepared = new Map<MacOp, PreparedOperation>();
  for (const op of trace.manifest.ops) {
    if (isMacOp(op)) prepared.set(op, await prepareWithoutCauses(trace, op));
  }
  return prepared;
}

/** No metric tells zeros of the method from natural ones, nor image padding from lane padding: two of four runs are saved. */
async function prepareWithoutCauses(trace: Trace, op: MacOp): Promise<PreparedOperation> {
  const prepared = await prepareOperation(trace, op);
  return { ...prepared, natural: prepared.actual, solid: prepared.noZeros };
}

/** The same accelerator, which remembers what it found for an operation with the last few parameters. */
function remembering(accelerator: Accelerator): Accelerator {
  const counts = new Map<string, WeakMap<Operation, ComputeResult>>();
  const run = (operation: Operation, params: Machine["params"]): ComputeResult => {
    const key = JSON.stringify(params);
    let ofParams = counts.get(key);
    if (ofParams === undefined) {
      if (counts.size >= MOST_KNOWN) counts.delete(counts.keys().next().value as string);
      ofParams = new WeakMap();
      counts.set(key, ofParams);
    }
    const result = ofParams.get(operation) ?? accelerator.run(operation, params);
    ofParams.set(operation, result);
    return result;
  };
  // An accelerator may be an instance of a class.
  return Object.assign(Object.create(accelerator) as Accelerator, { run });
}

/** Refusals are plain errors; anything else is a fault of the program, which must not become a result. */
function refusal(error: unknown): string {
  if (error instanceof InputError) return error.faults.join("; ");
  if (error instanceof Error && error.constructor === Error) return error.message;
  throw error;
}

function metricsOf({ rows, totals }: MachineResult, { multipliers, memory }: Machine): SweepMetrics {
  const { matmul } = totals;
  const { training } = totals;
  let dramBytes = 0;
  for (const { traffic } of rows) for (const bytes of Object.values(traffic.dram)) dramBytes += bytes;
  return {
    cycles: training.cycles,
    seconds: training.seconds,
    speedup: training.speedup,
    ...(training.ownSkippingGain === undefined ? {} : { ownSkippingGain: training.ownSkippingGain }),
    speedupFromZeros: training.speedupFromZeros,
    matmulSpeedup: matmul.speedup,
    computeSpeedup: matmul.compute.speedup,
    energyPicojoules: training.energy?.picojoules ?? null,
    dramBytes,
    onChipBytes: memory.levels.reduce((sum, { bytes }) => sum + bytes, 0),
    multipliers,
  };
}

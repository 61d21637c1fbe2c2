/** Puts the costs of all ops together: what was simulated, rows by machine, totals, and what is missing. */
import { footprintOf } from "../../step/footprint.ts";
import { coverageOf, coverageText } from "../../trace/coverage.ts";
import type { TraceOp } from "../../trace/manifest.ts";
import type { IdentifiedTrace } from "../../trace/trace.ts";
import type { EnergyModel } from "../energy/model.ts";
import type { Machine } from "../hardware/machine.ts";
import { isSampled, type Sample } from "../sampling/sampled.ts";
import type { CollectedCosts, MachineCosts } from "./collected-costs.ts";
import type { Comparison, Terms } from "./comparison.ts";
import {
  type MachineResult,
  RESULT_VERSION,
  SELF,
  type SimulationResult,
  type StreamedMachine,
  type StreamedResult,
  type TraceIdentity,
} from "./result.ts";

/** What was simulated. */
interface Simulated {
  readonly traces: readonly IdentifiedTrace[];
  readonly baselineTraces?: readonly IdentifiedTrace[];
  readonly sample?: Sample | undefined;
}

/** The result. @param collected what all ops cost. */
export function simulationResult(
  { traces, baselineTraces = [], sample }: Simulated,
  comparisons: readonly Terms[],
  collected: CollectedCosts,
): StreamedResult {
  const steps = { own: traces.length, dense: baselineTraces.length };
  return {
    schema: RESULT_VERSION,
    traces: traces.map(identity),
    baseline: { machine: commonName(comparisons), traces: baselineTraces.map(identity) },
    ...(isSampled(sample) ? { sample: { share: sample.share, seed: sample.seed } } : {}),
    notCharged: notCharged(traces),
    ...incomplete([...traces, ...baselineTraces]),
    machines: comparisons.map((terms, index) => machineResult(terms, collected.of(index), steps)),
    footprint: traces.map(({ trace }) => footprintOf(trace.manifest)),
  };
}

/** The same with all rows in memory. */
export function inMemory(result: StreamedResult): SimulationResult {
  return { ...result, machines: result.machines.map((machine) => ({ ...machine, rows: [...machine.rows] })) };
}

function machineResult(
  { machine, differences, energy, ...references }: Terms,
  { rows, sums, dense }: MachineCosts,
  steps: { readonly own: number; readonly dense: number },
): StreamedMachine {
  const { name, config, accelerator, peakMacsPerSecond } = machine;
  const reference = references.baseline.machine;
  return {
    name,
    config,
    modelVersion: accelerator.modelVersion,
    notCharged: notChargedOn(machine),
    mappings: accelerator.mappings,
    peakMacsPerSecond,
    baseline: {
      name: reference.name,
      config: reference.config,
      isCounterpart: references.baseline === references.counterpart,
      differences: [...differences],
    },
    isBound: accelerator.isBound ?? false,
    ...(energy === undefined ? {} : { energy: identityOf(energy.own) }),
    rows,
    totals: sums.means({
      ...{ machine, baselineClockHz: reference.clockHz },
      ...{ steps: steps.own, dense: { ops: dense, steps: steps.dense } },
    }),
  };
}

/** Name of the baseline that machines share, or `self` where none is compared with such a one. */
function commonName(comparisons: readonly Comparison[]): string {
  return comparisons.find(({ baseline, counterpart }) => baseline !== counterpart)?.baseline.machine.name ?? SELF;
}

function identityOf({ table, constants }: EnergyModel): NonNullable<MachineResult["energy"]> {
  return { table: table.name, node: table.node, family: table.family, constants: [...constants] };
}

function identity({ trace, name, sha256 }: IdentifiedTrace): TraceIdentity {
  const { step, network, method, seed } = trace.manifest;
  const { sparsity } = method;
  const coverage = coverageOf(trace.manifest);
  return {
    name,
    sha256,
    step,
    network,
    method: method.name,
    ...(sparsity === undefined ? {} : { sparsity }),
    ...(seed === undefined ? {} : { seed }),
    ...(coverage === undefined ? {} : { coverage }),
  };
}

/** What traces say that they lack. */
function incomplete(traces: readonly IdentifiedTrace[]): Pick<SimulationResult, "incomplete"> {
  const lines = traces.flatMap(({ trace, name }) => {
    const coverage = coverageOf(trace.manifest);
    return coverage === undefined ? [] : [`${name}: ${coverageText(coverage)}`];
  });
  return lines.length === 0 ? {} : { incomplete: lines };
}

/** Costs that the machine's model leaves out, and levels of memory that are never waited for. */
function notChargedOn({ accelerator, params, memory }: Machine): string[] {
  const wide = memory.levels.filter(({ bytesPerCycle }) => bytesPerCycle === Number.POSITIVE_INFINITY);
  return [...wide.map(({ name }) => `waiting for ${name}`), ...(accelerator.notCharged?.(params) ?? [])];
}

/** What a training step does that the traces do not hold, so that nobody paid for it. */
function notCharged(traces: readonly IdentifiedTrace[]): string[] {
  const kinds = new Set<TraceOp["kind"]>(traces.flatMap(({ trace }) => trace.manifest.ops.map(({ kind }) => kind)));
  const always: readonly TraceOp["kind"][] = ["relu", "loss", "optimizer"];
  const missing: string[] = always.filter((kind) => !kinds.has(kind));
  if (missing.length === always.length) missing.unshift("batch norm, pooling and additions, if any");
  return missing;
}

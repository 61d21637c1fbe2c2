/**
 * Replays traces on machines. For every recorded operation: the accelerator says what it costs in compute, the memory
 * model what it costs to feed it, and the slower of the two decides; then everything is added up by pass.
 */

import { eventLoopBreaks } from "../core/event-loop.ts";
import { footprintOf } from "../step/footprint.ts";
import { type StepOp, stepOps } from "../step/method-overheads.ts";
import { coverageOf, coverageText } from "../trace/coverage.ts";
import { isMacOp, type MacOp, type TraceOp } from "../trace/manifest.ts";
import type { IdentifiedTrace, Trace } from "../trace/trace.ts";
import { type EnergyModel, energyModel } from "./energy/model.ts";
import type { EnergyTable } from "./energy/table.ts";
import { denseTwin, type Machine } from "./hardware/machine.ts";
import { checkRoom } from "./memory/capacity.ts";
import { planStep, type StepPlan } from "./memory/placement.ts";
import { type PreparedOperation, prepareOperation } from "./operation/ablations.ts";
import { checkSizes, namingLayer } from "./operation/limits.ts";
import { checkEqualTerms, checkOneNetwork, checkSameWork, differencesFrom } from "./result/comparability.ts";
import { type Comparison, denseReference } from "./result/comparison.ts";
import { movingRow, multiplyingRow, multiplyingSeconds, type RowCosts } from "./result/op-result.ts";
import {
  type MachineResult,
  RESULT_VERSION,
  type ResultRow,
  SELF,
  type SimulationResult,
  type TraceIdentity,
} from "./result/result.ts";
import { type TimedOp, totalsOf } from "./result/totals.ts";
import { type Sample, sampled } from "./sampling/sampled.ts";
import { SampledOperation } from "./sampling/sampled-operation.ts";

/** What to simulate. */
export interface SimulationInput {
  readonly traces: readonly IdentifiedTrace[];
  readonly machines: readonly Machine[];
  /** Dense machine to compare all machines with, which must be equal to it in everything but skipping. */
  readonly baseline?: Machine;
  /**
   * Where no `baseline` is given: the dense machine to compare those with that are equal to it in everything but skipping. The others,
   * and without it all, are compared with their own dense counterpart: their array without skipping.
   */
  readonly commonBaseline?: Machine;
  /** Traces of dense training of the same network and batch, to tell what the training method adds. */
  readonly baselineTraces?: readonly IdentifiedTrace[];
  /** Compare machines with a baseline of another peak, clock, datatype, memory or rules. Such are not ranked. */
  readonly allowUnequal?: boolean;
  /** Energy table of each machine and its baseline, in the order of `machines`; without any, no energy is told. */
  readonly energy?: readonly (EnergyTable | undefined)[];
  /** How much to simulate of operations that a machine can be sampled on; without it everything, exactly. */
  readonly sample?: Sample | undefined;
  readonly onProgress?: (done: number, of: number) => void;
  /** Stops after the current op: `simulate` then rejects with the signal's reason, an AbortError where none was given. */
  readonly signal?: AbortSignal | undefined;
  /** Others that do a share of the ops. */
  readonly helpers?: Helpers;
  /** Reads an op of a trace; without it `prepareOperation`, each time anew. */
  readonly prepare?: (trace: Trace, op: MacOp) => Promise<PreparedOperation>;
}

/** An op of the steps (first those of `traces`, then of `baselineTraces`) and what it costs on each machine. */
export interface OpCosts {
  readonly op: number;
  /** Rows for an op of `traces`, null where a machine does not do it; time for one of `baselineTraces`. */
  readonly costs: readonly (RowCosts | Time | null)[];
}

/** Seconds of an op, with their interval where it was sampled. */
export type Time = Pick<RowCosts, "seconds" | "sample">;

/** Threads that take ops from the same counter as the caller. */
export interface Helpers {
  /** The next op to do, counting from 0; beyond the last there is nothing left. */
  take(): number;
  /** What the helpers did; `onOp` is told of each op as it comes in. */
  finish(onOp: (done: OpCosts) => void): Promise<void>;
}

/** Simulates. @throws InputError or Error when a baseline or traces are not comparable; the reason of the signal when it is aborted. */
export async function simulate(input: SimulationInput): Promise<SimulationResult> {
  const { traces, machines, baseline, baselineTraces = [] } = input;
  if (baseline !== undefined && !input.allowUnequal) checkEqualTerms(machines, baseline);
  checkOneNetwork([...traces, ...baselineTraces]);
  checkSizes([...traces, ...baselineTraces].map(({ trace }) => trace));
  if (baselineTraces.length > 0) checkSameWork(traces, baselineTraces);

  const comparisons = comparisonsOf(input);
  const all = [...traces, ...baselineTraces];
  const multiplying = all.flatMap(({ trace }) => trace.manifest.ops.filter(isMacOp));
  const shared = comparisons.flatMap(({ baseline, counterpart }) => (baseline === counterpart ? [] : baseline.machine));
  checkRoom([...new Set([...machines, ...shared])], multiplying);
  const of = all.reduce((sum, { trace }) => sum + stepOps(trace.manifest).length, 0);
  const costs = new Array<OpCosts["costs"]>(of);
  let done = 0;
  const onOp = (finished: OpCosts) => {
    costs[finished.op] = finished.costs;
    input.onProgress?.(++done, of);
  };
  const { helpers } = input;
  // Together: a helper may fail while this thread is still at work.
  await Promise.all([helpers?.finish(onOp), simulateOps(input, helpers?.take ?? counter(), onOp)]);
  input.signal?.throwIfAborted();

  const rows = comparisons.map((): ResultRow[] => []);
  const denseOps = comparisons.map((): TimedOp[] => []);
  all
    .flatMap(({ trace }, index) => stepOps(trace.manifest).map((op) => ({ op, index, step: trace.manifest.step })))
    .forEach(({ op: { layer, kind, pass }, index, step }, i) => {
      costs[i].forEach((cost, m) => {
        if (cost === null) return;
        if (index >= traces.length) denseOps[m].push({ kind, pass, ...cost });
        else rows[m].push({ trace: index, step, layer, kind, pass, ...(cost as RowCosts) });
      });
    });
  return {
    schema: RESULT_VERSION,
    traces: traces.map(identity),
    baseline: { machine: commonName(comparisons), traces: baselineTraces.map(identity) },
    ...(isSampled(input.sample) ? { sample: { share: input.sample.share, seed: input.sample.seed } } : {}),
    notCharged: notCharged(traces),
    ...incomplete(all),
    machines: comparisons.map(({ machine, differences, energy, ...references }, index): MachineResult => {
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
        rows: rows[index],
        totals: totalsOf({ rows: rows[index], steps: traces.length }, machine, reference.clockHz, {
          ops: denseOps[index],
          steps: baselineTraces.length,
        }),
      };
    }),
    footprint: traces.map(({ trace }) => footprintOf(trace.manifest)),
  };
}

/** Simulates the ops that `take` hands out, on all machines; each op's masks are read once. */
export async function simulateOps(
  input: SimulationInput,
  take: () => number,
  onOp: (done: OpCosts) => void,
): Promise<void> {
  const { traces, baselineTraces = [], prepare = prepareOperation, sample } = input;
  const comparisons = comparisonsOf(input);
  const plansOf = (trace: Trace) => {
    const dense = new Map<Machine, Promise<StepPlan>>();
    const densePlan = (machine: Machine) => {
      const plan = dense.get(machine) ?? planStep(trace, machine, false);
      dense.set(machine, plan);
      return plan;
    };
    return Promise.all(
      comparisons.map(async ({ machine, baseline, counterpart }) => ({
        own: await planStep(trace, machine, true),
        baseline: await densePlan(baseline.machine),
        counterpart: await densePlan(counterpart.machine),
      })),
    );
  };
  const steps = await Promise.all(
    [...traces, ...baselineTraces].map(async ({ trace, sha256 }, index) => ({
      trace,
      sha256,
      isBaseline: index >= traces.length,
      copy: (index < traces.length ? traces.slice(0, index) : baselineTraces.slice(0, index - traces.length)).filter(
        (before) => before.sha256 === sha256,
      ).length,
      plans: await plansOf(trace),
    })),
  );
  const ops = steps.flatMap((step) => stepOps(step.trace.manifest).map((op, at) => ({ ...step, op, at })));
  const takeBreak = eventLoopBreaks();
  for (let i = take(); i < ops.length; i = take()) {
    await takeBreak();
    input.signal?.throwIfAborted();
    const { trace, sha256, copy, op, at, plans, isBaseline } = ops[i];
    const rethrow = (error: unknown): never => {
      throw namingLayer(error, `${trace.name}: ${op.layer} ${op.pass}`);
    };
    const prepared = isMultiplying(op) ? await prepare(trace, op).catch(rethrow) : null;
    const parts =
      prepared !== null && isSampled(sample)
        ? // A trace that is given twice is drawn from twice, so that ops are independent.
          new SampledOperation(prepared, sample.share, `${sample.seed} ${sha256} ${copy} ${at}`)
        : null;
    const costsOn = (comparison: Comparison, index: number): RowCosts | Time | null => {
      const plan = plans[index];
      if (prepared !== null && isBaseline) {
        return sampled(parts, (run) => ({
          seconds: multiplyingSeconds(prepared, comparison.machine, plan.own, at, run),
        }));
      }
      if (prepared !== null) return sampled(parts, (run) => multiplyingRow(prepared, comparison, { at, ...plan }, run));
      const row = movingRow(op as Exclude<StepOp, MacOp>, comparison, { at, ...plan });
      return isBaseline ? { seconds: row?.seconds ?? 0 } : row;
    };
    try {
      onOp({ op: i, costs: comparisons.map(costsOn) });
    } catch (error) {
      rethrow(error);
    }
  }
}

/** A sample of all images is a full simulation. */
function isSampled(sample: Sample | undefined): sample is Sample {
  return sample !== undefined && sample.share < 1;
}

function isMultiplying(op: StepOp): op is MacOp {
  return op.kind !== "select" && op.kind !== "transpose" && isMacOp(op);
}

/** A comparison, and in what the machine differs from the common baseline, whether compared with that or not. */
interface Terms extends Comparison {
  readonly differences: readonly string[];
}

function comparisonsOf({ machines, energy, allowUnequal, ...input }: SimulationInput): Terms[] {
  const asked = input.baseline ?? input.commonBaseline;
  const common = asked === undefined ? undefined : denseReference(asked);
  return machines.map((machine, index) => {
    const counterpart = denseReference(denseTwin(machine));
    const differences = common === undefined ? [] : differencesFrom(common.machine, machine);
    const isCommon = input.baseline !== undefined || allowUnequal || differences.length === 0;
    const baseline = isCommon ? (common ?? counterpart) : counterpart;
    const comparison = { machine, baseline, counterpart, differences, denseRuns: new Map() };
    const table = energy?.[index];
    if (table === undefined) return comparison;
    return {
      ...comparison,
      energy: { own: energyModel(machine, table), reference: energyModel(baseline.machine, table) },
    };
  });
}

/** Name of the baseline that machines share, or `self` where none is compared with such a one. */
function commonName(comparisons: readonly Comparison[]): string {
  return comparisons.find(({ baseline, counterpart }) => baseline !== counterpart)?.baseline.machine.name ?? SELF;
}

function identityOf({ table, constants }: EnergyModel): NonNullable<MachineResult["energy"]> {
  return { table: table.name, node: table.node, family: table.family, constants: [...constants] };
}

function counter(): () => number {
  let next = 0;
  return () => next++;
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

/** Runs the ops of recorded steps through the pipeline, on all machines; each op's masks are read once. */

import { eventLoopBreaks } from "../core/event-loop.ts";
import { InputError } from "../io/faults.ts";
import { type StepOp, stepOps } from "../step/method-overheads.ts";
import { isMacOp, type MacOp } from "../trace/manifest.ts";
import type { IdentifiedTrace, Trace } from "../trace/trace.ts";
import type { Machine } from "./hardware/machine.ts";
import { planStep, type StepPlan } from "./memory/placement.ts";
import { type PreparedOperation, prepareOperation } from "./operation/ablations.ts";
import { namingLayer } from "./operation/limits.ts";
import { movingRow, multiplyingRow, multiplyingSeconds } from "./pipeline.ts";
import { type Comparison, type ComparisonInput, comparisonsOf, type PlannedOp } from "./result/comparison.ts";
import type { RowCosts } from "./result/op-result.ts";
import { isSampled, type Sample, sampled } from "./sampling/sampled.ts";
import { SampledOperation } from "./sampling/sampled-operation.ts";

/** Steps to run, and on what. */
export interface OpsInput extends ComparisonInput {
  readonly traces: readonly IdentifiedTrace[];
  /** Traces of dense training of the same network and batch, to tell what the training method adds. */
  readonly baselineTraces?: readonly IdentifiedTrace[];
  /** How much to simulate of operations that a machine can be sampled on; without it everything, exactly. */
  readonly sample?: Sample | undefined;
  /** Stops after the current op: `simulate` then rejects with the signal's reason, an AbortError where none was given. */
  readonly signal?: AbortSignal | undefined;
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
type Time = Pick<RowCosts, "seconds" | "sample">;

/** Threads that take ops from the same counter as the caller. */
export interface Helpers {
  /** The next op to do, counting from 0; beyond the last there is nothing left. */
  take(): number;
  /** What the helpers did; `onOp` is told of each op as it comes in. */
  finish(onOp: (done: OpCosts) => void): Promise<void>;
}

/** Simulates the ops that `take` hands out, on all machines. */
export async function simulateOps(input: OpsInput, take: () => number, onOp: (done: OpCosts) => void): Promise<void> {
  const comparisons = comparisonsOf(input);
  const ops = await plannedOps(input, comparisons);
  const takeBreak = eventLoopBreaks();
  for (let i = take(); i < ops.length; i = take()) {
    await takeBreak();
    input.signal?.throwIfAborted();
    const { step, op } = ops[i];
    const where = `${step.trace.name}: ${op.layer} ${op.pass}`;
    try {
      const costsOn = await prepared(ops[i], input);
      const costs = comparisons.map(costsOn);
      for (const [index, cost] of costs.entries()) checkCycles(cost, `${where}: on ${comparisons[index].machine.name}`);
      onOp({ op: i, costs });
    } catch (error) {
      throw namingLayer(error, where);
    }
  }
}

/** @throws InputError for cycles beyond what a double counts exactly, as a memory of astronomical latency takes, or for endless time. */
function checkCycles(cost: RowCosts | Time | null, where: string): void {
  if (cost === null || !("cycles" in cost)) return;
  const limit = Number.MAX_SAFE_INTEGER;
  // Multiplier-cycles are more than cycles.
  const most = Math.max(cost.cycles.total, ...Object.values("breakdown" in cost ? (cost.breakdown ?? {}) : {}));
  if (most > limit)
    throw new InputError([`${where}: takes too many cycles to count exactly, got ${most}; valid: at most ${limit}`]);
  if (!Number.isFinite(cost.seconds)) {
    throw new InputError([
      `${where}: takes too many seconds to count, got ${cost.seconds} for ${cost.cycles.total} cycles`,
    ]);
  }
}

/** A step with what every machine, and those that it is compared with, keep where. */
interface PlannedStep {
  readonly trace: Trace;
  /** Equal ones are drawn differently where a trace is given twice, so that ops are independent. */
  readonly key: string;
  /** Of dense training, of which only the time counts. */
  readonly isBaseline: boolean;
  readonly plans: readonly Omit<PlannedOp, "at">[];
}

interface StepPosition {
  readonly step: PlannedStep;
  readonly op: StepOp;
  readonly at: number;
}

/** Ops of all steps, in the order of `OpCosts.op`. */
async function plannedOps({ traces, baselineTraces = [] }: OpsInput, comparisons: readonly Comparison[]) {
  const planned = (group: readonly IdentifiedTrace[], isBaseline: boolean) =>
    group.map(async ({ trace, sha256 }, index): Promise<PlannedStep> => {
      const copy = group.slice(0, index).filter((before) => before.sha256 === sha256).length;
      return { trace, key: `${sha256} ${copy}`, isBaseline, plans: await plansOf(trace, comparisons) };
    });
  const steps = await Promise.all([...planned(traces, false), ...planned(baselineTraces, true)]);
  return steps.flatMap((step) => stepOps(step.trace.manifest).map((op, at): StepPosition => ({ step, op, at })));
}

/** Dense machines that several are compared with are planned once. */
function plansOf(trace: Trace, comparisons: readonly Comparison[]): Promise<PlannedStep["plans"]> {
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
}

type CostsOn = (comparison: Comparison, index: number) => RowCosts | Time | null;

/** What an op costs on each machine, once its masks are read. */
async function prepared(
  { step, op, at }: StepPosition,
  { prepare = prepareOperation, sample }: OpsInput,
): Promise<CostsOn> {
  const { trace, key, isBaseline, plans } = step;
  if (!isMultiplying(op)) {
    return (comparison, index) => {
      const row = movingRow(op, comparison, { at, ...plans[index] });
      return isBaseline ? { seconds: row?.seconds ?? 0 } : row;
    };
  }
  const operation = await prepare(trace, op);
  const parts = isSampled(sample) ? new SampledOperation(operation, sample.share, `${sample.seed} ${key} ${at}`) : null;
  if (!isBaseline) {
    return (comparison, index) =>
      sampled(parts, (count) => multiplyingRow(operation, comparison, { at, ...plans[index] }, count));
  }
  return ({ machine }, index) =>
    sampled(parts, (count) => ({
      seconds: multiplyingSeconds({ prepared: operation, machine, plan: plans[index].own, at }, count),
    }));
}

function isMultiplying(op: StepOp): op is MacOp {
  return op.kind !== "select" && op.kind !== "transpose" && isMacOp(op);
}

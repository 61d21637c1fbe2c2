/**
 * Replays traces on machines. For every recorded operation: the accelerator says what it costs in compute, the memory
 * model what it costs to feed it, and the slower of the two decides; then everything is added up by pass.
 */
import { isMacOp, type OtherOp, type TraceOp } from "../trace/manifest.ts";
import type { IdentifiedTrace } from "../trace/trace.ts";
import { checkEqualTerms, checkOneNetwork, checkSameWork } from "./comparability.ts";
import { footprintOf } from "./footprint.ts";
import { denseTwin, type Machine } from "./machine.ts";
import { prepareOperation } from "./prepare.ts";
import {
  type MachineResult,
  RESULT_VERSION,
  type ResultRow,
  type SimulationResult,
  type TraceIdentity,
} from "./result.ts";
import { type Comparison, movingRow, multiplyingRow, multiplyingSeconds } from "./rows.ts";
import { type TimedOp, totalsOf } from "./totals.ts";

/** What to simulate. */
export interface SimulationInput {
  readonly traces: readonly IdentifiedTrace[];
  readonly machines: readonly Machine[];
  /** Dense machine to compare with; without one, each machine is compared with its own array without skipping. */
  readonly baseline?: Machine;
  /** Traces of dense training of the same network and batch, to tell what the training method adds. */
  readonly baselineTraces?: readonly IdentifiedTrace[];
  /** Compare machines with a baseline of another peak, clock, datatype, memory or rules. */
  readonly allowUnequal?: boolean;
  readonly onProgress?: (done: number, of: number) => void;
}

/** Simulates. @throws InputError or Error when a baseline or traces are not comparable. */
export async function simulate(input: SimulationInput): Promise<SimulationResult> {
  const { traces, machines, baseline, baselineTraces = [] } = input;
  if (baseline !== undefined && !input.allowUnequal) checkEqualTerms(machines, baseline);
  checkOneNetwork([...traces, ...baselineTraces]);
  if (baselineTraces.length > 0) checkSameWork(traces, baselineTraces);

  const ops = (list: readonly IdentifiedTrace[]) => list.reduce((sum, { trace }) => sum + trace.manifest.ops.length, 0);
  const of = ops(traces) + ops(baselineTraces);
  let done = 0;
  const tick = () => input.onProgress?.(++done, of);
  const comparisons = machines.map(
    (machine): Comparison => ({ machine, reference: baseline ?? denseTwin(machine), isTwin: baseline === undefined }),
  );
  const rows = await replay(traces, comparisons, tick);
  const denseRows = await timeSteps(baselineTraces, comparisons, tick);
  const stepRatio = traces.length / Math.max(1, baselineTraces.length);

  return {
    schema: RESULT_VERSION,
    traces: traces.map(identity),
    baseline: { machine: baseline?.name ?? "self", traces: baselineTraces.map(identity) },
    notCharged: notCharged(traces),
    machines: comparisons.map(({ machine, reference }, index): MachineResult => {
      const { name, config, accelerator, peakMacsPerSecond } = machine;
      return {
        name,
        config,
        modelVersion: accelerator.modelVersion,
        mappings: accelerator.mappings,
        peakMacsPerSecond,
        baseline: { name: reference.name, config: reference.config },
        rows: rows[index],
        totals: totalsOf(rows[index], machine, reference.clockHz, denseRows[index], stepRatio),
      };
    }),
    footprint: traces.map(({ trace }) => footprintOf(trace.manifest)),
  };
}

/** Rows of every machine over all traces, in the order of the ops; each op's masks are read once for all machines. */
async function replay(
  traces: readonly IdentifiedTrace[],
  comparisons: readonly Comparison[],
  tick: () => void,
): Promise<ResultRow[][]> {
  const rows = comparisons.map((): ResultRow[] => []);
  for (const [index, { trace }] of traces.entries()) {
    const { step, ops } = trace.manifest;
    for (const op of ops) {
      const prepared = isMacOp(op) ? await prepareOperation(trace, op) : null;
      const place = { trace: index, step, layer: op.layer, kind: op.kind, pass: op.pass };
      comparisons.forEach((comparison, m) => {
        const costs =
          prepared === null ? movingRow(op as OtherOp, trace, comparison) : multiplyingRow(prepared, comparison);
        rows[m].push({ ...place, ...costs });
      });
      tick();
    }
  }
  return rows;
}

/** What each machine takes for the ops of dense-training traces; where the time goes is of no interest there. */
async function timeSteps(
  traces: readonly IdentifiedTrace[],
  comparisons: readonly Comparison[],
  tick: () => void,
): Promise<TimedOp[][]> {
  const times = comparisons.map((): TimedOp[] => []);
  for (const { trace } of traces) {
    for (const op of trace.manifest.ops) {
      const prepared = isMacOp(op) ? await prepareOperation(trace, op) : null;
      comparisons.forEach((comparison, m) => {
        const seconds =
          prepared === null
            ? movingRow(op as OtherOp, trace, comparison).seconds
            : multiplyingSeconds(prepared, comparison.machine);
        times[m].push({ kind: op.kind, pass: op.pass, seconds });
      });
      tick();
    }
  }
  return times;
}

function identity({ trace, name, sha256 }: IdentifiedTrace): TraceIdentity {
  const { step, network, method, seed } = trace.manifest;
  const { sparsity } = method;
  return {
    name,
    sha256,
    step,
    network,
    method: method.name,
    ...(sparsity === undefined ? {} : { sparsity }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** What a training step does that the traces do not hold, so that nobody paid for it. */
function notCharged(traces: readonly IdentifiedTrace[]): string[] {
  const kinds = new Set<TraceOp["kind"]>(traces.flatMap(({ trace }) => trace.manifest.ops.map(({ kind }) => kind)));
  const always: readonly TraceOp["kind"][] = ["relu", "loss", "optimizer"];
  const missing: string[] = always.filter((kind) => !kinds.has(kind));
  if (missing.length === always.length) missing.unshift("batch norm, pooling and additions, if any");
  const sparse = traces.some(({ trace }) => trace.manifest.method.name !== "dense");
  return sparse ? [...missing, "top-k selection and compression"] : missing;
}

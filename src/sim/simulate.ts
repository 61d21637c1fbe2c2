/**
 * Replays traces on machines. For every recorded operation: the accelerator says what it costs in compute, the memory
 * model what it costs to feed it, and the slower of the two decides; then everything is added up by pass.
 */
import { InputError } from "../io/faults.ts";
import { sizeOf } from "../kernels/geometry.ts";
import { isMacOp, type OtherOp, type TraceOp } from "../trace/manifest.ts";
import type { Trace } from "../trace/trace.ts";
import type { ComputeResult } from "./accelerator.ts";
import { footprintOf } from "./footprint.ts";
import { denseTwin, type Machine } from "./machine.ts";
import { type OffChipBytes, offChipBytes, transferCycles } from "./memory.ts";
import type { Operand, Operation } from "./operation.ts";
import { type PreparedOperation, prepareOperation } from "./prepare.ts";
import {
  type MachineResult,
  RESULT_VERSION,
  type ResultRow,
  type SimulationResult,
  type TraceIdentity,
} from "./result.ts";
import { totalsOf } from "./totals.ts";

/** An opened trace and the hash of its file. */
export interface IdentifiedTrace {
  readonly trace: Trace;
  /** File name without folders. */
  readonly name: string;
  readonly sha256: string;
}

/** What to simulate. */
export interface SimulationInput {
  readonly traces: readonly IdentifiedTrace[];
  readonly machines: readonly Machine[];
  /** Dense machine to compare with; without one, each machine is compared with its own array without skipping. */
  readonly baseline?: Machine;
  /** Traces of dense training of the same network and batch, to tell what the training method adds. */
  readonly baselineTraces?: readonly IdentifiedTrace[];
  /** Compare machines of another peak than the baseline's. */
  readonly allowUnequal?: boolean;
  readonly onProgress?: (done: number, of: number) => void;
}

/** Relative difference up to which two peaks count as equal. */
const PEAK_TOLERANCE = 1e-9;

/** Simulates. @throws Error when a baseline is not comparable. */
export async function simulate(input: SimulationInput): Promise<SimulationResult> {
  const { traces, machines, baseline, baselineTraces = [] } = input;
  if (baseline !== undefined && !input.allowUnequal) checkPeaks(machines, baseline);
  checkOneNetwork([...traces, ...baselineTraces]);
  if (baselineTraces.length > 0) checkSameWork(traces, baselineTraces);

  const ops = (list: readonly IdentifiedTrace[]) => list.reduce((sum, { trace }) => sum + trace.manifest.ops.length, 0);
  const of = ops(traces) + ops(baselineTraces);
  let done = 0;
  const tick = () => input.onProgress?.(++done, of);
  const rows = await replay(traces, machines, baseline, tick);
  const denseRows = await replay(baselineTraces, machines, baseline, tick);

  return {
    schema: RESULT_VERSION,
    traces: traces.map(identity),
    baseline: { machine: baseline?.name ?? "self", traces: baselineTraces.map(identity) },
    notCharged: notCharged(traces),
    machines: machines.map((machine, index): MachineResult => {
      const reference = baseline ?? denseTwin(machine);
      return {
        name: machine.name,
        config: machine.config,
        modelVersion: machine.accelerator.modelVersion,
        peakMacsPerSecond: machine.peakMacsPerSecond,
        baseline: { name: reference.name, config: reference.config },
        rows: rows[index],
        totals: totalsOf(
          rows[index],
          machine,
          reference.clockHz,
          denseRows[index],
          traces.length / Math.max(1, baselineTraces.length),
        ),
      };
    }),
    footprint: traces.map(({ trace }) => footprintOf(trace.manifest)),
  };
}

/** Rows of every machine over all traces, in the order of the ops; each op's masks are read once for all machines. */
async function replay(
  traces: readonly IdentifiedTrace[],
  machines: readonly Machine[],
  baseline: Machine | undefined,
  tick: () => void,
): Promise<ResultRow[][]> {
  const rows = machines.map((): ResultRow[] => []);
  for (const [index, { trace }] of traces.entries()) {
    for (const op of trace.manifest.ops) {
      const prepared = isMacOp(op) ? await prepareOperation(trace, op) : null;
      machines.forEach((machine, m) => {
        const reference = baseline ?? denseTwin(machine);
        const row =
          prepared === null
            ? movingRow(op as OtherOp, trace, machine, reference)
            : multiplyingRow(prepared, machine, reference, baseline === undefined);
        rows[m].push({
          trace: index,
          step: trace.manifest.step,
          layer: op.layer,
          kind: op.kind,
          pass: op.pass,
          ...row,
        });
      });
      tick();
    }
  }
  return rows;
}

type RowCosts = Omit<ResultRow, "trace" | "step" | "layer" | "kind" | "pass">;

function multiplyingRow(prepared: PreparedOperation, machine: Machine, reference: Machine, isTwin: boolean): RowCosts {
  const { actual, sizes, macs } = prepared;
  const { accelerator, params, clockHz } = machine;
  const run = memoized((operation) => accelerator.run(operation, params));
  const compute = run(actual);
  const noZeros = run(prepared.noZeros);
  const solid = run(prepared.solid);
  const natural = run(prepared.natural);

  const moved = offChip(prepared, machine);
  const cycles = overlapped(compute, transfer(moved, machine));
  const noZerosMoved = offChip(prepared, machine, true);
  const noZerosCycles = overlapped(noZeros, transfer(noZerosMoved, machine));
  const baseCompute = isTwin
    ? { cycles: compute.baseCycles, reschedulingCycles: 0 }
    : reference.accelerator.run(actual, reference.params);
  const baselineCycles = overlapped(baseCompute, transfer(offChip(prepared, reference), reference)).total;

  return {
    macs,
    densities: mapValues(sizes, ({ elements, nonzeros }) => (elements === 0 ? 0 : nonzeros / elements)),
    scheduled: compute.scheduled,
    cycles,
    saved: {
      lanePadding: compute.baseCycles - solid.cycles,
      imagePadding: solid.cycles - noZeros.cycles,
      natural: noZeros.cycles - natural.cycles,
      topK: natural.cycles - compute.cycles,
    },
    baselineCycles,
    baselineComputeCycles: baseCompute.cycles,
    noZerosComputeCycles: noZeros.cycles,
    idealCycles: Math.ceil(macs.effectual / machine.multipliers),
    counters: { ...compute.counters },
    seconds: cycles.total / clockHz,
    baselineSeconds: baselineCycles / reference.clockHz,
    noZerosSeconds: noZerosCycles.total / clockHz,
    onChipBytes: {
      ...mapValues(compute.onChipReads, (values) => values * machine.memory.valueBytes),
      output: compute.onChipWrites * machine.memory.valueBytes,
    },
    offChipBytes: { ...moved },
    validation: accelerator.validation(prepared.actual, params),
  };
}

/** An op without MACs: everything it reads and writes goes over the memory interface. */
function movingRow(op: OtherOp, trace: Trace, machine: Machine, reference: Machine): RowCosts {
  const bytesOf = (ids: readonly string[], { memory }: Machine) =>
    ids.reduce((sum, id) => {
      const { role, shape } = trace.tensor(id);
      const wide = role === "parameter" || role === "parameterGrad" || role === "optimizerState";
      return sum + sizeOf(shape) * (wide ? memory.wideBytes : memory.valueBytes);
    }, 0);
  const moved = (target: Machine) => ({ read: bytesOf(op.reads, target), written: bytesOf(op.writes, target) });
  const cyclesOn = (target: Machine) => transfer(moved(target), target);
  const total = cyclesOn(machine);
  const baselineCycles = cyclesOn(reference);
  return {
    macs: { dense: 0, effectual: 0, topK: 0, natural: 0, imagePadding: 0, stride: 0 },
    densities: {},
    scheduled: null,
    cycles: { total, compute: 0, rescheduling: 0, memoryStall: total },
    saved: { lanePadding: 0, imagePadding: 0, natural: 0, topK: 0 },
    baselineCycles,
    baselineComputeCycles: 0,
    noZerosComputeCycles: 0,
    idealCycles: total,
    counters: {},
    seconds: total / machine.clockHz,
    baselineSeconds: baselineCycles / reference.clockHz,
    noZerosSeconds: total / machine.clockHz,
    onChipBytes: {},
    offChipBytes: moved(machine),
    validation: "formula",
  };
}

/** Compute and DRAM overlap; making a schedule does not. */
function overlapped(
  { cycles: compute, reschedulingCycles: rescheduling }: Pick<ComputeResult, "cycles" | "reschedulingCycles">,
  dram: number,
): ResultRow["cycles"] {
  const memoryStall = Math.max(0, dram - compute);
  return { total: compute + rescheduling + memoryStall, compute, rescheduling, memoryStall };
}

function offChip(prepared: PreparedOperation, machine: Machine, withoutZeros = false): OffChipBytes {
  const sizes = withoutZeros
    ? mapValues(prepared.sizes, ({ elements }) => ({ elements, nonzeros: elements }))
    : prepared.sizes;
  return offChipBytes(prepared.op.pass, sizes, prepared.outputElements, machine.memory);
}

function transfer(bytes: Readonly<Record<string, number>>, machine: Machine): number {
  const sum = Object.values(bytes).reduce((total, part) => total + part, 0);
  return transferCycles(sum, machine.memory.bandwidthBytesPerSecond, machine.clockHz);
}

function memoized(run: (operation: Operation) => ComputeResult): (operation: Operation) => ComputeResult {
  const results = new Map<Operation, ComputeResult>();
  return (operation) => {
    const known = results.get(operation) ?? run(operation);
    results.set(operation, known);
    return known;
  };
}

function mapValues<T, U>(record: Readonly<Partial<Record<Operand, T>>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
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

function notCharged(traces: readonly IdentifiedTrace[]): string[] {
  const present = new Set(traces.flatMap(({ trace }) => trace.manifest.ops.map(({ kind }) => kind)));
  const lasting: TraceOp["kind"][] = ["batchNorm", "relu", "loss", "optimizer"];
  return lasting.filter((kind) => !present.has(kind));
}

function checkPeaks(machines: readonly Machine[], baseline: Machine): void {
  const faults = machines
    .filter(({ peakMacsPerSecond: peak }) => Math.abs(peak - baseline.peakMacsPerSecond) > PEAK_TOLERANCE * peak)
    .map(
      ({ name, peakMacsPerSecond: peak }) =>
        `${name}: is not comparable with baseline ${baseline.name}: peak ${peak} MAC/s against ${baseline.peakMacsPerSecond} MAC/s; take a baseline of the same peak, or --allow-unequal`,
    );
  if (faults.length > 0) throw new InputError(faults);
}

/** Steps of one network add up to a training; those of several would be weighed by chance. */
function checkOneNetwork(traces: readonly IdentifiedTrace[]): void {
  const [first] = traces;
  for (const { trace } of traces) {
    const { network } = trace.manifest;
    if (network !== first.trace.manifest.network) {
      throw new Error(
        `${trace.name}: steps of different networks do not add up, got "${network}" after "${first.trace.manifest.network}"; simulate them one by one`,
      );
    }
  }
}

function checkSameWork(traces: readonly IdentifiedTrace[], dense: readonly IdentifiedTrace[]): void {
  for (const { trace } of dense) {
    const sparse = trace.manifest.tensors.find(({ role, mask }) => role === "weight" && mask !== undefined);
    if (sparse !== undefined) {
      throw new Error(`${trace.name}: is not a step of dense training: weight "${sparse.id}" has zeros`);
    }
  }
  const work = ({ trace }: IdentifiedTrace) =>
    JSON.stringify(
      trace.manifest.ops
        .filter(isMacOp)
        .map(({ layer, pass, geometry }) => [layer, pass, Object.entries(geometry).sort()]),
    );
  const expected = work(traces[0]);
  for (const other of [...traces, ...dense]) {
    if (work(other) !== expected) {
      throw new Error(
        `${other.trace.name}: is not comparable with ${traces[0].trace.name}: layers, passes or geometries (batch size included) differ`,
      );
    }
  }
}

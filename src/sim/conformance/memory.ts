/**
 * Conservation of bytes, for any machine and trace: what an operation reads was in DRAM or was written on chip before, and fits
 * there; every level moves at least what must pass through it (compulsory traffic); and no operation is faster than its bytes
 * allow. The checks follow the ops of the trace on their own and ask the memory model only for what it claims.
 */
import { type BitMask, getBit } from "../../core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";
import { operandEntries, SHAPE_OF } from "../../core/passes.ts";
import { type StepOp, stepOps, tensorsOf } from "../../step/method-overheads.ts";
import type { MacOp } from "../../trace/manifest.ts";
import type { Trace } from "../../trace/trace.ts";
import { denseTwin, type Machine } from "../hardware/machine.ts";
import type { MemoryLevel } from "../memory/hierarchy.ts";
import { OUTERMOST, planStep, type StepPlan } from "../memory/placement.ts";
import { storedBytes } from "../memory/storage.ts";
import { DRAM, total } from "../memory/timing.ts";
import type { Operand } from "../operation/operation.ts";
import type { RowCosts } from "../result/op-result.ts";
import { simulateOps } from "../run-ops.ts";

/** Faults in how `machine`, and its array without skipping, move the bytes of `trace`; empty where every byte is accounted for. */
export async function conservationFaults(trace: Trace, machine: Machine): Promise<string[]> {
  const ops = stepOps(trace.manifest);
  const own = await planStep(trace, machine, true);
  const dense = await planStep(trace, denseTwin(machine), false);
  const rows = await rowsOf(trace, machine, ops.length);
  const faults = [
    ...residenceFaults(ops, own, machine.memory.residentBytes),
    ...residenceFaults(ops, dense, machine.memory.residentBytes).map((fault) => `without skipping: ${fault}`),
  ];
  for (const [at, op] of ops.entries()) {
    const row = rows[at];
    if (row === null) continue;
    faults.push(...(await rowFaults(trace, op, row, { machine, plan: own, at })).map(saying(op)));
  }
  return faults;
}

function saying({ layer, kind, pass }: StepOp): (fault: string) => string {
  return (fault) => `${layer} ${kind} ${pass}: ${fault}`;
}

async function rowsOf(trace: Trace, machine: Machine, count: number): Promise<readonly (RowCosts | null)[]> {
  const rows: (RowCosts | null)[] = [];
  let next = 0;
  const input = { traces: [{ trace, name: trace.name, sha256: "" }], machines: [machine] };
  await simulateOps(
    input,
    () => next++,
    ({ op, costs }) => {
      rows[op] = costs[0] as RowCosts | null;
    },
  );
  if (rows.length !== count) throw new Error(`${rows.length} of ${count} ops were simulated`);
  return rows;
}

/**
 * What is read on chip was read or written before in this step and has had room since; what is read from DRAM was there: no op
 * wrote it before, or the last one that did wrote it to DRAM. Nothing is made of nothing.
 */
export function residenceFaults(ops: readonly StepOp[], plan: StepPlan, residentBytes: number): string[] {
  const faults: string[] = [];
  /** Last op that touched a tensor, and whether DRAM has its present content. */
  const touched = new Map<string, number>();
  const inDram = new Map<string, boolean>();
  /** Bytes that stay on chip from op to op. */
  const kept = new Float64Array(ops.length);
  ops.forEach((op, at) => {
    const touch = plan.tensors(at);
    if (touch === null) return;
    const { reads, writes } = plan.residence(at);
    const fault = (what: string) => faults.push(saying(op)(what));
    if (touch.reads.length === 0 && touch.writes.some((id) => plan.bytesOf(id, 0) > 0)) {
      fault(`writes ${touch.writes.join(" and ")} without reading anything`);
    }
    for (const id of touch.reads) {
      if (!reads.has(id)) {
        if (inDram.get(id) === false) fault(`reads ${id} from DRAM, where no op wrote it`);
        continue;
      }
      const since = touched.get(id);
      if (since === undefined) fault(`reads ${id} on chip, where nothing put it`);
      for (let held = since ?? at; held < at; held++) kept[held] += plan.bytesOf(id, OUTERMOST);
    }
    for (const id of touch.reads) touched.set(id, at);
    for (const id of touch.writes) {
      touched.set(id, at);
      inDram.set(id, !writes.has(id));
    }
  });
  kept.forEach((bytes, at) => {
    if (bytes > residentBytes) {
      faults.push(saying(ops[at])(`${bytes} bytes stay on chip afterwards, where ${residentBytes} have room`));
    }
  });
  return faults;
}

/** Where an op stands in a step on a machine. */
interface Place {
  readonly machine: Machine;
  readonly plan: StepPlan;
  readonly at: number;
}

/** Faults in what the row of one op moves, and in its time. */
export async function rowFaults(trace: Trace, op: StepOp, row: RowCosts, place: Place): Promise<string[]> {
  const moved = isMultiplying(op) ? await operandFaults(trace, op, row, place) : movedFaults(op, row, place);
  return [...moved, ...timeFaults(row, place.machine), ...sumFaults(row, place.machine)];
}

/** Cycles, multiplier-cycles and stalls by cause are at least zero and add up to what they are the causes of. */
function sumFaults({ cycles, breakdown, stalls }: RowCosts, { multipliers }: Machine): string[] {
  const { total: all, ...parts } = cycles;
  const waited = Object.entries(stalls).flatMap(([place, counts]) =>
    Object.entries(counts).map(([name, count]): [string, number] => [`${place} ${name}`, count]),
  );
  const sums: [what: string, parts: Readonly<Record<string, number>>, sum: number][] = [
    ["cycles", parts, all],
    ["breakdown", breakdown, multipliers * all],
    ["stalls", Object.fromEntries(waited), cycles.memoryStall],
  ];
  return sums.flatMap(([what, counts, sum]) => [
    ...Object.entries(counts)
      .filter(([, count]) => !(count >= 0))
      .map(([cause, count]) => `${what}: ${cause} is ${count}`),
    ...(total(counts) === sum ? [] : [`${what}: the parts are ${total(counts)} together, not ${sum}`]),
  ]);
}

/** An op that does not multiply moves each of its tensors, or its share of them, over DRAM at least once, unless it is on chip. */
function movedFaults(op: StepOp, { traffic }: RowCosts, { plan, at }: Place): string[] {
  const touch = plan.tensors(at) ?? tensorsOf(op);
  const { reads, writes } = plan.residence(at);
  const share = "share" in op ? (op.share ?? 1) : 1;
  const least = (ids: readonly string[], resident: ReadonlySet<string>) =>
    ids.reduce((sum, id) => sum + (resident.has(id) ? 0 : share * plan.bytesOf(id, 0)), 0);
  const needed = { read: least(touch.reads, reads), written: least(touch.writes, writes) };
  return (["read", "written"] as const)
    .filter((way) => (traffic[DRAM]?.[way] ?? 0) < Math.floor(needed[way]))
    .map(
      (way) => `${traffic[DRAM]?.[way] ?? 0} bytes are ${way} over DRAM, fewer than the ${needed[way]} of its tensors`,
    );
}

/** An op that multiplies moves what it needs of each operand, and its result, through DRAM and every level that holds them. */
async function operandFaults(
  trace: Trace,
  op: MacOp,
  row: RowCosts,
  { machine: { memory }, plan, at }: Place,
): Promise<string[]> {
  const faults: string[] = [];
  const { reads, writes } = plan.residence(at);
  const need = (place: string, name: string, bytes: number) => {
    const moved = row.traffic[place]?.[name] ?? 0;
    if (moved < bytes) faults.push(`${moved} bytes of ${name} cross ${place}, fewer than the ${bytes} that must`);
  };
  const places = [{ name: DRAM, level: memory }, ...memory.levels.map((level) => ({ name: level.name, level }))];
  /** Borders that a tensor crosses from DRAM or the outermost level inwards, each with the index of the place outside: its bytes have that format. */
  const crossed = (tensor: Operand | "output", isOnChip: boolean) => {
    let outside = isOnChip ? OUTERMOST : 0;
    return places.slice(isOnChip ? OUTERMOST + 1 : 0).flatMap(({ name, level }, i) => {
      if (!isHeld(level, tensor)) return [];
      const border = { name, outside };
      outside = i + (isOnChip ? OUTERMOST + 1 : 0);
      return [border];
    });
  };
  for (const [operand, id] of operandEntries(op.pass, op.operands)) {
    const mask = { shape: SHAPE_OF[operand](op.geometry), bytes: (await trace.mask(id)).bytes };
    const used = usedOf(op, operand, mask);
    for (const { name, outside } of crossed(operand, reads.has(plan.idOf(id)))) {
      const storage = places[outside].level.storage[operand];
      const whole = used.isAll && storage.isCounted;
      const values = used.nonzeros * memory.valueBytes;
      need(name, operand, Math.floor(whole ? storedBytes(used, storage, memory.valueBytes) : values));
    }
  }
  const { output } = op;
  if (output === undefined || row.macs.dense === 0) return faults;
  for (const { name, outside } of crossed("output", writes.has(output))) {
    need(name, "output", plan.bytesOf(output, outside));
  }
  return faults;
}

function isHeld(level: object | MemoryLevel, tensor: Operand | "output"): boolean {
  return !("holds" in level) || level.holds.has(tensor);
}

/** What of an operand meets the other one at all, zeros of either aside. */
interface Used {
  readonly elements: number;
  readonly nonzeros: number;
  readonly isAll: boolean;
}

function usedOf({ pass, geometry: g }: MacOp, operand: Operand, mask: BitMask): Used {
  const [slices, channels, height, width] = mask.shape;
  const rows = usedAlong(g, 0, operand);
  const columns = usedAlong(g, 1, operand);
  let nonzeros = 0;
  let all = 0;
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < channels * height * width; i++) {
      if (!getBit(mask, slice, i)) continue;
      all++;
      if (rows.has(Math.floor(i / width) % height) && columns.has(i % width)) nonzeros++;
    }
  }
  // A whole tensor passes without a look at where its elements are; a part may be a mean share of it.
  const elements = slices * channels * rows.size * columns.size;
  const isAll = rows.size === height && columns.size === width;
  const whole = slices * channels * height * width;
  const hasWork = elements > 0 && (pass !== "weightGrad" || g.K * g.C > 0);
  if (!hasWork) return { elements: 0, nonzeros: 0, isAll: false };
  return { elements, nonzeros: isAll ? all : Math.min(nonzeros, Math.floor((all * elements) / whole)), isAll };
}

/** Positions along an axis (0 vertical, 1 horizontal) of an operand's plane that some window and kernel position bring together. */
function usedAlong(g: ConvGeometry, axis: 0 | 1, operand: Operand): ReadonlySet<number> {
  const [extent, kernel, windows] = axis === 0 ? [g.H, g.R, outputHeight(g)] : [g.W, g.S, outputWidth(g)];
  const used = new Set<number>();
  for (let window = 0; window < windows; window++) {
    for (let tap = 0; tap < kernel; tap++) {
      const at = window * g.stride[axis] + tap * g.dilation[axis] - g.padding[2 * axis];
      if (at >= 0 && at < extent) used.add(operand === "input" ? at : operand === "weight" ? tap : window);
    }
  }
  return used;
}

/** Every memory moves its bytes within the cycles of the op; edges are counted in whole cycles, rounded down, for each level. */
function timeFaults({ traffic, cycles }: RowCosts, { memory }: Machine): string[] {
  const most = cycles.total + 2 * (memory.levels.length + 1);
  const moved = total(traffic[DRAM] ?? {});
  const atPeak = moved / memory.dramBytesPerCycle;
  return atPeak <= most ? [] : [`${moved} bytes cross DRAM in ${cycles.total} cycles, fewer than ${atPeak}`];
}

function isMultiplying(op: StepOp): op is MacOp {
  return op.kind === "conv" || op.kind === "linear";
}

/** One recorded step on one machine: what each op touches, how every tensor is stored, and which of them stay on chip between ops. */
import { sizeOf } from "../../core/geometry.ts";
import { operandEntries, SHAPE_OF } from "../../core/passes.ts";
import { type StepOp, stepOps, tensorsOf } from "../../step/method-overheads.ts";
import { isMacOp, type MacOp, type TraceManifest, type TraceTensor } from "../../trace/manifest.ts";
import type { Trace } from "../../trace/trace.ts";
import type { Machine } from "../hardware/machine.ts";
import type { Operand, Pass } from "../operation/operation.ts";
import type { MemoryOperand } from "./hierarchy.ts";
import { readingOrder } from "./reading-order.ts";
import { type Residence, residenceOf, type Touch } from "./residence.ts";
import { storedBytes, storedMaskBytes } from "./storage.ts";

/** Index of the outermost level among the places that store tensors; DRAM comes before it. */
export const OUTERMOST = 1;

/** A step as a machine runs it. */
export interface StepPlan {
  /** What an op reads and writes; null where the machine has no need of it. */
  tensors(op: number): Touch | null;
  /** Bytes of a tensor as DRAM (0) or a level (1, outermost, and on) stores it, `as` forward reads it or transposed; sums and master copies are wide. */
  bytesOf(id: string, place: number, as?: keyof Stored): number;
  elementsOf(id: string): number;
  /** The tensor that the machine reads as `id`. */
  idOf(id: string): string;
  /** What of an op's tensors is on chip. */
  residence(op: number): Residence;
  /** The level that the vector unit reads and writes a tensor in. */
  levelOf(id: string): number;
}

/**
 * Plans a step.
 * @param selects false for a machine that trains densely: it selects nothing and reads what selections were made from.
 */
export async function planStep(trace: Trace, machine: Machine, selects: boolean): Promise<StepPlan> {
  const { accelerator, memory } = machine;
  const { manifest } = trace;
  const tensors = new Map(manifest.tensors.map((tensor) => [tensor.id, tensor]));
  const root = (id: string) => (selects ? id : (tensors.get(id)?.within ?? id));
  const elementsOf = (id: string) => sizeOf(tensors.get(id)?.shape ?? []);
  const bytes = await bytesByPlace(trace, machine, selects);
  const bytesOf = (id: string, place: number, as: keyof Stored = "forward") => (bytes.get(id) as Stored)[as][place];
  const isNeeded = (op: StepOp) => {
    if (op.kind === "select") return selects;
    if (op.kind !== "transpose") return true;
    // What is compressed has to be written anew where the lanes of a pass hold something else; dense tensors are read in any order.
    const [id] = op.reads;
    const least = Math.min(bytesOf(id, 0), bytesOf(id, 0, "transposed"));
    const isCompressed = selects && least < elementsOf(id) * memory.valueBytes;
    return isCompressed && accelerator.mappings[op.pass].lanes !== accelerator.mappings.forward.lanes;
  };
  const ops = stepOps(manifest);
  const isCopy = (id: string) => bytesOf(id, 0) !== elementsOf(id) * memory.wideBytes;
  const copied = copiedWeights(ops, selects, isCopy);
  // Not kept: plans are many, and so are ops.
  const touchOf = (op: StepOp): Touch | null => {
    if (!isNeeded(op)) return null;
    const { reads, writes } = tensorsOf(op);
    const copies = op.kind === "optimizer" ? (copied.get(op.layer) ?? []) : [];
    const isInPlace = IN_PLACE.includes(op.kind);
    return { reads: reads.map(root), writes: [...writes, ...copies].map(root), isInPlace };
  };
  const outlives = (id: string) => isLasting(tensors.get(id)?.role);
  const kindsOf = heldAs(manifest, root);
  const canStay = (id: string) => kindsOf(id).every((kind) => memory.levels[0].holds.has(kind));
  const residences = residenceOf(
    ops.map((op) => touchOf(op) ?? { reads: [], writes: [], isInPlace: false }),
    memory.residentBytes,
    (id) => (canStay(id) ? bytesOf(id, OUTERMOST) : Number.POSITIVE_INFINITY),
    outlives,
  );
  return {
    tensors: (op) => touchOf(ops[op]),
    bytesOf: (id, place, as) => bytesOf(root(id), place, as),
    elementsOf,
    idOf: root,
    residence: (op) => residences[op],
    levelOf: (id) => {
      const [kind] = kindsOf(root(id));
      return memory.levels.findIndex(({ holds }) => holds.has(kind));
    },
  };
}

/** Bytes of a tensor in DRAM and in each level: as forward reads it, and as the pass does that may read it in another order. */
interface Stored {
  readonly forward: readonly number[];
  readonly transposed: readonly number[];
}

/** Bytes of every tensor; of operands by their masks where formats ask for more than a count. */
async function bytesByPlace(
  trace: Trace,
  { accelerator, memory }: Machine,
  isCompressed: boolean,
): Promise<ReadonlyMap<string, Stored>> {
  const places = [memory, ...memory.levels].map(({ storage }) => storage);
  const readers = new Map<string, { readonly op: MacOp; readonly operand: Operand }>();
  for (const op of trace.manifest.ops.filter(isMacOp)) {
    for (const [operand, id] of operandEntries(op.pass, op.operands)) readers.set(id, { op, operand });
  }
  const inAnyOrder = (forward: readonly number[]): Stored => ({ forward, transposed: forward });
  const bytesOf = async ({ id, role, shape, nonzeros }: TraceTensor): Promise<Stored> => {
    const elements = sizeOf(shape);
    const valueBytes = isWide(role) ? memory.wideBytes : memory.valueBytes;
    const reader = readers.get(id);
    if (reader === undefined || !isCompressed || nonzeros === elements) {
      return inAnyOrder(places.map(() => elements * valueBytes));
    }
    const {
      op: { geometry },
      operand,
    } = reader;
    const size = { elements, nonzeros };
    if (places.every((storage) => storage[operand].isCounted)) {
      return inAnyOrder(places.map((storage) => storedBytes(size, storage[operand], valueBytes)));
    }
    const mask = { shape: SHAPE_OF[operand](geometry), bytes: (await trace.mask(id)).bytes };
    const readIn = (pass: Pass) => {
      const reading = { operand, order: readingOrder(accelerator, pass), geometry };
      return places.map((storage) => storedMaskBytes(mask, reading, size, storage[operand], valueBytes));
    };
    return { forward: readIn("forward"), transposed: readIn(operand === "weight" ? "inputGrad" : "weightGrad") };
  };
  const { tensors } = trace.manifest;
  return new Map(await Promise.all(tensors.map(async (tensor) => [tensor.id, await bytesOf(tensor)] as const)));
}

/** By layer, weights that nothing but the update makes: it writes those that are narrower than the master copy, or compressed. */
function copiedWeights(
  ops: readonly StepOp[],
  selects: boolean,
  isCopy: (id: string) => boolean,
): ReadonlyMap<string, string[]> {
  const weights = new Map<string, string[]>();
  const selected = new Set(ops.flatMap((op) => (selects && op.kind === "select" ? op.writes : [])));
  for (const op of ops) {
    if (!("operands" in op) || op.operands.weight === undefined || weights.has(op.layer)) continue;
    weights.set(
      op.layer,
      [op.operands.weight].filter((id) => !selected.has(id) && isCopy(id)),
    );
  }
  return weights;
}

/** Ops of the vector unit that go through their tensors once, element by element, when they write. */
const IN_PLACE: readonly StepOp["kind"][] = ["batchNorm", "relu", "add", "dropout", "optimizer"];

/** As what levels hold a tensor: as the operand that it is, if any, and as an output where an op that multiplies writes it. */
function heldAs(
  { tensors, ops }: TraceManifest,
  root: (id: string) => string,
): (id: string) => readonly MemoryOperand[] {
  const kinds = new Map<string, Set<MemoryOperand>>();
  const put = (id: string | undefined, kind: MemoryOperand) => {
    if (id === undefined) return;
    const known = kinds.get(id);
    if (known === undefined) kinds.set(id, new Set([kind]));
    else known.add(kind);
  };
  const multiplying = ops.filter(isMacOp);
  for (const { pass, operands } of multiplying) {
    for (const [name, id] of operandEntries(pass, operands)) put(root(id), name);
  }
  for (const { output } of multiplying) put(output, "output");
  for (const { id, role } of tensors) if (!kinds.has(id)) put(id, isLasting(role) ? "weight" : "output");
  return (id) => [...(kinds.get(id) as Set<MemoryOperand>)];
}

function isWide(role: TraceTensor["role"]): boolean {
  return role === "parameter" || role === "parameterGrad" || role === "optimizerState";
}

function isLasting(role: TraceTensor["role"] | undefined): boolean {
  return role === "parameter" || role === "optimizerState";
}

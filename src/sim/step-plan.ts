/** One recorded step on one machine: how every tensor is stored, and which of them stay on chip between ops. */
import { sizeOf } from "../kernels/geometry.ts";
import { isMacOp, type TraceManifest, type TraceTensor } from "../trace/manifest.ts";
import type { Machine } from "./machine.ts";
import { type Residence, residenceOf } from "./memory/residence.ts";
import { storedBytes } from "./memory/storage.ts";
import { OPERANDS_OF, type Operand } from "./operation.ts";
import { type StepOp, stepOps, tensorsOf } from "./step-ops.ts";

/** Index of the outermost level among the places that store tensors; DRAM comes before it. */
export const OUTERMOST = 1;

/** A step as a machine runs it. */
export interface StepPlan {
  readonly ops: readonly StepOp[];
  /** Bytes of a tensor as DRAM (0) or a level (1, outermost, and on) stores it; sums and master copies are wide. */
  bytesOf(id: string, place: number): number;
  elementsOf(id: string): number;
  /** The tensor that the machine reads as `id`. */
  idOf(id: string): string;
  /** What of an op's tensors is on chip. */
  residence(op: number): Residence;
}

/**
 * Plans a step.
 * @param selects false for a machine that trains densely: it selects nothing and reads what selections were made from.
 */
export function planStep(manifest: TraceManifest, machine: Machine, selects: boolean): StepPlan {
  const { memory } = machine;
  const tensors = new Map(manifest.tensors.map((tensor) => [tensor.id, tensor]));
  const operandOf = new Map<string, Operand>();
  for (const op of manifest.ops) {
    if (isMacOp(op)) for (const name of OPERANDS_OF[op.pass]) operandOf.set(op.operands[name] as string, name);
  }
  const root = (id: string) => (selects ? id : (tensors.get(id)?.within ?? id));
  const elementsOf = (id: string) => sizeOf(tensors.get(id)?.shape ?? []);
  const places = [memory, ...memory.levels].map(({ storage }) => storage);
  const bytesOf = (id: string, place: number) => {
    const { role, nonzeros } = tensors.get(id) as TraceTensor;
    const elements = elementsOf(id);
    const valueBytes = isWide(role) ? memory.wideBytes : memory.valueBytes;
    const operand = operandOf.get(id);
    if (operand === undefined) return elements * valueBytes;
    return storedBytes({ elements, nonzeros: selects ? nonzeros : elements }, places[place][operand], valueBytes);
  };
  const ops = stepOps(manifest);
  const nothing = { reads: [], writes: [] };
  const touches = ops.map((op) => {
    const isOfMethod = op.kind === "select" || op.kind === "transpose";
    if (isOfMethod && !(selects && isNeeded(op, machine))) return nothing;
    const { reads, writes } = tensorsOf(op);
    return { reads: reads.map(root), writes: writes.map(root) };
  });
  const outlives = (id: string) => isLasting(tensors.get(id)?.role);
  const residences = residenceOf(touches, memory.residentBytes, (id) => bytesOf(id, OUTERMOST), outlives);
  return {
    ops,
    bytesOf: (id, place) => bytesOf(root(id), place),
    elementsOf,
    idOf: root,
    residence: (op) => residences[op],
  };
}

/** Whether a machine has to do what a method asks for: it transposes what it compresses where its lanes hold something else. */
export function isNeeded(op: StepOp, { accelerator, memory }: Machine): boolean {
  if (op.kind !== "transpose") return true;
  const { mappings } = accelerator;
  return !memory.storage[op.operand].isDense && mappings[op.pass].lanes !== mappings.forward.lanes;
}

function isWide(role: TraceTensor["role"]): boolean {
  return role === "parameter" || role === "parameterGrad" || role === "optimizerState";
}

function isLasting(role: TraceTensor["role"] | undefined): boolean {
  return role === "parameter" || role === "optimizerState";
}

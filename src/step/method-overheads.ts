/**
 * The ops of a training step as a machine runs them: those of the trace, and what the method itself costs, which a trace holds
 * as tensors only. A top-k method selects a sparse weight from its master copy before the first use, and an input when it is
 * saved (Raihan & Aamodt 2020, Algorithm 1); a compressed operand is transposed where a pass reads it in another order.
 *
 * A selection needs a trace that says so: `within` on the tensor, or, for weights, a top-k method and an update that holds the
 * master copy. Every other tensor that no recorded op writes lies in DRAM as the machine stores it.
 */

import { type Operand, operandEntries } from "../core/passes.ts";
import { isMacOp, type MacOp, type TraceManifest, type TraceOp, type TraceTensor } from "../trace/manifest.ts";

/** Compares a tensor with a threshold and compresses what is kept; every `period` steps the threshold is searched anew. */
export interface SelectOp {
  readonly kind: "select";
  readonly pass: "forward" | "backward";
  readonly layer: string;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly period: number;
}

/** Writes a compressed operand of `of` anew in the order that its pass reads. */
export interface TransposeOp {
  readonly kind: "transpose";
  readonly pass: MacOp["pass"];
  readonly layer: string;
  readonly operand: Operand;
  readonly reads: readonly string[];
  readonly writes: readonly [];
}

/** Any op of a step. */
export type StepOp = TraceOp | SelectOp | TransposeOp;

const steps = new WeakMap<TraceManifest, readonly StepOp[]>();

/** The ops of a recorded step in order of execution; transpositions of every operand, whichever a machine needs. */
export function stepOps(manifest: TraceManifest): readonly StepOp[] {
  const known = steps.get(manifest) ?? derive(manifest);
  steps.set(manifest, known);
  return known;
}

/** Ids that an op reads and writes, operands in the order of `OPERANDS_OF`. */
export function tensorsOf(op: StepOp): { readonly reads: readonly string[]; readonly writes: readonly string[] } {
  if (op.kind !== "conv" && op.kind !== "linear") return op as Exclude<StepOp, MacOp>;
  const { operands, output, pass } = op as MacOp;
  const reads = operandEntries(pass, operands).map(([, id]) => id);
  return { reads, writes: output === undefined ? [] : [output] };
}

function derive(manifest: TraceManifest): StepOp[] {
  const { tensors, ops, method } = manifest;
  const isTopK = selectsWeights(method);
  const byId = new Map(tensors.map((tensor) => [tensor.id, tensor]));
  const saved = new Map(
    ops.flatMap((op) => (isMacOp(op) && op.pass === "weightGrad" ? [[op.layer, op.operands.input]] : [])),
  );
  const updates = new Map(
    ops
      .filter(({ kind }) => kind === "optimizer")
      .map((op) => [op.layer, op] as const)
      .toReversed(),
  );
  const selected = new Set<string>();
  const select = (op: MacOp, id: string | undefined): SelectOp[] => {
    const tensor = id === undefined ? undefined : byId.get(id);
    if (method.name === "dense" || tensor === undefined || selected.has(tensor.id)) return [];
    const source = tensor.within ?? (isTopK ? masterOf(tensor, updates.get(op.layer), byId) : undefined);
    if (source === undefined) return [];
    selected.add(tensor.id);
    const period = topKPeriodOf(manifest, op);
    const pass = op.pass === "forward" ? "forward" : "backward";
    return [{ kind: "select", pass, layer: op.layer, reads: [source], writes: [tensor.id], period }];
  };
  return ops.flatMap((op): StepOp[] => {
    if (!isMacOp(op)) return [op];
    const before = operandEntries(op.pass, op.operands).flatMap(([, id]) => select(op, id));
    const after = op.pass === "forward" ? select(op, saved.get(op.layer)) : [];
    return [...before, ...transposes(op, byId), op, ...after];
  });
}

/** The same step, charged all of a threshold search where it is one that searches, and none where it reuses thresholds; others unchanged. */
export function chargedByKind(manifest: TraceManifest): TraceManifest {
  const { stepKind, method } = manifest;
  // Kinds of methods without thresholds say nothing of their cost.
  if (method.topKPeriod === undefined || (stepKind !== "refresh" && stepKind !== "reuse")) return manifest;
  return { ...manifest, method: { ...method, topKPeriod: stepKind === "refresh" ? 1 : Number.POSITIVE_INFINITY } };
}

/** Steps between two searches of a threshold. SWAT ranks a linear layer anew in every step; a trace that names no period is taken to do so everywhere. */
export function topKPeriodOf({ method }: TraceManifest, op: MacOp): number {
  return op.kind === "linear" ? 1 : (method.topKPeriod ?? 1);
}

/** Whether the method selects weights anew in every step: SWAT's do, and any other whose threshold period the trace gives. */
function selectsWeights({ name, topKPeriod }: TraceManifest["method"]): boolean {
  return name !== "dense" && (topKPeriod !== undefined || name.startsWith("swat-"));
}

/** The master copy that a masked weight is selected from: the parameter of its shape that the layer's update reads, if recorded. */
function masterOf(
  { role, shape, mask }: TraceTensor,
  update: TraceOp | undefined,
  byId: ReadonlyMap<string, TraceTensor>,
): string | undefined {
  if (role !== "weight" || mask === undefined) return undefined;
  const size = shape.join();
  const reads = update !== undefined && !isMacOp(update) ? update.reads : [];
  return reads.find((id) => byId.get(id)?.role === "parameter" && byId.get(id)?.shape.join() === size);
}

/** Weights are compressed as forward reads them, inputs as forward wrote them. */
function transposes(op: MacOp, byId: ReadonlyMap<string, TraceTensor>): TransposeOp[] {
  if (op.pass === "forward") return [];
  const [operand, id] =
    op.pass === "inputGrad" ? (["weight", op.operands.weight] as const) : (["input", op.operands.input] as const);
  if (byId.get(id)?.mask === undefined) return [];
  return [{ kind: "transpose", pass: op.pass, layer: op.layer, operand, reads: [id], writes: [] }];
}

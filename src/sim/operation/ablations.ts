/**
 * Reads one recorded op into what accelerators need: the operation as it was, and the same operation with fewer reasons
 * to skip (activation zeros only, no zeros, no padding either), from which the gain of each cause is told.
 */
import { type BitMask, countOnes, fullMask, reshaped } from "../../core/bit-mask.ts";
import { strideMacs } from "../../core/dense-macs.ts";
import { sizeOf } from "../../core/geometry.ts";
import { operandEntries, RESULT_OF, SHAPE_OF } from "../../core/passes.ts";
import { topKPeriodOf } from "../../step/method-overheads.ts";
import type { MacOp } from "../../trace/manifest.ts";
import type { Trace } from "../../trace/trace.ts";
import type { OperandSize } from "../memory/storage.ts";
import type { ResultRow } from "../result/result.ts";
import { allPairs } from "./image-padding.ts";
import { effectualMacs } from "./mac-counts.ts";
import { mapMasks, type Operand, type Operation, withMasks } from "./operation.ts";

/** An operand as it was recorded. */
interface PreparedOperand extends OperandSize {
  /** Of its tensor. */
  readonly id: string;
  readonly mask: BitMask;
}

/** An operation with its stages; a stage that equals the one before it is the same object. */
export interface PreparedOperation {
  readonly op: MacOp;
  readonly actual: Operation;
  /** Zeros that top-k made are ones. */
  readonly natural: Operation;
  /** No operand has a zero. */
  readonly noZeros: Operation;
  /** Nor has the image padding. */
  readonly solid: Operation;
  readonly operands: Readonly<Partial<Record<Operand, PreparedOperand>>>;
  readonly outputElements: number;
  readonly macs: ResultRow["macs"];
}

/** Reads the masks of `op` and derives its stages and counts. */
export async function prepareOperation(trace: Trace, op: MacOp): Promise<PreparedOperation> {
  const operands: Partial<Record<Operand, PreparedOperand>> = {};
  const [ones, natural] = [new Map<Operand, BitMask>(), new Map<Operand, BitMask>()];
  let hasTopK = false;
  let hasZeros = false;
  for (const [operand, id] of operandEntries(op.pass, op.operands)) {
    const tensor = trace.tensor(id);
    // A flat or not yet flattened operand of a linear layer has the same slices; machines see the geometry's shape.
    const shape = SHAPE_OF[operand](op.geometry);
    const read = async (id: string): Promise<BitMask> => reshaped(await trace.mask(id), shape);
    const recorded = await read(id);
    const elements = sizeOf(shape);
    const nonzeros = countOnes(recorded);
    const all = fullMask(shape);
    const mask = nonzeros === elements ? all : recorded;
    operands[operand] = { id, mask, elements, nonzeros };
    ones.set(operand, all);
    if (tensor.within !== undefined) natural.set(operand, await read(tensor.within));
    else if (tensor.role === "weight") natural.set(operand, all);
    hasTopK ||= natural.has(operand) && nonzeros < elements;
    hasZeros ||= nonzeros < elements;
  }
  const base = { pass: op.pass, layer: op.layer, geometry: op.geometry, topKPeriod: topKPeriodOf(trace.manifest, op) };
  const masks = operandEntries(op.pass, operands).map(([operand, { mask }]) => [operand, mask] as const);
  const actual = withMasks(base, masks);
  const withoutTopK = hasTopK ? mapMasks(actual, (mask, operand) => natural.get(operand) ?? mask) : actual;
  const noZeros = hasZeros ? withMasks(base, ones) : actual;
  // An input gradient reads around outputGrad wherever a kernel is larger than 1×1, padded or not.
  const { padding, R, S } = op.geometry;
  const padded = op.pass === "inputGrad" ? R * S > 1 : padding.some((extent) => extent > 0);
  const solid = padded ? { ...noZeros, paddingAsNonzeros: true, solidPadding: true } : noZeros;

  const { inside: dense, outside: imagePadding } = allPairs(op.pass, op.geometry);
  const effectual = effectualMacs(actual);
  const effectualNaturally = hasTopK ? effectualMacs(withoutTopK) : effectual;
  return {
    op,
    actual,
    natural: withoutTopK,
    noZeros,
    solid,
    operands,
    outputElements: sizeOf(SHAPE_OF[RESULT_OF[op.pass]](op.geometry)),
    macs: {
      dense,
      effectual,
      topK: effectualNaturally - effectual,
      natural: dense - effectualNaturally,
      imagePadding,
      stride: op.pass === "inputGrad" ? strideMacs(op.geometry) : 0,
    },
  };
}

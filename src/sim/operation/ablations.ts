/**
 * Reads one recorded op into what accelerators need: the operation as it was, and the same operation with fewer reasons
 * to skip (natural zeros only, no zeros, no padding either), from which the gain of each cause is told.
 */
import { type BitMask, countOnes, onesMask } from "../../core/bit-mask.ts";
import { strideMacs } from "../../core/dense-macs.ts";
import { sizeOf } from "../../core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../core/passes.ts";
import { topKPeriodOf } from "../../step/method-overheads.ts";
import type { MacOp } from "../../trace/manifest.ts";
import type { Trace } from "../../trace/trace.ts";
import type { OperandSize } from "../memory/storage.ts";
import type { ResultRow } from "../result/result.ts";
import { allPairs } from "./image-padding.ts";
import { effectualMacs } from "./mac-counts.ts";
import { OPERANDS_OF, type Operand, type Operation } from "./operation.ts";

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
  readonly sizes: Readonly<Partial<Record<Operand, OperandSize>>>;
  readonly outputElements: number;
  readonly macs: ResultRow["macs"];
}

/** Reads the masks of `op` and derives its stages and counts. */
export async function prepareOperation(trace: Trace, op: MacOp): Promise<PreparedOperation> {
  const operands = OPERANDS_OF[op.pass];
  const actual: Partial<Record<Operand, BitMask>> = {};
  const natural: Partial<Record<Operand, BitMask>> = {};
  const ones: Partial<Record<Operand, BitMask>> = {};
  const sizes: Partial<Record<Operand, OperandSize>> = {};
  let hasTopK = false;
  let hasZeros = false;
  for (const operand of operands) {
    const tensor = trace.tensor(op.operands[operand] as string);
    // A flat or not yet flattened operand of a linear layer has the same slices; machines see the geometry's shape.
    const shape = SHAPE_OF[operand](op.geometry);
    const read = async (id: string): Promise<BitMask> => ({ shape, bytes: (await trace.mask(id)).bytes });
    const mask = await read(tensor.id);
    const all = onesMask(shape);
    const elements = sizeOf(shape);
    const nonzeros = countOnes(mask);
    sizes[operand] = { elements, nonzeros };
    actual[operand] = mask;
    ones[operand] = all;
    natural[operand] = mask;
    if (tensor.within !== undefined) natural[operand] = await read(tensor.within);
    else if (tensor.role === "weight") natural[operand] = all;
    hasTopK ||= natural[operand] !== mask && nonzeros < elements;
    hasZeros ||= nonzeros < elements;
  }
  const base = { pass: op.pass, layer: op.layer, geometry: op.geometry, topKPeriod: topKPeriodOf(trace.manifest, op) };
  const actualOperation: Operation = { ...base, masks: actual };
  const naturalOperation = hasTopK ? { ...base, masks: natural } : actualOperation;
  const noZeros = hasZeros ? { ...base, masks: ones } : actualOperation;
  // An input gradient reads around outputGrad wherever a kernel is larger than 1×1, padded or not.
  const { padding, R, S } = op.geometry;
  const padded = op.pass === "inputGrad" ? R * S > 1 : padding.some((extent) => extent > 0);
  const solid = padded ? { ...noZeros, solidPadding: true } : noZeros;

  const { inside: dense, outside: imagePadding } = allPairs(op.pass, op.geometry);
  const effectual = effectualMacs(actualOperation);
  const effectualNaturally = hasTopK ? effectualMacs(naturalOperation) : effectual;
  return {
    op,
    actual: actualOperation,
    natural: naturalOperation,
    noZeros,
    solid,
    sizes,
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

/**
 * The three passes of training and what each multiplies: forward input ∗ weight, inputGrad outputGrad ∗ weight,
 * weightGrad outputGrad ∗ input.
 */
import { type ConvGeometry, inputShape, outputShape, weightShape } from "./geometry.ts";

/** In the order in which they are reported. */
export const PASSES = ["forward", "inputGrad", "weightGrad"] as const;
/** Name of a pass. */
export type Pass = (typeof PASSES)[number];

/** Names of the tensors that passes multiply. */
export type Operand = "weight" | "input" | "outputGrad";

/** The two operands of each pass. */
export const OPERANDS_OF = {
  forward: ["input", "weight"],
  inputGrad: ["outputGrad", "weight"],
  weightGrad: ["outputGrad", "input"],
} as const satisfies Readonly<Record<Pass, readonly [Operand, Operand]>>;

/** Name of an operand of pass `P`. */
type OperandOf<P extends Pass> = (typeof OPERANDS_OF)[P][number];

/** A `Value` for each operand of pass `P`; one of the tensor that the pass does not read is ignored. */
export type ByOperand<P extends Pass, Value> = Readonly<
  Record<OperandOf<P>, Value> & Partial<Record<Exclude<Operand, OperandOf<P>>, Value>>
>;

/** The operands of a pass, each with what `values` has for it, in the order of `OPERANDS_OF`. */
export function operandEntries<Value>(
  pass: Pass,
  values: Readonly<Partial<Record<Operand, Value>>>,
): [operand: Operand, value: Value][] {
  return OPERANDS_OF[pass].flatMap((operand): [Operand, Value][] => {
    const value = values[operand];
    return value === undefined ? [] : [[operand, value]];
  });
}

/** The operand whose shape the result of each pass has: the forward output is shaped as its gradient. */
export const RESULT_OF: Readonly<Record<Pass, Operand>> = {
  forward: "outputGrad",
  inputGrad: "input",
  weightGrad: "weight",
};

/** Shape of an operand under a geometry. */
export const SHAPE_OF: Readonly<Record<Operand, (g: ConvGeometry) => readonly [number, number, number, number]>> = {
  weight: weightShape,
  input: inputShape,
  outputGrad: outputShape,
};

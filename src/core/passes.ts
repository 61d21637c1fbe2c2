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
export const OPERANDS_OF: Readonly<Record<Pass, readonly [Operand, Operand]>> = {
  forward: ["input", "weight"],
  inputGrad: ["outputGrad", "weight"],
  weightGrad: ["outputGrad", "input"],
};

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

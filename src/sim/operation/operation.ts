/**
 * One operation as an accelerator sees it: a pass of a layer, its geometry and the masks of its two operands.
 * forward: input ∗ weight · inputGrad: outputGrad ∗ weight · weightGrad: outputGrad ∗ input.
 */
import type { BitMask } from "../../core/bit-mask.ts";
import type { ConvGeometry } from "../../core/geometry.ts";
import { type ByOperand, type Operand, operandEntries, type Pass } from "../../core/passes.ts";

export { OPERANDS_OF, type Operand, PASSES, type Pass } from "../../core/passes.ts";

interface OperationBase {
  readonly layer: string;
  readonly geometry: ConvGeometry;
  /** Steps between two refreshes of the top-k thresholds; what a machine computes once per refresh is divided by it. */
  readonly topKPeriod: number;
  /**
   * True only inside gain attribution: elements of the image padding count as nonzeros, so that what a machine gains by
   * skipping padding can be told from what it gains by skipping zeros.
   */
  readonly paddingAsNonzeros?: boolean;
  /** The same by its name of 0.1, for accelerators of users. */
  readonly solidPadding?: boolean;
}

/** One pass over a layer with the masks of the two operands that it multiplies, shapes as in `core/geometry.ts`. */
interface PassOperation<P extends Pass> extends OperationBase {
  readonly pass: P;
  readonly masks: ByOperand<P, BitMask>;
}

/** An operation of one of the passes `P`; `pass` says which masks there are. */
export type OperationOf<P extends Pass> = { readonly [Each in P]: PassOperation<Each> }[P];
/** A pass over one layer. */
export type Operation = OperationOf<Pass>;
/** A pass that multiplies weights, with inputs or output gradients. */
export type WeightOperation = OperationOf<"forward" | "inputGrad">;

/** The operands of an operation with their masks, in the order of `OPERANDS_OF`. */
export function operandsOf({ pass, masks }: Operation): [operand: Operand, mask: BitMask][] {
  return operandEntries(pass, masks);
}

/** What the weights meet: the mask of the input, or of the output gradient. */
export function sourceMaskOf({ pass, masks }: WeightOperation): BitMask {
  return pass === "forward" ? masks.input : masks.outputGrad;
}

/** An operation with `masks`, one for each operand of its pass. */
export function withMasks(
  base: OperationBase & { readonly pass: Pass },
  masks: Iterable<readonly [operand: Operand, mask: BitMask]>,
): Operation {
  return { ...base, masks: Object.fromEntries(masks) } as Operation;
}

/** The same operation, each mask replaced by what `map` makes of it. */
export function mapMasks(operation: Operation, map: (mask: BitMask, operand: Operand) => BitMask): Operation {
  return withMasks(
    operation,
    operandsOf(operation).map(([operand, mask]) => [operand, map(mask, operand)]),
  );
}

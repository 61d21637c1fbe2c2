/**
 * One operation as an accelerator sees it: a pass of a layer, its geometry and the masks of its two operands.
 * forward: input ∗ weight · inputGrad: outputGrad ∗ weight · weightGrad: outputGrad ∗ input.
 */
import type { BitMask } from "../../core/bit-mask.ts";
import type { ConvGeometry } from "../../core/geometry.ts";
import type { Operand, Pass } from "../../core/passes.ts";

export { OPERANDS_OF, type Operand, PASSES, type Pass } from "../../core/passes.ts";

/** A pass over one layer with the masks of its operands (`OPERANDS_OF[pass]`), shapes as in `kernels/geometry.ts`. */
export interface Operation {
  readonly pass: Pass;
  readonly layer: string;
  readonly geometry: ConvGeometry;
  readonly masks: Readonly<Partial<Record<Operand, BitMask>>>;
  /** Steps between two refreshes of the top-k thresholds; what a machine computes once per refresh is divided by it. */
  readonly topKPeriod: number;
  /**
   * True only inside gain attribution: elements of the image padding count as nonzeros, so that what a machine gains by
   * skipping padding can be told from what it gains by skipping zeros.
   */
  readonly solidPadding?: boolean;
}

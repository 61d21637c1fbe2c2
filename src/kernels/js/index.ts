/**
 * The plain JavaScript build: convolutions that skip zeros of the sparse operand and top-k by radix selection. What is
 * bound by memory gains nothing from another loop and is the reference's.
 */
import type { Kernels } from "../kernels.ts";
import { referenceKernels } from "../reference/index.ts";
import { convForward } from "./conv-forward.ts";
import { convInputGrad } from "./conv-input-grad.ts";
import { convWeightGrad } from "./conv-weight-grad.ts";
import { topKThreshold } from "./top-k.ts";

/** Kernels in portable JavaScript, fast enough to train with. */
export const jsKernels: Kernels = {
  ...referenceKernels,
  name: "js",
  convForward,
  convInputGrad,
  convWeightGrad,
  topKThreshold,
};

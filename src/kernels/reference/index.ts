/** The slow, obviously right build of the kernels, with which every other build is compared. */
import type { Kernels } from "../kernels.ts";
import { adamUpdate } from "./adamw.ts";
import { batchNormBackward, batchNormEval, batchNormTrain } from "./batch-norm.ts";
import { biasGrad, convForward, convInputGrad, convWeightGrad } from "./conv2d.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { accumulate, addForward, applyThreshold } from "./elementwise.ts";
import { averagePoolBackward, averagePoolForward, maxPoolBackward, maxPoolForward } from "./pooling.ts";
import { reluBackward, reluForward } from "./relu.ts";
import { sgdUpdate } from "./sgd.ts";
import { topKThreshold } from "./top-k.ts";

/** Kernels as plain loops over the definitions. */
export const referenceKernels: Kernels = {
  name: "reference",
  convForward,
  convInputGrad,
  convWeightGrad,
  biasGrad,
  batchNormTrain,
  batchNormEval,
  batchNormBackward,
  reluForward,
  reluBackward,
  addForward,
  accumulate,
  maxPoolForward,
  maxPoolBackward,
  averagePoolForward,
  averagePoolBackward,
  crossEntropy,
  sgdUpdate,
  adamUpdate,
  topKThreshold,
  applyThreshold,
};

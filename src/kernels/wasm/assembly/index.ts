/** Everything that the WebAssembly module exports. Addresses and sizes are in bytes unless a name says otherwise. */
export { convDense } from "./conv/dense";
export { convBiasGrad, transposeGrad } from "./conv/grad-transpose";
export { saveInput } from "./conv/saved-input";
export { convSparse } from "./conv/sparse";
export { convWeightGradDense, convWeightGradSparse } from "./conv/weight-grad";
export {
  countChannels,
  countFilters,
  listChannels,
  listFilters,
  packPanels,
  placeLists,
  rebaseLists,
} from "./conv/weights";
export { adamUpdate } from "./elementwise/adamw";
export { copyPixels } from "./elementwise/channels";
export { dropout } from "./elementwise/dropout";
export { add, applyThreshold, clearHalo, copyRows, relu, reluBackward, selectRows } from "./elementwise/elementwise";
export { sgdUpdate } from "./elementwise/sgd";
export { maskBits, maskWords, readBlock, writeBlock } from "./elementwise/tensor-io";
export { normApply, normEvaluate, normFinish, normShifts, normStatistics } from "./norm/batch-norm";
export { normGradFinish, normGradMeans, normGradStatistics, normInputGrad } from "./norm/batch-norm-grad";
export { averagePool, averagePoolBackward, maxPool, maxPoolBackward } from "./pool/pooling";
export { topKCompact, topKFind, topKHistogram, topKNear, topKSample } from "./select/top-k";

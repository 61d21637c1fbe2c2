/** Everything that the WebAssembly module exports. Addresses and sizes are in bytes unless a name says otherwise. */
export { normApply, normEvaluate, normFinish, normShifts, normStatistics } from "./batch-norm";
export { normGradFinish, normGradMeans, normGradStatistics, normInputGrad } from "./batch-norm-grad";
export { copyPixels } from "./channels";
export * from "./conv";
export { dropout } from "./dropout";
export { add, applyThreshold, copyRows, relu, reluBackward, selectRows } from "./elementwise";
export { averagePool, averagePoolBackward, maxPool, maxPoolBackward } from "./pooling";
export { sgdUpdate } from "./sgd";
export { maskBits, maskWords, readBlock, writeBlock } from "./tensor-io";
export { topKCompact, topKFind, topKHistogram, topKNear, topKSample } from "./top-k";

/** The convolution kernels that the host calls. */
export { convDense } from "./conv-dense";
export { convBiasGrad, transposeGrad } from "./conv-grad-transpose";
export { convSparse } from "./conv-sparse";
export { convWeightGradDense, convWeightGradSparse } from "./conv-weight-grad";
export {
  countChannels,
  countFilters,
  listChannels,
  listFilters,
  packPanels,
  placeLists,
  rebaseLists,
} from "./conv-weights";

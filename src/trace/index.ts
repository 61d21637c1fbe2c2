/** Public entry `swat-sim/trace`: reading, checking and writing operation traces, free of Node built-ins. */

export { type BitMask, countOnes, maskOfNonzeros } from "../core/bit-mask.ts";
export { type ByteSource, memorySource } from "../io/byte-source.ts";
export { InputError } from "../io/faults.ts";
export { type Coverage, coverageOf, coverageText } from "./coverage.ts";
export {
  isMacOp,
  type MacOp,
  type OtherOp,
  type TraceManifest,
  type TraceOp,
  type TraceTensor,
  type UnrecordedOp,
} from "./manifest.ts";
export { type DensityStatistics, densityStatistics } from "./statistics.ts";
export { encodeTrace, type IdentifiedTrace, identifyTrace, openTrace, type Trace } from "./trace.ts";
export { verifyTrace } from "./verify.ts";

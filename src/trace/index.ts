/** Public entry `swat-sim/trace`: reading, checking and writing operation traces, free of Node built-ins. */
export { type ByteSource, memorySource } from "../io/byte-source.ts";
export { InputError } from "../io/faults.ts";
export type { BitMask } from "../kernels/bit-mask.ts";
export * from "./manifest.ts";
export { coefficientOfVariation, type DensityStatistics, densityStatistics } from "./statistics.ts";
export { encodeTrace, type IdentifiedTrace, openTrace, type Trace } from "./trace.ts";
export { verifyTrace } from "./verify.ts";

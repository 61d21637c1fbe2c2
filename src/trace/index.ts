/** Public entry `swat-sim/trace`: reads, checks and writes operation traces without Node built-ins. */
import * as masks from "../core/bit-mask.ts";
import { memorySource as sourceOf } from "../io/byte-source.ts";
import { objectWith, verb } from "../io/verb.ts";
import { BYTES, MASK, OPENED_TRACE, SHAPE } from "./arguments.ts";
import * as coverage from "./coverage.ts";
import { isMacOp as isMultiplying } from "./manifest.ts";
import { densityStatistics as statisticsOf } from "./statistics.ts";
import * as traces from "./trace.ts";
import { verifyTrace as verify } from "./verify.ts";

export type { BitMask } from "../core/bit-mask.ts";
export type { ByteSource } from "../io/byte-source.ts";
export { InputError } from "../io/faults.ts";
export type { Coverage } from "./coverage.ts";
export type { MacOp, OtherOp, TraceManifest, TraceOp, TraceTensor, UnrecordedOp } from "./manifest.ts";
export type { DensityStatistics } from "./statistics.ts";
export type { IdentifiedTrace, Trace } from "./trace.ts";

const TEXT = { what: "a string", is: (value: unknown) => typeof value === "string" };
const VALUES = { what: "a Float32Array or Uint8Array", is: (value: unknown) => ArrayBuffer.isView(value) };
const MANIFEST = objectWith("the manifest of a trace", "tensors", "ops");

/** Ones of a mask, or of its outermost slices [from, to). @throws InputError */
export const countOnes = verb("countOnes", masks.countOnes, MASK);
/** Mask of the elements of `values` (C order, of `shape`) that are not zero; −0 is zero, NaN is not. @throws InputError */
export const maskOfNonzeros = verb("maskOfNonzeros", masks.maskOfNonzeros, VALUES, SHAPE);
/** A source over bytes in memory. @throws InputError */
export const memorySource = verb("memorySource", sourceOf, TEXT, BYTES);
/** How much of the step a trace holds; undefined for a complete one. @throws InputError */
export const coverageOf = verb("coverageOf", coverage.coverageOf, MANIFEST);
/** The same in words. @throws InputError */
export const coverageText = verb(
  "coverageText",
  coverage.coverageText,
  objectWith("a coverage, as coverageOf gives", "macs"),
);
/** Whether an op multiplies: a convolution or a linear layer. @throws InputError */
export const isMacOp: typeof isMultiplying = verb("isMacOp", isMultiplying, objectWith("an op of a manifest"));
/** Density of a mask, and how it spreads over slices and channels. @throws InputError */
export const densityStatistics = verb("densityStatistics", statisticsOf, MASK);
/** The bytes of a trace file; `masks` by the names that the manifest's tensors give. @throws InputError */
export const encodeTrace = verb("encodeTrace", traces.encodeTrace, MANIFEST, objectWith("a map of masks", "entries"));
/** Opens a trace in memory and hashes it; `name` is that of the file, without folders. @throws InputError */
export const identifyTrace = verb("identifyTrace", traces.identifyTrace, TEXT, BYTES);
/** Opens a trace: checks container, manifest and operands; masks are read on demand. @throws InputError */
export const openTrace = verb("openTrace", traces.openTrace, objectWith("a source of bytes", "read"));
/** Faults of the masks of an opened trace, one line each. @throws InputError */
export const verifyTrace = verb("verifyTrace", verify, OPENED_TRACE);

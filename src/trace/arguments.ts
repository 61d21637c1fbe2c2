/** What the verbs of `swat-sim/trace` take. */
import { sliceBytes } from "../core/bit-mask.ts";
import { type Expected, objectWith } from "../io/verb.ts";

/** An opened trace. */
export const OPENED_TRACE = objectWith(
  "an opened trace, as openTrace and readTrace give",
  ...["manifest", "container", "tensor", "mask"],
);

/** An opened trace with its name. */
export const IDENTIFIED_TRACE: Expected = {
  what: "an opened trace with its name and hash, as identifyTrace and readTrace give",
  is: (value) => OPENED_TRACE.is((value as { trace?: unknown } | null)?.trace),
};

/** Sizes of a tensor. */
export const SHAPE: Expected = {
  what: "a list of at least one size",
  is: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0),
};

/** A packed mask, whole. */
export const MASK: Expected = {
  what: "a mask { shape, bytes } of shape[0] slices, each padded to whole bytes",
  is(value) {
    const { shape, bytes } = (value ?? {}) as { shape?: number[]; bytes?: unknown };
    return (
      SHAPE.is(shape) &&
      bytes instanceof Uint8Array &&
      bytes.length === (shape as number[])[0] * sliceBytes(shape as number[])
    );
  },
};

/** Bytes of a file. */
export const BYTES: Expected = { what: "bytes, a Uint8Array", is: (value) => value instanceof Uint8Array };

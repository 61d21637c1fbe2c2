/** Sizes up to which counts are exact: masks are addressed by 32-bit integers, and counts are doubles. */

import { MOST_ELEMENTS } from "../../core/bit-mask.ts";
import { gridMacs } from "../../core/dense-macs.ts";
import { sizeOf } from "../../core/geometry.ts";
import { SHAPE_OF } from "../../core/passes.ts";
import { InputError } from "../../io/faults.ts";
import { isMacOp } from "../../trace/manifest.ts";
import type { Trace } from "../../trace/trace.ts";
import { OPERANDS_OF } from "./operation.ts";

/** MACs of the largest operation, on any array: its multiplier-cycles must also stay exact. */
const MOST_MACS = 2 ** 50;

/** @throws InputError with a line for each operand or operation of `traces` that is too large to simulate. */
export function checkSizes(traces: readonly Trace[]): void {
  const faults = traces.flatMap(({ name, manifest }) =>
    manifest.ops.filter(isMacOp).flatMap(({ layer, pass, geometry }) => {
      const at = `${name}: ${layer} ${pass}`;
      const shapes = OPERANDS_OF[pass].map((operand) => ({ operand, shape: SHAPE_OF[operand](geometry) }));
      const tooLarge = shapes
        .filter(({ shape }) => sizeOf(shape) > MOST_ELEMENTS)
        .map(({ operand, shape }) => `${at}: ${operand}: is too large to simulate, ${sizeFault(shape)}`);
      const macs = gridMacs(geometry);
      if (macs <= MOST_MACS) return tooLarge;
      return [...tooLarge, `${at}: has too many MACs to count exactly, got ${macs}; valid: at most ${MOST_MACS}`];
    }),
  );
  if (faults.length > 0) throw new InputError(faults);
}

/** What is wrong with a shape of more than `MOST_ELEMENTS`. */
function sizeFault(shape: readonly number[]): string {
  return `got ${sizeOf(shape)} elements [${shape}]; valid: at most ${MOST_ELEMENTS}`;
}

/** `error` as an InputError that names what was simulated, if an array of it was too large for the runtime. */
export function namingLayer(error: unknown, where: string): unknown {
  if (!(error instanceof RangeError)) return error;
  return new InputError([`${where}: needs larger arrays than this runtime has`], { cause: error });
}

/** Running an operation on the array of a machine: its cycles, and the same with on-chip buffers line by line. */
import type { Operation } from "../operation/operation.ts";
import { type ComputeResult, withCurrentNames } from "./accelerator.ts";
import type { LineResult } from "./line-detail.ts";
import type { Machine } from "./machine.ts";

/** What a machine counts for an operation. */
export type Run = (machine: Machine, operation: Operation) => ComputeResult;

/** Counts all of it. */
export function runWhole({ accelerator, params }: Machine, operation: Operation): ComputeResult {
  return withCurrentNames(accelerator.run(operation, params));
}

/** The operation with on-chip buffers line by line, on a machine that has them. */
export function runLines({ accelerator, params, line }: Machine, operation: Operation): LineResult | undefined {
  return line === null ? undefined : accelerator.runLines?.(operation, params, line);
}

/** An op and its ablations on the array of a machine, and in its on-chip buffers. */
import type { ComputeResult } from "../hardware/accelerator.ts";
import type { LineResult } from "../hardware/line-detail.ts";
import type { Machine } from "../hardware/machine.ts";
import { type Run, runLines } from "../hardware/run.ts";
import type { PreparedOperation } from "./ablations.ts";
import type { Operation } from "./operation.ts";

/** What the array counts for an op as recorded and for each ablation; those that are the same op share their counts. */
export type AblationRuns = Readonly<Record<"actual" | "natural" | "noZeros" | "solid", ComputeResult>>;

/** The on-chip buffers, line by line, of the op as recorded and without zeros; undefined where the machine has no such detail. */
export type BufferRuns = Readonly<Record<"actual" | "noZeros", LineResult | undefined>>;

/**
 * Runs the array. @param denseRuns what the machine took for operations without a zero, which depends on their shape alone;
 * these are never sampled.
 */
export function runArray(
  prepared: PreparedOperation,
  machine: Machine,
  denseRuns: Map<string, ComputeResult>,
  count: Run,
): AblationRuns {
  const dense = (operation: Operation): ComputeResult => {
    const { pass, geometry, topKPeriod, paddingAsNonzeros } = operation;
    const key = JSON.stringify([pass, geometry, topKPeriod, paddingAsNonzeros]);
    const result = denseRuns.get(key) ?? count(machine, operation);
    denseRuns.set(key, result);
    return result;
  };
  const noZeros = dense(prepared.noZeros);
  const solid = prepared.solid === prepared.noZeros ? noZeros : dense(prepared.solid);
  const actual = prepared.actual === prepared.noZeros ? noZeros : count(machine, prepared.actual);
  const natural = prepared.natural === prepared.actual ? actual : count(machine, prepared.natural);
  return { actual, natural, noZeros, solid };
}

/** Runs the buffers. */
export function runBuffers({ actual, noZeros }: PreparedOperation, machine: Machine): BufferRuns {
  const lines = runLines(machine, actual);
  return { actual: lines, noZeros: noZeros === actual ? lines : runLines(machine, noZeros) };
}

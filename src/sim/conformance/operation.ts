/**
 * The laws that every accelerator keeps on every operation, whatever its geometry and masks: counts are whole and at least zero,
 * multipliers × cycles cover the MACs, multiplier-cycles by cause never exceed those that exist, and every value that is
 * multiplied was read. Conformance runs them on its own cases; callers may run them on any operation.
 */

import { denseMacs } from "../../core/dense-macs.ts";
import { type Accelerator, type ComputeResult, withCurrentNames } from "../hardware/accelerator.ts";
import { allPairs } from "../operation/image-padding.ts";
import { effectualMacs } from "../operation/mac-counts.ts";
import type { Operand, Operation } from "../operation/operation.ts";

/**
 * Faults in what `accelerator` counts for `operation`, with and without skipping; empty where it keeps every law.
 * @param macs effectual MACs of the operation, counted here if not given.
 */
export function operationFaults<Schema extends Accelerator["params"]>(
  accelerator: Accelerator<Schema>,
  params: Parameters<Accelerator<Schema>["run"]>[1],
  operation: Operation,
  macs = effectualMacs(operation),
): string[] {
  const multipliers = accelerator.multipliers(params);
  const result = withCurrentNames(accelerator.run(operation, params));
  const unskipped = withCurrentNames(accelerator.run(operation, accelerator.withoutSkipping(params)));
  return [
    ...countFaults(result),
    ...workFaults(result, operation, macs, multipliers),
    ...baseFaults(result, unskipped, operation, macs, multipliers),
  ];
}

/**
 * `unskipped`, the array without skipping, keeps the same laws and is the base of `result`, which is slower only by what its
 * accumulator banks or its networks add: sparse vectors may collide where dense ones line up.
 */
export function baseFaults(
  result: ComputeResult,
  unskipped: ComputeResult,
  operation: Operation,
  macs: number,
  multipliers: number,
): string[] {
  const ofBase = [
    ...countFaults(unskipped),
    ...workFaults(unskipped, operation, macs, multipliers),
    ...equal("cycles", unskipped.cycles, unskipped.baseCycles),
    ...equal("rescheduling cycles", unskipped.reschedulingCycles, 0),
  ].map((fault) => `without skipping: ${fault}`);
  const { cycles, baseCycles } = result;
  const faults = [...ofBase, ...equal("base cycles", baseCycles, unskipped.baseCycles)];
  const conflicts = result.counters.conflictCycles ?? 0;
  const networks =
    ((result.multiplierCycles?.fillDrain ?? 0) - (unskipped.multiplierCycles?.fillDrain ?? 0)) / multipliers;
  const excused = Math.max(0, conflicts, networks);
  if (cycles - excused > baseCycles) faults.push(`${cycles} cycles, ${excused} of conflicts > base ${baseCycles}`);
  return faults;
}

/** Counts are whole and at least zero, and no bound is above what it bounds. */
export function countFaults(result: ComputeResult): string[] {
  const {
    packedCycles,
    cycles,
    baseCycles,
    reschedulingCycles,
    onChipWrites,
    counters,
    onChipReads,
    multiplierCycles,
  } = result;
  const counts: Readonly<Record<string, number>> = {
    ...{ packedCycles, cycles, baseCycles, reschedulingCycles, onChipWrites },
    ...prefixed("counters", counters),
    ...prefixed("onChipReads", onChipReads),
    ...prefixed("multiplierCycles", multiplierCycles ?? {}),
  };
  const faults = Object.entries(counts)
    .filter(([, count]) => !Number.isSafeInteger(count) || count < 0)
    .map(([name, count]) => `${name} is ${count}`);
  if (packedCycles > cycles) faults.push(`ideal ${packedCycles} > ${cycles} cycles`);
  return faults;
}

function prefixed(prefix: string, counts: object): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${prefix}: ${name}`, count]));
}

/** Work is neither lost nor invented: of MACs, multiplier-cycles, reads and writes. */
export function workFaults(result: ComputeResult, operation: Operation, macs: number, multipliers: number): string[] {
  const { cycles, baseCycles, scheduled, multiplierCycles, onChipReads } = result;
  const { pass, geometry, paddingAsNonzeros } = operation;
  const faults = multiplierCycleFaults(result, multipliers);
  const need = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  const dense = denseMacs(geometry);
  need(multipliers * cycles >= macs, `${cycles} cycles for ${macs} effectual MACs`);
  need(multipliers * baseCycles >= dense, `${baseCycles} base cycles for ${dense} MACs`);
  const reads = Object.keys(onChipReads) as Operand[];
  if (macs > 0) for (const operand of reads) need((onChipReads[operand] ?? 0) > 0, `no ${operand} is read`);
  if (multiplierCycles === undefined) return faults;
  need(
    multiplierCycles.occupied >= macs,
    `${multiplierCycles.occupied} occupied multiplier-cycles for ${macs} effectual MACs`,
  );
  if (paddingAsNonzeros) return faults;
  const { outside } = allPairs(pass, geometry);
  need(multiplierCycles.occupied <= dense, `${multiplierCycles.occupied} occupied multiplier-cycles for ${dense} MACs`);
  need(
    (multiplierCycles.imagePadding ?? 0) <= outside,
    `multiplierCycles: ${multiplierCycles.imagePadding} of ${outside} MACs with the image padding`,
  );
  if (scheduled === "both")
    need(multiplierCycles.occupied === macs, `${multiplierCycles.occupied} occupied multiplier-cycles, not ${macs}`);
  return faults;
}

/** Multiplier-cycles by cause are no more than there are. */
export function multiplierCycleFaults({ cycles, multiplierCycles }: ComputeResult, multipliers: number): string[] {
  const told = Object.values(multiplierCycles ?? {}).reduce((sum, count) => sum + count, 0);
  return told <= multipliers * cycles ? [] : [`multiplierCycles: ${told} of ${multipliers * cycles} multiplier-cycles`];
}

function equal(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what}: expected ${expected}, got ${actual}`];
}

/**
 * Replays traces on machines. For every recorded operation: the accelerator says what it costs in compute, the memory
 * model what it costs to feed it, and the slower of the two decides (pipeline.ts); then everything is added up by pass.
 */

import { arrayOf, checkArgument, objectWith } from "../io/verb.ts";
import { IDENTIFIED_TRACE } from "../trace/arguments.ts";
import { isMacOp } from "../trace/manifest.ts";
import { MACHINE } from "./arguments.ts";
import { checkRoom } from "./memory/capacity.ts";
import { checkSizes } from "./operation/limits.ts";
import { CollectedCosts } from "./result/collected-costs.ts";
import { checkEqualTerms, checkOneNetwork, checkSameWork } from "./result/comparability.ts";
import { comparisonsOf, type Terms } from "./result/comparison.ts";
import type { SimulationResult, StreamedResult } from "./result/result.ts";
import { type NewRowList, rowsInMemory } from "./result/row-list.ts";
import { inMemory, simulationResult } from "./result/simulation-result.ts";
import { type Helpers, type OpCosts, type OpsInput, simulateOps } from "./run-ops.ts";

/** What to simulate. */
export interface SimulationInput extends OpsInput {
  readonly onProgress?: (done: number, of: number) => void;
  /** Others that do a share of the ops. */
  readonly helpers?: Helpers;
}

/** Simulates. @throws InputError or Error when a baseline or traces are not comparable; the reason of the signal when it is aborted. */
export async function simulate(input: SimulationInput): Promise<SimulationResult> {
  return inMemory(await simulateInto(rowsInMemory, input));
}

/** The same with rows wherever `newList` keeps them. */
export async function simulateInto(newList: NewRowList, input: SimulationInput): Promise<StreamedResult> {
  checkInput(input);
  checkTerms(input);
  const comparisons = comparisonsOf(input);
  checkMemory(input, comparisons);
  const collected = new CollectedCosts(
    input,
    comparisons.map(({ machine }) => machine),
    newList,
  );
  await collect(input, collected);
  input.signal?.throwIfAborted();
  return simulationResult(input, comparisons, collected);
}

/** @throws InputError where an input is not made of opened traces and resolved machines. */
function checkInput(input: SimulationInput): void {
  checkArgument("simulate", input, objectWith("an object with traces and machines", "traces", "machines"));
  const { traces, machines, baseline, commonBaseline, baselineTraces = [] } = input;
  checkArgument("simulate: traces", traces, arrayOf(`a list, each ${IDENTIFIED_TRACE.what}`, IDENTIFIED_TRACE));
  checkArgument(
    "simulate: baselineTraces",
    baselineTraces,
    arrayOf(`a list, each ${IDENTIFIED_TRACE.what}`, IDENTIFIED_TRACE),
  );
  checkArgument("simulate: machines", machines, arrayOf(`a list, each ${MACHINE.what}`, MACHINE));
  for (const [field, machine] of Object.entries({ baseline, commonBaseline })) {
    if (machine !== undefined) checkArgument(`simulate: ${field}`, machine, MACHINE);
  }
}

function checkTerms({ traces, machines, baseline, allowUnequal, baselineTraces = [] }: SimulationInput): void {
  const all = [...traces, ...baselineTraces];
  if (baseline !== undefined && !allowUnequal) checkEqualTerms(machines, baseline);
  checkOneNetwork(all);
  checkSizes(all.map(({ trace }) => trace));
  if (baselineTraces.length > 0) checkSameWork(traces, baselineTraces);
}

/** Whether the memories of all machines hold a tile of every op. */
function checkMemory({ traces, machines, baselineTraces = [] }: SimulationInput, comparisons: readonly Terms[]): void {
  const all = [...traces, ...baselineTraces];
  const shared = comparisons.flatMap(({ baseline, counterpart }) => (baseline === counterpart ? [] : baseline.machine));
  const multiplying = all.flatMap(({ trace }) => trace.manifest.ops.filter(isMacOp));
  checkRoom([...new Set([...machines, ...shared])], multiplying);
}

/** Costs of every op, by this thread and its helpers. */
async function collect(input: SimulationInput, collected: CollectedCosts): Promise<void> {
  const { helpers, onProgress } = input;
  let done = 0;
  const onOp = (finished: OpCosts) => {
    collected.take(finished);
    onProgress?.(++done, collected.ops);
  };
  let next = 0;
  // Together: a helper may fail while this thread is still at work.
  await Promise.all([helpers?.finish(onOp), simulateOps(input, helpers?.take ?? (() => next++), onOp)]);
}

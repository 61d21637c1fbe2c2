/** Which steps of a run are recorded: `last`, `every:N`, `steps:A,B,…`, `stratified:K`. */
import { InputError } from "../io/faults.ts";
import type { StepPlan } from "./step-plan.ts";

/** Whether a step of a run is recorded; steps count from 0. */
export type RecordSelection = (step: number, plan: StepPlan) => boolean;

/** What `recordSelection` knows. */
export const RECORD_SELECTIONS = "last, every:N, steps:A,B,…, stratified:K";

/** The selection that a text describes. @throws InputError for a malformed one. */
export function recordSelection(text: string): RecordSelection {
  if (text === "last") return (step, { steps }) => step === steps - 1;
  const every = /^every:([1-9]\d*)$/.exec(text);
  if (every !== null) {
    const period = Number(every[1]);
    return (step) => step % period === 0;
  }
  const list = /^steps:(\d+(?:,\d+)*)$/.exec(text);
  if (list !== null) {
    const wanted = new Set(list[1].split(",").map(Number));
    return (step) => wanted.has(step);
  }
  const stratified = /^stratified:([1-9]\d*)$/.exec(text);
  if (stratified !== null) return spread(Number(stratified[1]));
  throw new InputError([`record: unknown selection, got "${text}"; known: ${RECORD_SELECTIONS}`]);
}

/** So many steps of each stratum, found once for each run. */
function spread(count: number): RecordSelection {
  const chosen = new WeakMap<StepPlan, ReadonlySet<number>>();
  return (step, plan) => {
    const steps = chosen.get(plan) ?? plan.spread(count);
    chosen.set(plan, steps);
    return steps.has(step);
  };
}

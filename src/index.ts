/**
 * The library on Node: train, record, synthesize and read traces, simulate, report. Every verb does what the command of the same
 * name does, prints nothing, and throws an `InputError` that lists all faults of its input. `swat-sim/sim` and
 * `swat-sim/trace` are the parts that run in a browser.
 */

import { arrayOf, objectWith, verb } from "./io/verb.ts";
import { comparedWith as compared } from "./report/compared-with.ts";
import { resultCsv as csv } from "./report/csv.ts";
import { reportPage as page } from "./report/html/page.ts";
import { resultTable as table } from "./report/tables/result-table.ts";
import { tracePatterns as patternsOf } from "./synthetic/measure/statistics.ts";
import { OPENED_TRACE } from "./trace/arguments.ts";

export { loadMethods } from "./api/method-modules.ts";
export { loadAccelerators, loadMachines, readTrace, shippedMachines, writeTrace } from "./api/open.ts";
export { recordStep, type StepOptions, type StepOptions as StepOrder } from "./api/record.ts";
export { type SimulationOptions, type SimulationOptions as SimulationOrder, simulate } from "./api/simulate.ts";
export { type SyntheticOptions, type SyntheticOptions as SyntheticOrder, synthesizeTrace } from "./api/synthesize.ts";
export { resumeTraining, type TrainingOptions, type TrainingOptions as TrainOrder, train } from "./api/train.ts";
export type { BitMask } from "./core/bit-mask.ts";
export { InputError } from "./io/faults.ts";
export type { ReportInput } from "./report/charts/index.ts";
export type { TableOptions } from "./report/tables/result-table.ts";
export type { StudyResult } from "./report/whole-run/result.ts";
export type { TrainingHooks, TrainingReport } from "./runs/run-training.ts";
export type { EnergyTable } from "./sim/energy/table.ts";
export type { Accelerator } from "./sim/hardware/accelerator.ts";
export type { HardwareConfig, Machine } from "./sim/hardware/machine.ts";
export type { MachineResult, ResultRow, ResultTotal, SimulationResult } from "./sim/result/result.ts";
export type { Sample } from "./sim/sampling/sampled.ts";
export type { LayerMasks, MaskedLayer, MaskMethod, MaskSettings, Weights } from "./sparsity/masks/mask-method.ts";
export { runSweep as sweep, type SweepHooks, type SweepPlan, type SweepReport } from "./studies/sweep/run-sweep.ts";
export {
  type StudyHooks,
  type StudyPlan,
  type StudyReport,
  timeToAccuracy,
} from "./studies/whole-run/time-to-accuracy.ts";
export type { TrainSettings } from "./swat/settings.ts";
export type { TrainProgress } from "./swat/train.ts";
export type { TracePatterns } from "./synthetic/measure/statistics.ts";
export type { SyntheticSettings } from "./synthetic/settings.ts";
export type { SyntheticTrace } from "./synthetic/trace.ts";
export { verifyTrace } from "./trace/index.ts";
export type { IdentifiedTrace, Trace } from "./trace/trace.ts";

const RESULT = objectWith("the result of a simulation", "traces", "machines");
const NAMED_RESULT = { what: "", is: (value: unknown) => RESULT.is((value as { result?: unknown } | null)?.result) };
const RESULTS = arrayOf("", NAMED_RESULT);
const INPUT = {
  what: "the input of a report, { results: [{ file, sha256, result }, …], points: [] }",
  is: (value: unknown) => objectWith("", "points").is(value) && RESULTS.is((value as { results: unknown }).results),
};
const NAME = { what: "the name of a baseline", is: (value: unknown) => typeof value === "string" };

/** The results and points that are compared with one baseline. @throws InputError */
export const comparedWith = verb("comparedWith", compared, INPUT, NAME);
/** CSV of a result, one line for each machine, step and op, units in the header. @throws InputError */
export const resultCsv = verb("resultCsv", csv, RESULT);
/** One self-contained HTML page of results and the points of a sweep. @throws InputError */
export const reportPage = verb("reportPage", page, INPUT);
/** The comparison of all machines as text, and what the numbers mean. @throws InputError */
export const resultTable = verb("resultTable", table, RESULT);
/** Measures how the zeros of every operand of a trace are spread, to synthesize a similar step. @throws InputError */
export const tracePatterns = verb("tracePatterns", patternsOf, OPENED_TRACE);

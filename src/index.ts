/**
 * The library on Node: train, record, synthesize and read traces, simulate, report. Every verb does what the command of the same
 * name does, prints nothing, and throws an `InputError` with all faults of what it was given. `swat-sim/sim` and
 * `swat-sim/trace` are the parts that run in a browser.
 */

export { loadAccelerators, loadMachines, readTrace, shippedMachines, writeTrace } from "./api/open.ts";
export { recordStep, type StepOrder } from "./api/record.ts";
export { type SimulationOrder, simulate } from "./api/simulate.ts";
export { type SyntheticOrder, synthesizeTrace } from "./api/synthesize.ts";
export { resumeTraining, type TrainOrder, train } from "./api/train.ts";
export type { BitMask } from "./core/bit-mask.ts";
export { InputError } from "./io/faults.ts";
export type { ReportInput } from "./report/charts/index.ts";
export { comparedWith } from "./report/compared-with.ts";
export { resultCsv } from "./report/csv.ts";
export { reportPage } from "./report/html/page.ts";
export { resultTable, type TableOptions } from "./report/result-table.ts";
export type { TrainingHooks, TrainingReport } from "./runs/run-training.ts";
export type { EnergyTable } from "./sim/energy/table.ts";
export type { Accelerator } from "./sim/hardware/accelerator.ts";
export type { HardwareConfig, Machine } from "./sim/hardware/machine.ts";
export type { MachineResult, ResultRow, ResultTotal, SimulationResult } from "./sim/result/result.ts";
export type { Sample } from "./sim/sampling/sampled.ts";
export { runSweep as sweep, type SweepHooks, type SweepPlan, type SweepReport } from "./studies/sweep/run-sweep.ts";
export type { TrainSettings } from "./swat/settings.ts";
export type { TrainProgress } from "./swat/train.ts";
export type { SyntheticSettings } from "./synthetic/settings.ts";
export { type TracePatterns, tracePatterns } from "./synthetic/statistics.ts";
export type { SyntheticTrace } from "./synthetic/trace.ts";
export type { IdentifiedTrace, Trace } from "./trace/trace.ts";
export { verifyTrace } from "./trace/verify.ts";

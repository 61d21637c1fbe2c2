/** The library: train, open traces, load machines, simulate, report. */
export { resultCsv } from "./report/csv.ts";
export { resultTable } from "./report/table.ts";
export * from "./sim/index.ts";
export { openRun, type SavedRun } from "./studies/checkpoint-file.ts";
export { loadAccelerators, loadEnergyTables, loadMachines, openTraces, shippedMachines } from "./studies/inputs.ts";
export { runTraining, type TrainingHooks, type TrainingReport } from "./studies/run-training.ts";
export type { TrainingJob } from "./studies/training-job.ts";
export type { TrainSettings } from "./swat/settings.ts";
export * from "./trace/index.ts";

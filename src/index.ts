/** The library: train, open traces, load machines, simulate, report. */
export { resultCsv } from "./report/csv.ts";
export { resultTable } from "./report/table.ts";
export * from "./sim/index.ts";
export { loadAccelerators, loadMachines, openTraces, shippedMachines } from "./studies/inputs.ts";
export { runTraining, type TrainingJob, type TrainingReport } from "./studies/run-training.ts";
export type { TrainSettings } from "./swat/settings.ts";
export * from "./trace/index.ts";

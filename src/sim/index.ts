/**
 * Public entry `swat-sim/sim`: replaying traces on machines that are at hand as objects, free of Node built-ins, so that it
 * runs in a browser. `swat-sim` also opens files and machines by name.
 */
export { InputError } from "../io/faults.ts";
export { accelerators } from "./arrays/index.ts";
export { type ConformanceProperty, conformanceProperties } from "./conformance/conformance.ts";
export { conservationFaults } from "./conformance/memory.ts";
export { operationFaults } from "./conformance/operation.ts";
export { type EnergyTable, resolveEnergyTable } from "./energy/table.ts";
export type { Accelerator, ComputeResult, Mapping } from "./hardware/accelerator.ts";
export { denseTwin, type HardwareConfig, type Machine, resolveMachine } from "./hardware/machine.ts";
export type { Operand, Operation, Pass } from "./operation/operation.ts";
export { rankedMachines, standingOf } from "./result/ranking.ts";
export type { MachineResult, ResultRow, ResultTotal, SimulationResult } from "./result/result.ts";
export { type SimulationInput, simulate } from "./simulate.ts";

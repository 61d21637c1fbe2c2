/**
 * Public entry `swat-sim/sim`: replaying traces on machines that are at hand as objects, free of Node built-ins, so that it
 * runs in a browser. `swat-sim` simulates what is named, too.
 */
export { InputError } from "../io/faults.ts";
export type { Accelerator, ComputeResult, Mapping } from "./accelerator.ts";
export { accelerators } from "./accelerators/index.ts";
export { type ConformanceProperty, conformanceProperties } from "./conformance.ts";
export { conservationFaults } from "./conformance-memory.ts";
export { operationFaults } from "./conformance-operation.ts";
export { type EnergyTable, resolveEnergyTable } from "./energy/table.ts";
export { denseTwin, type HardwareConfig, type Machine, resolveMachine } from "./machine.ts";
export type { Operand, Operation, Pass } from "./operation.ts";
export { rankedMachines, standingOf } from "./ranking.ts";
export type { MachineResult, ResultRow, ResultTotal, SimulationResult } from "./result.ts";
export { type SimulationInput, simulate } from "./simulate.ts";

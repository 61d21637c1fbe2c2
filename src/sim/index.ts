/** Public entry `swat-sim/sim`: replaying traces on machines, free of Node built-ins. */
export { InputError } from "../io/faults.ts";
export type { Accelerator, ComputeResult, Mapping } from "./accelerator.ts";
export { accelerators } from "./accelerators/index.ts";
export { conformanceProperties } from "./conformance.ts";
export { type EnergyTable, EnergyTableSchema, resolveEnergyTable } from "./energy/table.ts";
export { denseTwin, type HardwareConfig, HardwareConfigSchema, type Machine, resolveMachine } from "./machine.ts";
export { OPERANDS_OF, type Operand, type Operation, PASSES, type Pass } from "./operation.ts";
export { type MachineResult, type ResultRow, ResultSchema, type ResultTotal, type SimulationResult } from "./result.ts";
export { type SimulationInput, simulate } from "./simulate.ts";

/**
 * Public entry `swat-sim/sim`: replays traces on machines given as objects, without Node built-ins, so that it
 * runs in a browser. `swat-sim` also opens files and machines by name.
 */
import { useAjv as takeAjv } from "../io/faults.ts";
import { objectWith, verb } from "../io/verb.ts";
import { OPENED_TRACE } from "../trace/arguments.ts";
import { ACCELERATOR, ACCELERATORS, MACHINE, MACHINE_RESULT, MACHINE_RESULTS } from "./arguments.ts";
import { conformanceProperties as propertiesOf } from "./conformance/conformance.ts";
import { conservationFaults as faultsOfMemory } from "./conformance/memory.ts";
import { operationFaults as faultsOfOperation } from "./conformance/operation.ts";
import { resolveEnergyTable as resolveTable } from "./energy/table.ts";
import * as machines from "./hardware/machine.ts";
import * as ranking from "./result/ranking.ts";

export { InputError } from "../io/faults.ts";
export { accelerators } from "./arrays/index.ts";
export type { ConformanceProperty } from "./conformance/conformance.ts";
export type { EnergyTable } from "./energy/table.ts";
export type { Accelerator, ComputeResult, Mapping } from "./hardware/accelerator.ts";
export type { HardwareConfig, Machine } from "./hardware/machine.ts";
export type { Operand, Operation, Pass } from "./operation/operation.ts";
export type { MachineResult, ResultRow, ResultTotal, SimulationResult } from "./result/result.ts";
export { type SimulationInput, simulate } from "./simulate.ts";

const ANYTHING = { what: "anything", is: () => true };
const AJV = objectWith("the module ajv", "Ajv");
const TEXT = { what: "a string", is: (value: unknown) => typeof value === "string" };
const PARAMS = objectWith("parameters");
const OPERATION = objectWith("an operation", "geometry", "masks");

/** Takes ajv, as `import * as ajv from "ajv"`, from a page that brings accelerators of its own: their schemas are checked by it. @throws InputError */
export const useAjv = verb("useAjv", takeAjv, AJV);
/** The conformance laws of every machine, as checks of this one. @throws InputError */
export const conformanceProperties = verb("conformanceProperties", propertiesOf, ACCELERATOR, PARAMS);
/** Bytes lost or counted twice between memories, one line for each fault. @throws InputError */
export const conservationFaults = verb("conservationFaults", faultsOfMemory, OPENED_TRACE, MACHINE);
/** Violations of the conformance laws by one operation, one line each. @throws InputError */
export const operationFaults = verb("operationFaults", faultsOfOperation, ACCELERATOR, PARAMS, OPERATION);
/** An energy table from its parsed file; `where` names it in messages. @throws InputError */
export const resolveEnergyTable = verb("resolveEnergyTable", resolveTable, ANYTHING, TEXT);
/** The same array without zero skipping and without compression. @throws InputError */
export const denseTwin = verb("denseTwin", machines.denseTwin, MACHINE);
/** A machine from its parsed config; `where` names it in messages. @throws InputError */
export const resolveMachine = verb("resolveMachine", machines.resolveMachine, ANYTHING, TEXT, ACCELERATORS);
/** Sorts machines by standing, then by the time of the step. @throws InputError */
export const rankedMachines = verb("rankedMachines", ranking.rankedMachines, MACHINE_RESULTS);
/** Whether a machine is ranked, a bound, or stands apart from the baseline. @throws InputError */
export const standingOf = verb("standingOf", ranking.standingOf, MACHINE_RESULT);

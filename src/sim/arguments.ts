/** What the verbs of `swat-sim/sim` take. */
import { arrayOf, objectWith } from "../io/verb.ts";

/** A resolved machine. */
export const MACHINE = objectWith(
  "a machine, as resolveMachine and loadMachines give",
  ...["config", "accelerator", "params", "memory"],
);

/** An accelerator. */
export const ACCELERATOR = objectWith("an accelerator", "params", "mappings", "multipliers", "run", "withoutSkipping");

/** Accelerators by id. */
export const ACCELERATORS = objectWith("accelerators by id");

/** Machines of a result. */
export const MACHINE_RESULT = objectWith("a machine of a result", "baseline", "totals");
/** All of them. */
export const MACHINE_RESULTS = arrayOf("the machines of a result", MACHINE_RESULT);

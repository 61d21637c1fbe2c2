/** The oracles that our code is compared with, one adapter a file. */
import { dnnsim } from "./dnnsim.ts";
import { memory } from "./memory.ts";
import { methods } from "./methods.ts";
import type { Oracle } from "./oracle.ts";
import { scalesim } from "./scalesim.ts";
import { stonne } from "./stonne.ts";
import { swat } from "./swat.ts";
import { tensordash } from "./tensordash.ts";

/** To add an oracle, write its adapter and name it here. */
export const ORACLES: readonly Oracle[] = [swat, dnnsim, tensordash, scalesim, stonne, memory, methods];

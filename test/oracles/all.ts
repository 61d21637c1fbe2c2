/** The oracles we can be held against, one adapter a file. */
import { dnnsim } from "./dnnsim.ts";
import type { Oracle } from "./oracle.ts";
import { scalesim } from "./scalesim.ts";
import { stonne } from "./stonne.ts";
import { swat } from "./swat.ts";
import { tensordash } from "./tensordash.ts";

export const oracles: readonly Oracle[] = [swat, dnnsim, tensordash, scalesim, stonne];

/** The oracles that our code is compared with, one adapter a file, and those that it cannot be compared with yet. */
import { dnnsim } from "./dnnsim.ts";
import { memory } from "./memory.ts";
import type { Oracle } from "./oracle.ts";
import { scalesim } from "./scalesim.ts";
import { stonne } from "./stonne.ts";
import { swat } from "./swat.ts";
import { tensordash } from "./tensordash.ts";

/** To add an oracle, write its adapter and name it here. */
export const ORACLES: readonly Oracle[] = [swat, dnnsim, tensordash, scalesim, stonne, memory];

/** Oracles that are skipped as a whole, with the reason; any other name is an error. */
export const NOT_MODELLED: Readonly<Record<string, string>> = {
  methods: "the trainer has none of its methods (N:M, RigL, Top-KAST)",
};

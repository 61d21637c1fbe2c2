/** The accelerators that come with the package, by id; adding one is a file and a line here. */
import type { Accelerator } from "../accelerator.ts";
import { bitTactical } from "./bit-tactical.ts";
import { dadiannao } from "./dadiannao.ts";
import { tensordash } from "./tensordash.ts";

/** id → accelerator. */
export const accelerators: Readonly<Record<string, Accelerator>> = {
  [dadiannao.id]: dadiannao,
  [bitTactical.id]: bitTactical,
  [tensordash.id]: tensordash,
};

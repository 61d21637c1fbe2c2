/**
 * What a method drops: an operand of the convolutions and linear layers in one direction of training, its smallest elements
 * by top-k. SWAT drops weights in both directions and inputs backward; the others are those that its sensitivity study
 * compares (Raihan & Aamodt 2020).
 *
 *     weights:forward       forward with top-k(W)
 *     inputs:forward        forward with top-k(x)
 *     weights:backward      input gradient with top-k(W)
 *     inputs:backward       weight gradient with top-k(x)
 *     outputGrad:backward   input and weight gradient with top-k(g); the gradient of a bias stays dense
 */
import { InputError, unknownName } from "../io/faults.ts";

/** All that can be dropped. */
export const DROPS = [
  "weights:forward",
  "inputs:forward",
  "weights:backward",
  "inputs:backward",
  "outputGrad:backward",
] as const;
/** Name of one thing that is dropped. */
export type Drop = (typeof DROPS)[number];

/** What SWAT drops. */
export const SWAT_DROPS: readonly Drop[] = ["weights:forward", "weights:backward", "inputs:backward"];

/** The drops, in their own order, that `text` names, as weights:forward+inputs:backward. Throws for another name. */
export function parseDrops(text: string): Drop[] {
  const names = text.split("+");
  const unknown = names.find((name) => !DROPS.some((drop) => drop === name));
  if (unknown !== undefined) throw new InputError([unknownName("operand to drop", unknown, DROPS)]);
  return DROPS.filter((drop) => names.includes(drop));
}

/** Whether these are the drops of SWAT, in whatever order. */
export function isSwat(drops: readonly Drop[]): boolean {
  return DROPS.every((drop) => drops.includes(drop) === SWAT_DROPS.includes(drop));
}

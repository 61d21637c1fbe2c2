/** A few rounds of the crash harness, one verb and one fault each; `npm run crash` has all of them, as many as one wants. */
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { Crashes, type Fault } from "./crash.ts";

const SEED = Number(process.env.SWAT_SIM_FC_SEED ?? 1);
const ROUNDS: readonly (readonly [verb: string, fault: Fault, rounds: number])[] = [
  ["train", "kill", 2],
  ["train", "term", 1],
  ["sweep", "kill", 1],
];

let crashes: Crashes;
beforeAll(async () => {
  crashes = await Crashes.of(inject("program"));
});
afterAll(() => crashes.close());

it.each(ROUNDS)("%s ends after %s with the files of an undisturbed run, and no others", async (verb, fault, rounds) => {
  for (let index = 0; index < rounds; index++) {
    expect((await crashes.round(verb, fault, SEED, index)).faults, `round ${index}`).toEqual([]);
  }
});

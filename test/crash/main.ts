/**
 * `npm run crash`: every command that writes files, ended at random moments, and run again. Exits 1 where a round found a fault.
 * A disk that is small or read-only has to be mounted; where that cannot be, those rounds are skipped.
 */
import { parseArgs } from "node:util";
import { builtProgram } from "../cli/build.ts";
import { checkNames, count, readCommandLine } from "../support/command-line.ts";
import { Crashes, FAULTS, type Fault, mountFault } from "./crash.ts";
import { VERBS } from "./verbs.ts";

const USAGE = `usage: npm run crash -- [--verb V]… [--fault F]… [--kills N] [--seed S] [--first I]
  --verb V   ${Object.keys(VERBS).join(", ")} (all but demo, which takes long)
  --fault F  ${FAULTS.join(", ")} (kill)
  --kills N  faults over all verbs, at least (30)
  --seed S   what the moments are drawn from (1)
  --first I  number of the first round (0)
example: npm run crash -- --verb sweep --fault kill --kills 1 --seed 1 --first 17`;
const OPTIONS = {
  verb: { type: "string", multiple: true },
  fault: { type: "string", multiple: true },
  kills: { type: "string", default: "30" },
  seed: { type: "string", default: "1" },
  first: { type: "string", default: "0" },
} as const;

const { verbs, faults, kills, seed, first } = readCommandLine(USAGE, commandLine);
const unmountable = await mountFault();
const crashes = await Crashes.of(await builtProgram());
let found = 0;
try {
  for (const fault of faults) {
    if ((fault === "disk" || fault === "readonly") && unmountable !== undefined)
      console.log(`${fault}: skipped, ${unmountable}`);
    else await disturb(fault);
  }
} finally {
  await crashes.close();
}
process.exitCode = found > 0 ? 1 : 0;

/** Rounds of one fault, verb after verb, until there were enough. */
async function disturb(fault: Fault): Promise<void> {
  const hits = new Map(verbs.map((verb) => [verb, 0]));
  const total = () => [...hits.values()].reduce((sum, count) => sum + count, 0);
  for (let index = first; total() < kills; index++) {
    for (const verb of verbs) {
      if (total() >= kills) break;
      const round = await crashes.round(verb, fault, seed, index);
      hits.set(verb, (hits.get(verb) ?? 0) + round.hits);
      found += round.faults.length;
      for (const text of round.faults) console.log(`${verb}: ${text.trim()}`);
      if (round.faults.length > 0)
        console.log(
          `  again: npm run crash -- --verb ${verb} --fault ${fault} --seed ${seed} --first ${index} --kills 1`,
        );
    }
  }
  console.log(`${fault}: ${total()} (${[...hits].map(([verb, count]) => `${verb} ${count}`).join(", ")})`);
}

function commandLine() {
  const { values } = parseArgs({ options: OPTIONS });
  const verbs = values.verb ?? Object.keys(VERBS).filter((verb) => verb !== "demo");
  const { fault: asked = ["kill"] } = values;
  checkNames("verb", verbs, Object.keys(VERBS));
  checkNames("fault", asked, FAULTS);
  return {
    verbs,
    faults: FAULTS.filter((fault) => asked.includes(fault)),
    kills: count("kills", values.kills),
    seed: count("seed", values.seed),
    first: count("first", values.first),
  };
}

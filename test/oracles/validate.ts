/**
 * `npm run validate -- DIR…`: finds every index.json below the folders, reads its `oracle` field, replays each case on our
 * code, and prints `<oracle> <quantity>: <equal>/<compared>`, then what was skipped and why, then what differs. A case or
 * folder that cannot be read or replayed counts as a difference, and the rest follows.
 * `npm run validate -- --fuzz SEED` draws odd shapes and parameters instead, and checks laws and closed forms.
 * Exits 1 when anything differs, 2 when no folder holds an index.
 */
import { parseArgs } from "node:util";
import { writeFileAtomically } from "../../src/io/atomic-file.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { campaigns } from "../sim/fuzz/fuzz.ts";
import { readCommandLine } from "../support/command-line.ts";
import { outcomeLines } from "./outcome-lines.ts";
import { validationPage } from "./page.ts";
import { exitCode, outcomesOf } from "./run-folders.ts";

const USAGE = `usage: npm run validate -- DIR… [--page FILE]     replay golden cases
       npm run validate -- --fuzz SEED [--runs N]  check N drawn cases (300) a campaign
example: npm run validate -- test/golden --fuzz 7 --runs 1000`;
const DEFAULT_RUNS = "300";

const { dirs, values } = readCommandLine(USAGE, commandLine);
const seed = Number(values.fuzz ?? 0);
const runs = Number(values.runs ?? DEFAULT_RUNS);
const isWrong = !Number.isSafeInteger(seed) || values.fuzz === "" || !Number.isSafeInteger(runs) || runs < 1;
if (isWrong || (dirs.length === 0 && values.fuzz === undefined)) {
  console.error(USAGE);
  process.exit(2);
}

const outcomes = await outcomesOf(dirs, (outcome) => {
  for (const line of outcomeLines(outcome)) console.log(line);
});
if (values.page !== undefined) await writeFileAtomically(values.page, validationPage(outcomes, accelerators));
process.exitCode = exitCode(outcomes);
if (values.fuzz !== undefined) {
  for (const campaign of campaigns()) {
    const { name, passed, runs: drawn, failure } = await campaign.check(seed, runs);
    console.log(`fuzz ${name}: ${passed}/${drawn}`);
    if (failure === undefined) continue;
    console.log(`fuzz ${name} DIFFERS ${failure}`);
    process.exitCode = 1;
  }
}

function commandLine() {
  const options = { page: { type: "string" }, fuzz: { type: "string" }, runs: { type: "string" } } as const;
  const { positionals, values } = parseArgs({ allowPositionals: true, options });
  return { dirs: positionals, values };
}

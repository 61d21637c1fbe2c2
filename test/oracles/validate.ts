/**
 * `npm run validate -- DIR…`: finds every index.json below the folders, tells the oracle by its `oracle` field, runs
 * each case on our code, and prints `<oracle> <quantity>: <equal>/<compared>`, then what was skipped and why.
 * With `--page FILE` it also writes the page of cases and mappings. Exits 1 when anything differs, 2 when a folder holds
 * no case.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomically } from "../../src/io/atomic-file.ts";
import { accelerators } from "../../src/sim/accelerators/index.ts";
import { oracles } from "./all.ts";
import { CountingTally, type OracleIndex } from "./oracle.ts";
import { type Outcome, validationPage } from "./page.ts";

const SHOWN_DIFFERENCES = 20;
const SHOWN_PLACES = 6;

const { positionals: dirs, values } = parseArgs({ allowPositionals: true, options: { page: { type: "string" } } });
if (dirs.length === 0) {
  console.error("usage: npm run validate -- DIR… [--page FILE]");
  process.exit(2);
}

let differed = false;
const unknown: string[] = [];
const outcomes: Outcome[] = [];
for (const dir of dirs) {
  const found = await findIndexes(dir);
  if (found.length === 0) {
    console.error(`${dir}: no index.json below this folder`);
    process.exit(2);
  }
  for (const folder of found) {
    const index = JSON.parse(await readFile(join(folder, "index.json"), "utf8")) as OracleIndex;
    const oracle = oracles.find(({ id }) => id === index.oracle);
    if (oracle === undefined) {
      unknown.push(`${folder}: ${index.cases?.length ?? 0} cases of oracle "${index.oracle}", which is not modelled`);
      continue;
    }
    const tally = new CountingTally();
    await oracle.run(folder, index, tally);
    print(index.oracle, tally);
    const source = index.source ?? index.generator ?? index.tool ?? index.oracle;
    outcomes.push({ oracle: index.oracle, source, cases: index.cases.length, tally });
    differed ||= tally.differences.length > 0;
  }
}
for (const line of unknown) console.log(`skipped ${line}`);
if (values.page !== undefined) await writeFileAtomically(values.page, validationPage(outcomes, accelerators));
process.exitCode = differed ? 1 : 0;

async function findIndexes(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const here = entries.some((entry) => entry.isFile() && entry.name === "index.json") ? [dir] : [];
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => findIndexes(join(dir, entry.name)));
  return [...here, ...(await Promise.all(below)).flat()].sort();
}

function print(oracle: string, tally: CountingTally): void {
  for (const row of tally.rows.values()) console.log(`${oracle} ${row.quantity}: ${row.equal}/${row.compared}`);
  for (const [reason, places] of tally.skips) {
    const more = places.length > SHOWN_PLACES ? `, +${places.length - SHOWN_PLACES} more` : "";
    const shown = places.slice(0, SHOWN_PLACES).join(", ");
    console.log(`${oracle} skipped ${places.length} × ${reason} (${shown}${more})`);
  }
  for (const line of tally.differences.slice(0, SHOWN_DIFFERENCES)) console.log(`${oracle} DIFFERS ${line}`);
  if (tally.differences.length > SHOWN_DIFFERENCES) {
    console.log(`${oracle} … and ${tally.differences.length - SHOWN_DIFFERENCES} more differences`);
  }
}

/**
 * `npm run validate -- DIR…`: finds every index.json below the folders, reads its `oracle` field, replays each case on our
 * code, and prints `<oracle> <quantity>: <equal>/<compared>`, then what was skipped and why, then what differs. A case or
 * folder that cannot be read or replayed counts as a difference, and the rest follows.
 * Exits 1 when anything differs, 2 when no folder holds an index.
 */
import { parseArgs } from "node:util";
import { writeFileAtomically } from "../../src/io/atomic-file.ts";
import { accelerators } from "../../src/sim/accelerators/index.ts";
import { outcomeLines } from "./outcome-lines.ts";
import { validationPage } from "./page.ts";
import { exitCode, outcomesOf } from "./run-folders.ts";

const USAGE = "usage: npm run validate -- DIR… [--page FILE]";

const { positionals: dirs, values } = parseArgs({ allowPositionals: true, options: { page: { type: "string" } } });
if (dirs.length === 0) {
  console.error(USAGE);
  process.exit(2);
}

const outcomes = await outcomesOf(dirs, (outcome) => {
  for (const line of outcomeLines(outcome)) console.log(line);
});
if (values.page !== undefined) await writeFileAtomically(values.page, validationPage(outcomes, accelerators));
process.exitCode = exitCode(outcomes);

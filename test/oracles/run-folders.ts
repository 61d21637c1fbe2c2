/** Finds the folders of golden cases and replays each on the oracle that its index names. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { faultsOf, unknownName } from "../../src/io/faults.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import { ORACLES } from "./all.ts";
import { CountingTally, type OracleIndex, runCases } from "./oracle.ts";

/** What a folder gave: its tally, why it could not be read, or that it holds no index. */
export type Outcome = ComparedFolder | { readonly kind: "broken" | "empty"; readonly reason: string };

/** A folder whose cases were replayed. */
export interface ComparedFolder {
  readonly kind: "compared";
  readonly oracle: string;
  /** The program that printed the numbers. */
  readonly source: string;
  readonly tally: CountingTally;
}

const INDEX = "index.json";

/** Replays every folder below `dirs` that holds an index, in order; `onOutcome` gets each result as soon as it is there. */
export async function outcomesOf(dirs: readonly string[], onOutcome: (outcome: Outcome) => void): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const add = (outcome: Outcome) => {
    outcomes.push(outcome);
    onOutcome(outcome);
  };
  for (const dir of dirs) {
    const folders = await foldersBelow(dir).catch((error: unknown) => {
      add({ kind: "broken", reason: `${dir}: ${faultsOf(error).join("; ")}` });
    });
    if (folders?.length === 0) add({ kind: "empty", reason: `${dir}: no ${INDEX} below this folder` });
    for (const folder of folders ?? []) add(await outcomeOf(folder));
  }
  return outcomes;
}

/** Whether anything in the folder differs, or could not be replayed. */
export function differs(outcome: Outcome): boolean {
  return outcome.kind !== "compared" || outcome.tally.differences.length > 0;
}

/** 2 where folders were named and none holds an index, 1 where anything differs, else 0. */
export function exitCode(outcomes: readonly Outcome[]): number {
  if (outcomes.length > 0 && outcomes.every(({ kind }) => kind === "empty")) return 2;
  return outcomes.some(differs) ? 1 : 0;
}

async function outcomeOf(folder: string): Promise<Outcome> {
  try {
    const index = (await readJsonFile(join(folder, INDEX))) as OracleIndex;
    const { oracle: id, source, generator, tool } = index;
    const oracle = ORACLES.find((candidate) => candidate.id === id);
    if (oracle === undefined)
      throw new Error(
        unknownName(
          "oracle",
          String(id),
          ORACLES.map((each) => each.id),
        ),
      );
    const tally = new CountingTally();
    await runCases(oracle, folder, index, tally);
    return { kind: "compared", oracle: id, source: source ?? generator ?? tool ?? id, tally };
  } catch (error) {
    return { kind: "broken", reason: `${folder}: ${faultsOf(error).join("; ")}` };
  }
}

/** Folders with an index, `dir` first; links to folders included. */
async function foldersBelow(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).sort();
  const below: string[] = [];
  for (const name of names) {
    const path = join(dir, name);
    const status = await stat(path).catch(() => undefined);
    if (status?.isDirectory()) below.push(...(await foldersBelow(path)));
  }
  return names.includes(INDEX) ? [dir, ...below] : below;
}

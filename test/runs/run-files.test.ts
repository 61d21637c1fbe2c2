/** Every write of a run looks at the lock first: one that was taken over between any two of them changes nothing more. */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withLock } from "../../src/io/run-lock.ts";
import { type OpenedRun, openRunFiles, type RunFiles } from "../../src/runs/run-files.ts";
import type { TrainState } from "../../src/swat/state.ts";
import type { TrainingEvent } from "../../src/swat/training-log.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const STATE: TrainState = {
  ...{ stepsDone: 1, epochLosses: [], lossSum: 0, health: { epochs: [], layers: [] }, layers: [], tensors: [] },
};
const WRITES: Readonly<Record<string, (files: RunFiles) => Promise<void>>> = {
  "a line of the log": (files) => files.append({ event: "epoch", layers: [] } as unknown as TrainingEvent),
  "a trace": (files) => files.writeTrace(3, new Uint8Array(8)),
  "a checkpoint": (files) => files.writeCheckpoint(STATE, 2),
  "what is checked for its results": (files) => files.checkOwned(),
};

it.each(Object.entries(WRITES))(
  "%s of a run is written by its owner, and refused after the folder was taken over",
  async (_, write) => {
    const out = await temporaryFolder();
    const path = join(out, "run.lock");
    await withLock(path, async (lock) => {
      const description = { logCsv: false } as OpenedRun["description"];
      const files = await openRunFiles({ out, id: "id", description, saved: undefined, lock }, () => {});
      await write(files);
      const owner = { process: 1, host: "elsewhere", since: "then", key: "another" };
      await writeFile(path, JSON.stringify(owner));
      const before = await readdir(out);
      expect(await faultsOf(() => write(files))).toEqual([`${out}: was taken over by process 1 on elsewhere at then`]);
      expect(await readdir(out)).toEqual(before);
    });
  },
);

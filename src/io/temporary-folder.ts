/** A folder of its own for files that have to lie on a disk only while something works, as threads open what they read by its path. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writingFault } from "./writing-fault.ts";

/** Calls `work` with the path of a new folder, and removes it with all that is in it afterwards, whatever happened. */
export async function withTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-")).catch((cause: unknown) => {
    throw writingFault(tmpdir(), cause);
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A folder of its own for files that have to lie on a disk only while something works, as threads open what they read by its path. */
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isLeftBehind, temporaryPrefix } from "./temporary-names.ts";
import { writingFault } from "./writing-fault.ts";

/** Calls `work` with the path of a new folder, and removes it with all that is in it afterwards, whatever happened. */
export async function withTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  await removeLeft().catch(() => {});
  const folder = await mkdtemp(join(tmpdir(), temporaryPrefix())).catch((cause: unknown) => {
    throw writingFault(tmpdir(), cause);
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes the folders of processes that were killed; those of other users may lead anywhere. */
async function removeLeft(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => isLeftBehind(name, "folder"));
  for (const path of names.map((name) => join(tmpdir(), name))) {
    const status = await lstat(path);
    if (status.isDirectory() && status.uid === (process.getuid?.() ?? status.uid)) await rm(path, { recursive: true });
  }
}

/** What the tests of files share: a folder for one test, and the message of an error. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";

/** An empty folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** The lines of the message of the error that `action` ends in. */
export async function faultsOf(action: () => unknown): Promise<string[]> {
  try {
    await action();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return (error as Error).message.split("\n");
  }
  return expect.fail("expected an error");
}

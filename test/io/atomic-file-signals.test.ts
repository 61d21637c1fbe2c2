import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/folder.ts";

const MODULE = new URL("../../src/io/atomic-file.ts", import.meta.url).href;
/** Writes parts without end. */
const WRITING = `
  import { writeFileAtomically } from ${JSON.stringify(MODULE)};
  function* parts() { for (;;) yield "x".repeat(1000); }
  await writeFileAtomically(process.argv[1], parts());`;

/** The names in a folder, once there is one. */
async function namesIn(folder: string): Promise<string[]> {
  for (;;) {
    const names = await readdir(folder);
    if (names.length > 0) return names;
    await setTimeout(20);
  }
}

it.skipIf(process.platform === "win32").each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
  "%s in the middle of a file ends the process and leaves nothing of the file",
  async (signal) => {
    const folder = await temporaryFolder();
    const args = ["--import", "tsx", "--input-type=module", "-e", WRITING, join(folder, "a.txt")];
    const child = spawn(process.execPath, args, { stdio: "inherit" });
    const ended = once(child, "exit");
    expect(await namesIn(folder)).toEqual([expect.stringMatching(/\.partial$/)]);
    child.kill(signal);
    expect(await ended).toEqual([null, signal]);
    expect(await readdir(folder)).toEqual([]);
  },
);

const INTERRUPTION = new URL("../../src/cli/terminal/interruption.ts", import.meta.url).href;
/** Writes parts until it is interrupted, as a command does that saves what it has. */
const SAVING = `
  import { writeFileAtomically } from ${JSON.stringify(MODULE)};
  import { listenForInterruption } from ${JSON.stringify(INTERRUPTION)};
  const { signal, exit } = listenForInterruption();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  async function* parts() { while (!signal.aborted) { yield "x"; await turn(); } yield "end"; }
  await writeFileAtomically(process.argv[1], parts());
  exit();`;

it.skipIf(process.platform === "win32")(
  "a command that saves on a signal saves in the middle of a file, too",
  async () => {
    const folder = await temporaryFolder();
    const args = ["--import", "tsx", "--input-type=module", "-e", SAVING, join(folder, "a.txt")];
    const child = spawn(process.execPath, args, { stdio: "inherit" });
    const ended = once(child, "exit");
    await namesIn(folder);
    child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
    expect(await readFile(join(folder, "a.txt"), "utf8")).toMatch(/^x+end$/);
  },
);

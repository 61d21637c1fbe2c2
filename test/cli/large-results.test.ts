/** Results of which the disk takes no more, and which end in the middle. */
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { temporaryFolder } from "../support/folder.ts";
import { ended, ROOT } from "./program.ts";

const TRACE = join(ROOT, "traces/resnet8-swat-u90.safetensors");

it.skipIf(process.platform === "win32").each(["--out", "--csv"])(
  "a file that gets too large for the disk is a fault that names it, and nothing of it stays: simulate %s",
  async (option) => {
    const folder = await temporaryFolder();
    const path = join(folder, "result");
    // Blocks of 512 or 1024 bytes; without the trap the signal would end the process.
    const limited = `trap '' XFSZ; ulimit -f 4; exec "$@"`;
    const command = [process.execPath, inject("program"), "simulate", TRACE, option, path];
    const { code, stderr } = await ended(spawn("bash", ["-c", limited, "bash", ...command]));
    expect(stderr).toContain(
      `${path}: cannot be written: it is larger than the file system or a limit (ulimit -f) allows`,
    );
    expect(code).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  },
);

import { execFileSync, spawn } from "node:child_process";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { processSpace } from "../../src/io/processes.ts";
import { refuseLocked, withLock } from "../../src/io/run-lock.ts";
import { temporaryName } from "../../src/io/temporary-names.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const HERE = { host: hostname(), ...processSpace() };
const SCHEDULER = ["SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT"];

afterEach(() => {
  for (const name of SCHEDULER) delete process.env[name];
});

const lockIn = async () => join(await temporaryFolder(), "out/run.lock");
const held = (path: string) => withLock(path, async () => "held");

/** A lock as somebody else wrote it, touched so many seconds ago. */
async function foreignLock(path: string, fields: object, secondsAgo = 0): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify({ process: 4711, host: "elsewhere", since: "then", key: "foreign", ...fields }));
  const time = new Date(Date.now() - secondsAgo * 1e3);
  await utimes(path, time, time);
}

/** The number of a process that has ended. */
function deadProcess(): number {
  return Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));
}

describe("a lock", () => {
  it("is held by one at a time, of this process too, and leaves nothing behind", async () => {
    const path = await lockIn();
    await withLock(path, async (lock) => {
      expect(await readdir(dirname(path))).toEqual(["run.lock"]);
      await lock.check();
      const faults = await faultsOf(() => held(path));
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain(`${dirname(path)}: in use by process ${process.pid} since `);
      expect(await faultsOf(() => refuseLocked(path))).toEqual(faults);
    });
    expect(await readdir(dirname(path))).toEqual([]);
    expect(await held(path)).toBe("held");
    await expect(withLock(path, () => Promise.reject(new Error("of the work")))).rejects.toThrow("of the work");
    expect(await held(path)).toBe("held");
  });

  it("of a process that is dead, or whose number another has by now, does not hold", async () => {
    const path = await lockIn();
    await foreignLock(path, { ...HERE, process: deadProcess() });
    await refuseLocked(path);
    expect(await held(path)).toBe("held");
    if (process.platform !== "linux") return;
    await foreignLock(path, { ...HERE, process: process.pid, processStart: "1" });
    expect(await held(path)).toBe("held");
  });

  it("of a process that lives holds, however long it was not touched", async () => {
    const path = await lockIn();
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    try {
      await foreignLock(path, { ...HERE, process: child.pid }, 1e6);
      expect((await faultsOf(() => held(path)))[0]).toContain(`in use by process ${child.pid} since then`);
    } finally {
      child.kill();
    }
  });

  it("of another host holds while it is touched, whatever the clocks say", async () => {
    const path = await lockIn();
    for (const secondsAgo of [0, 60, -1e5]) {
      await foreignLock(path, {}, secondsAgo);
      expect((await faultsOf(() => held(path)))[0]).toMatch(
        /out: in use by process 4711 on elsewhere since then; valid: another folder, or wait .*; if that process is gone, its lock ends in \d+ s$/,
      );
    }
    await foreignLock(path, {}, 121);
    expect(await held(path)).toBe("held");
    expect(await readdir(dirname(path))).toEqual([]);
  });

  it("of another container, or of before the system started, holds as that of another host", async () => {
    const path = await lockIn();
    await foreignLock(path, { ...HERE, space: "another", process: deadProcess() }, 60);
    expect((await faultsOf(() => held(path)))[0]).toContain("if that process is gone, its lock ends in ");
    await foreignLock(path, { ...HERE, space: "another", process: process.pid }, 121);
    expect(await held(path)).toBe("held");
  });

  it("that lost its content holds until nobody has touched it for a while", async () => {
    const path = await lockIn();
    await mkdir(dirname(path));
    for (const text of ["", '{"process":12,"ho']) {
      await writeFile(path, text);
      expect((await faultsOf(() => held(path)))[0]).toContain("in use by process 0 on an unknown host");
      const time = new Date(Date.now() - 121_000);
      await utimes(path, time, time);
      expect(await held(path)).toBe("held");
    }
  });

  it("of the same job, which a scheduler has started again on another host, does not hold", async () => {
    const path = await lockIn();
    Object.assign(process.env, { SLURM_JOB_ID: "9", SLURM_ARRAY_JOB_ID: "7", SLURM_ARRAY_TASK_ID: "3" });
    await foreignLock(path, { job: "7_3", restarts: 0 });
    await expect(held(path)).rejects.toThrow("in use");
    process.env.SLURM_RESTART_COUNT = "1";
    await foreignLock(path, { job: "7_2", restarts: 0 });
    await expect(held(path)).rejects.toThrow("in use");
    await foreignLock(path, { job: "7_3", restarts: 0 });
    expect(await held(path)).toBe("held");
  });

  it("that was taken over is noticed by who held it, and stays with the new owner", async () => {
    const path = await lockIn();
    const work = withLock(path, async (lock) => {
      await foreignLock(path, {});
      await lock.check();
    });
    expect(await faultsOf(() => work)).toEqual([
      `${dirname(path)}: was taken over by process 4711 on elsewhere at then`,
    ]);
    expect(JSON.parse(await readFile(path, "utf8")).key).toBe("foreign");
  });

  it("that is none is refused, and so is a folder that cannot be made", async () => {
    const path = await lockIn();
    await mkdir(dirname(path));
    await writeFile(path, "no lock");
    expect(await faultsOf(() => held(path))).toEqual([
      `${path}: is not a lock of this program; valid: remove it, or another folder`,
    ]);
    expect((await faultsOf(() => held(join(path, "run.lock"))))[0]).toContain("run.lock: cannot be ");
  });

  it("of a dead process is taken over although another died while it did so, and refused while another does", async () => {
    const path = await lockIn();
    const [dead, other] = [deadProcess(), deadProcess()];
    await foreignLock(path, { ...HERE, process: dead });
    await foreignLock(`${path}.foreign.dead`, { ...HERE, process: other, key: "second" });
    expect(await held(path)).toBe("held");
    expect(await readdir(dirname(path))).toEqual([]);

    await foreignLock(path, { ...HERE, process: dead });
    await foreignLock(`${path}.foreign.dead`, { key: "second" });
    expect((await faultsOf(() => held(path)))[0]).toContain("in use by process 4711 on elsewhere");
  });

  it("is taken without what processes have left that died while they took it or removed another", async () => {
    const path = await lockIn();
    const dead = deadProcess();
    await foreignLock(`${path}.foreign.dead`, { ...HERE, process: dead });
    await foreignLock(`${path}.living.dead`, { ...HERE, process: process.pid });
    const mine = join(dirname(path), temporaryName().replace(`.${process.pid}.`, `.${dead}.`));
    await writeFile(mine, "");
    await withLock(path, async () => {
      expect(await readdir(dirname(path))).toEqual(["run.lock", "run.lock.living.dead"]);
    });
  });

  it("goes to exactly one of many that find a dead one at the same time", async () => {
    const path = await lockIn();
    const dead = deadProcess();
    for (let round = 0; round < 20; round++) {
      await foreignLock(path, { ...HERE, process: dead });
      let inside = 0;
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () =>
          withLock(path, async () => {
            expect(++inside).toBe(1);
            await new Promise((resolve) => setTimeout(resolve, 20));
            inside--;
          }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(1);
      for (const outcome of outcomes)
        if (outcome.status === "rejected") expect(outcome.reason.message).toContain("in use");
    }
  });
});

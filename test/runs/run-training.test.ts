/** What a run does to a folder that has the files of another: nothing where it cannot begin, and no mixing where it does. */
import { writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openRun, unfinishedRun } from "../../src/runs/checkpoint-file.ts";
import { runTraining } from "../../src/runs/run-training.ts";
import type { TrainingJob } from "../../src/runs/training-job.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../src/swat/settings.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;
const settings: TrainSettings = { ...defaults, epochs: 1, schedule: [{ epoch: 0, rate }], batchSize: 4 };

/** Two steps, both recorded. */
function jobIn(out: string): TrainingJob {
  const images = { data: "generated:8x8x1", limit: 8, testLimit: 4 };
  return { ...images, network: "resnet8", kernels: "js", settings, record: "every:1", logCsv: true, out };
}

async function bytesOf(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder);
  const entries = names.map(async (name) => [name, (await readFile(join(folder, name))).toString("base64")]);
  return Object.fromEntries(await Promise.all(entries));
}

describe("a run that cannot begin", () => {
  it("leaves every byte of the folder as it was", async () => {
    const out = await temporaryFolder();
    const job = jobIn(out);
    await runTraining(job);
    const saved = await openRun(out);
    const before = await bytesOf(out);
    expect(Object.keys(before)).toHaveLength(7);

    const refused: [change: Partial<TrainSettings>, message: RegExp][] = [
      [{ augment: ["resized-crop"] }, /^augment: resized-crop needs pictures/],
      [{ method: "swat-m", momentum: 0 }, /^momentum: swat-m/],
      [{ method: "swat-m", drop: ["inputs:backward"] }, /^drop: swat-m/],
    ];
    for (const [change, message] of refused) {
      const faults = await faultsOf(() => runTraining({ ...job, settings: { ...settings, ...change } }));
      expect(faults).toEqual([expect.stringMatching(message)]);
      expect(await bytesOf(out)).toEqual(before);
    }

    const { checkpoint } = saved;
    const run = { ...checkpoint.run, logLines: 1 };
    const other = { ...saved, checkpoint: { ...checkpoint, run } };
    const [fault] = await faultsOf(() => runTraining({ ...saved.job, network: "wrn10-1" }, {}, other));
    expect(fault).toMatch(/^.*checkpoint\.safetensors: layers are those of another network/);
    expect(await bytesOf(out)).toEqual(before);
  });
});

describe("a new run in the folder of another", () => {
  it("leaves none of its files, and all others", async () => {
    const out = await temporaryFolder();
    await runTraining(jobIn(out));
    await writeFile(join(out, "notes.txt"), "");
    const { record, logCsv, ...job } = jobIn(out);
    const abort = new AbortController();
    abort.abort();
    const { files, interrupted } = await runTraining(job, { signal: abort.signal });
    expect(interrupted).toBe(true);
    expect((await readdir(out)).map((name) => join(out, name)).sort()).toEqual(
      [...files, join(out, "notes.txt")].sort(),
    );
  });

  it("removes results before the first step: a run that dies there has none", async () => {
    const out = await temporaryFolder();
    await runTraining(jobIn(out));
    const dies = () => {
      throw new Error("dies");
    };
    await faultsOf(() => runTraining(jobIn(out), { onProgress: dies }));
    expect(await readdir(out)).toEqual(["log.jsonl", "step-000000.safetensors"]);
  });
});

describe("a checkpoint that cannot be read", () => {
  it("is not taken for none", async () => {
    const out = await temporaryFolder();
    expect(await unfinishedRun(out)).toBeUndefined();
    expect(await unfinishedRun(join(out, "missing"))).toBeUndefined();

    const path = join(out, "checkpoint.safetensors");
    const advice = `${path}: a new run would remove it; valid: another folder, or remove the file`;
    await runTraining(jobIn(out));
    expect(await unfinishedRun(out)).toBeUndefined();
    const whole = await readFile(path);
    await writeFile(path, whole.subarray(0, -9));
    expect(await faultsOf(() => unfinishedRun(out))).toEqual([expect.stringContaining("file is cut"), advice]);

    const newer = Buffer.from(whole);
    newer.set(Buffer.from("2.0"), newer.indexOf('1.1\\"'));
    await writeFile(path, newer);
    expect(await faultsOf(() => unfinishedRun(out))).toEqual([
      expect.stringContaining("version: unknown version"),
      advice,
    ]);
  });

  it("is not taken for none where it is a folder", async () => {
    const out = await temporaryFolder();
    await mkdir(join(out, "checkpoint.safetensors"));
    expect(await faultsOf(() => unfinishedRun(out))).toHaveLength(2);
  });
});

it("a run does not replace one that was saved in its folder while it loaded its data", async () => {
  const out = await temporaryFolder();
  const starting = runTraining(jobIn(out));
  await writeFile(join(out, "checkpoint.safetensors"), "of another process");
  expect(await faultsOf(() => starting)).toEqual([
    `${join(out, "checkpoint.safetensors")}: another process has written it meanwhile; valid: resume it, or another folder`,
  ]);
  expect(await readdir(out)).toEqual(["checkpoint.safetensors"]);
  expect(await faultsOf(() => runTraining(jobIn("")))).toEqual(["out: must name a folder, got an empty text"]);
});

it("a run whose folder another process has taken over writes nothing more there", async () => {
  const out = await temporaryFolder();
  const owner = { process: 1, host: "elsewhere", since: "then", key: "another" };
  const onProgress = () => writeFileSync(join(out, "run.lock"), JSON.stringify(owner));
  const faults = await faultsOf(() => runTraining({ ...jobIn(out), record: undefined }, { onProgress }));
  expect(faults[0]).toBe(`${out}: was taken over by process 1 on elsewhere at then`);
  expect((await readdir(out)).filter((name) => name !== "run.lock")).toEqual(["log.jsonl"]);
  const lines = (await readFile(join(out, "log.jsonl"), "utf8")).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(["run"]);
});

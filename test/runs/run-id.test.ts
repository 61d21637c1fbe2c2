/** A folder with files of two runs is noticed by who goes on there and by who verifies what it holds. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fileSource } from "../../src/io/file-source.ts";
import { openRun } from "../../src/runs/checkpoint-file.ts";
import { mixedRuns, otherRun, runIdOf } from "../../src/runs/run-id.ts";
import { runTraining } from "../../src/runs/run-training.ts";
import type { TrainingJob } from "../../src/runs/training-job.ts";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { openContainer } from "../../src/trace/safetensors.ts";
import { openTrace, runOf } from "../../src/trace/trace.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;
const TRACE = "step-000000.safetensors";

async function run(seed: number, change: Partial<TrainingJob> = {}): Promise<{ job: TrainingJob; id: string }> {
  const settings = { ...defaults, seed, epochs: 1, schedule: [{ epoch: 0, rate }], batchSize: 4 };
  const data = { data: "generated:8x8x1", limit: 8, testLimit: 4 };
  const job = {
    ...data,
    network: "resnet8",
    kernels: "js",
    settings,
    record: "steps:0",
    out: await temporaryFolder(),
    ...change,
  };
  await runTraining(job);
  return { job, id: JSON.parse(await readFile(join(job.out, "training.json"), "utf8")).run };
}

const traceIn = async (out: string) => openTrace(await fileSource(join(out, TRACE)));

it("every file of a run has its id, and a run with other settings has another", async () => {
  const [{ job, id }, again, other] = [await run(1), await run(1), await run(2)];
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(again.id).toBe(id);
  expect(other.id).not.toBe(id);
  const lines = (await readFile(join(job.out, "log.jsonl"), "utf8")).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).run)).toEqual(lines.map(() => id));
  for (const name of ["weights.safetensors", "checkpoint.safetensors"]) {
    expect((await openContainer(await fileSource(join(job.out, name)))).metadata.run, name).toBe(id);
  }
  expect(runOf(await traceIn(job.out))).toBe(id);
});

it("sees all that decides the bytes of a run: limits, shape of images, steps to record, evaluation", async () => {
  const { id } = await run(1);
  const { settings } = (await run(1)).job;
  const changes: Partial<TrainingJob>[] = [
    { limit: 12 },
    { testLimit: 2 },
    { data: "generated:8x8x3" },
    { record: "last" },
    { evaluateEvery: 2 },
    { settings: { ...settings, evaluation: "authors" } },
    { settings: { ...settings, augment: ["flip"] } },
  ];
  const ids = new Set([id]);
  for (const change of changes) ids.add((await run(1, change)).id);
  expect(ids.size).toBe(changes.length + 1);
});

it("does not depend on the order of keys, the folder, threads or checkpoints", async () => {
  const images = { train: 8, test: 4, channels: 1, height: 8, width: 8, classes: 10 };
  const { settings } = (await run(1)).job;
  const identity = { network: "resnet8", dataset: "generated", images, settings, kernels: "js" };
  const turned = <T extends object>(value: T) => Object.fromEntries(Object.entries(value).reverse()) as unknown as T;
  expect(runIdOf(turned({ ...identity, settings: turned(settings), record: undefined }))).toBe(runIdOf(identity));
  const [a, b] = [await run(1), await run(1, { threads: 2, checkpointEvery: 1, logCsv: true })];
  expect(b.id).toBe(a.id);
});

it("traces of several runs in one folder are noticed without a summary; those without an id are read", async () => {
  const [mine, other] = [await run(1), await run(1, { limit: 12 })];
  const copy = join(mine.job.out, "step-000009.safetensors");
  await copyFile(join(other.job.out, TRACE), copy);
  const traces = [await traceIn(mine.job.out), await openTrace(await fileSource(copy))];
  expect(mixedRuns(traces)).toEqual([
    `${copy}: is of another run than ${join(mine.job.out, TRACE)}, got ${other.id}; valid: ${mine.id}`,
  ]);
  expect(mixedRuns([traces[0], await traceIn(other.job.out)])).toEqual([]);
  const old = await openTrace(await fileSource("traces/resnet8-swat-u90.safetensors"));
  expect(runOf(old)).toBeUndefined();
  expect([...mixedRuns([old]), ...(await otherRun(old))]).toEqual([]);
});

it("a trace or a log of another run is refused when a run goes on, which changes nothing", async () => {
  const [mine, other] = [await run(1), await run(2)];
  const { out } = mine.job;
  const saved = await openRun(out);
  expect(await otherRun(await traceIn(out))).toEqual([]);

  await copyFile(join(other.job.out, TRACE), join(out, TRACE));
  const trace = join(out, TRACE);
  expect(await faultsOf(() => runTraining(saved.job, {}, saved))).toEqual([
    `${trace}: is of another run, got ${other.id}; valid: ${mine.id}, or remove the file`,
  ]);
  expect(await otherRun(await traceIn(out))).toEqual([
    `${trace}: is of another run than ${join(out, "training.json")}, got ${other.id}; valid: ${mine.id}`,
  ]);

  await runTraining(mine.job);
  const log = join(out, "log.jsonl");
  await copyFile(join(other.job.out, "log.jsonl"), log);
  const before = await readFile(log, "utf8");
  const resumed = await openRun(out);
  expect(await faultsOf(() => runTraining(resumed.job, {}, resumed))).toEqual([
    `${log}: line 1: run: is of another run, got ${other.id}; valid: ${mine.id}`,
  ]);
  expect(await readFile(log, "utf8")).toBe(before);
  await writeFile(log, before.replace("{", ""));
  expect((await faultsOf(() => runTraining(resumed.job, {}, resumed)))[0]).toMatch(`${log}: line 1: is not JSON: `);
});

it("a summary that is none says nothing of traces beside it", async () => {
  const { job } = await run(1);
  for (const text of ["{", "null", '{"run":7}']) {
    await writeFile(join(job.out, "training.json"), text);
    expect(await otherRun(await traceIn(job.out))).toEqual([]);
  }
});

/** A folder with files of two runs is noticed by who goes on there and by who verifies what it holds. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fileSource } from "../../src/io/file-source.ts";
import { openRun } from "../../src/runs/checkpoint-file.ts";
import { otherRun, runIdOf } from "../../src/runs/run-id.ts";
import { runTraining } from "../../src/runs/run-training.ts";
import type { TrainingJob } from "../../src/runs/training-job.ts";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { openContainer } from "../../src/trace/safetensors.ts";
import { openTrace } from "../../src/trace/trace.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;
const TRACE = "step-000000.safetensors";

async function run(seed: number): Promise<{ job: TrainingJob; id: string }> {
  const settings = { ...defaults, seed, epochs: 1, schedule: [{ epoch: 0, rate }], batchSize: 4 };
  const data = { data: "generated:8x8x1", limit: 8, testLimit: 4 };
  const job = { ...data, network: "resnet8", kernels: "js", settings, record: "steps:0", out: await temporaryFolder() };
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
  expect(runIdOf((await traceIn(job.out)).manifest)).toBe(id);
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
});

it("a summary that is none says nothing of traces beside it", async () => {
  const { job } = await run(1);
  for (const text of ["{", "null", '{"run":7}']) {
    await writeFile(join(job.out, "training.json"), text);
    expect(await otherRun(await traceIn(job.out))).toEqual([]);
  }
});

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openRun } from "../../src/runs/checkpoint-file.ts";
import { runTraining } from "../../src/runs/run-training.ts";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;
const settings = { ...defaults, epochs: 2, schedule: [{ epoch: 0, rate }] };

it("a run goes on with data of its sizes only, and says where lines of its log are missing", async () => {
  const out = await temporaryFolder();
  const job = { data: "generated:8x8x1", network: "resnet8", limit: 8, testLimit: 4, kernels: "js", settings, out };
  await runTraining(job);
  const saved = await openRun(out);
  expect(saved.job).toMatchObject(job);

  const path = join(out, "checkpoint.safetensors");
  const other = { ...saved.job, data: "generated:8x9x3", limit: 7 };
  expect(await faultsOf(() => runTraining(other, {}, saved))).toEqual([
    `${path}: images.train: the run began with 8, got 7 from generated:8x9x3`,
    `${path}: images.channels: the run began with 1, got 3 from generated:8x9x3`,
    `${path}: images.width: the run began with 8, got 9 from generated:8x9x3`,
  ]);

  const log = join(out, "log.jsonl");
  await rm(log);
  const warnings: string[] = [];
  await runTraining(saved.job, { onWarning: (text) => warnings.push(text) }, saved);
  expect(warnings).toEqual([`${log}: has 0 of the 3 lines that ${path} counts`]);
});

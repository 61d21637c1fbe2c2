import { writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runSensitivity } from "../../src/studies/sensitivity.ts";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

it("a study whose folder another process has taken over writes no point there", async () => {
  const out = await temporaryFolder();
  const { method, sparsity, seed, rate, ...defaults } = TRAIN_DEFAULTS;
  const plan = {
    ...{ drops: [], sparsities: [0], seeds: [1], hw: "ideal-4096", out, kernels: "js", threads: 1 },
    ...{ data: "generated:8x8x1", network: "resnet8", limit: 4, testLimit: 2 },
    settings: { ...defaults, epochs: 1, batchSize: 4, schedule: [{ epoch: 0, rate }] },
  };
  const owner = { process: 1, host: "elsewhere", since: "then", key: "another" };
  const onProgress = () => writeFileSync(join(out, "study.lock"), JSON.stringify(owner));
  expect(await faultsOf(() => runSensitivity(plan, { onProgress }))).toEqual([
    `${out}: was taken over by process 1 on elsewhere at then`,
  ]);
  expect(await readdir(out)).toEqual(["runs", "study.lock"]);
});

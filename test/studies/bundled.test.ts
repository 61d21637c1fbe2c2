/** The bundled traces are whole, and every shipped machine gives the counts that were recorded for them. */
import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { openTraces, shippedMachines } from "../../src/api/open.ts";
import { checkSchema } from "../../src/io/faults.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { resolveMachine } from "../../src/sim/hardware/machine.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { CheckSchema } from "../../src/studies/check.ts";
import { compareWithCheck } from "../../src/studies/check-comparison.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

const folder = resolve(import.meta.dirname, "../golden");
const check = checkSchema(CheckSchema, await readJsonFile(join(folder, "counts.json")), "counts.json");
const traces = await openTraces(check.traces.map(({ path }) => join(folder, path)));

it("the bundled traces verify and are the recorded ones", async () => {
  expect(traces.map(({ sha256 }) => sha256)).toEqual(check.traces.map(({ sha256 }) => sha256));
  for (const { trace } of traces) expect(await verifyTrace(trace)).toEqual([]);
});

it("the steps of resnet20 verify, have the hashes that traces/README.md tells, and are of the runs that it names", async () => {
  const folder = resolve(import.meta.dirname, "../../traces");
  const readme = await readFile(join(folder, "README.md"), "utf8");
  const listed = [...readme.matchAll(/^\| `([\w-]+\.safetensors)` \| (\d+) \| `(\w{64})` \|$/gm)];
  const files = (await readdir(join(folder, "resnet20"))).sort();
  expect(listed.map(([, file]) => file).sort()).toEqual(files);
  const opened = await openTraces(listed.map(([, file]) => join(folder, "resnet20", file)));
  for (const [index, [, file, step, sha256]] of listed.entries()) {
    const { trace } = opened[index];
    const { method, network, dataset } = trace.manifest;
    const runs: Record<string, number | undefined> = { "swat-u80": 0.8, "swat-u90": 0.9, dense: undefined };
    expect({
      network,
      dataset,
      step: trace.manifest.step,
      sparsity: method.sparsity,
      sha256: opened[index].sha256,
    }).toEqual({
      ...{ network: "resnet20", dataset: "cifar10", step: Number(step), sha256 },
      sparsity: runs[file.replace(/-(early|middle|late)\.safetensors$/, "")],
    });
    expect(await verifyTrace(trace)).toEqual([]);
  }
});

it("cycle counts of every shipped machine are those that were recorded", async () => {
  const machines = check.machines.map(({ config }) => resolveMachine(config, config.name, accelerators));
  expect(machines.map(({ name }) => name)).toEqual(await shippedMachines());
  const common = check.commonBaseline;
  const commonBaseline = common && resolveMachine(common, common.name, accelerators);
  const verdicts = compareWithCheck(
    check,
    await simulate({ traces, machines, ...(commonBaseline && { commonBaseline }) }),
  );
  for (const { differences, compared } of verdicts) {
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(1000);
  }
});

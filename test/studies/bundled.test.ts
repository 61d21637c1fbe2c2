/** The bundled traces are whole, and every shipped machine gives the counts that were recorded for them. */
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { checkSchema } from "../../src/io/faults.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import { accelerators } from "../../src/sim/accelerators/index.ts";
import { resolveMachine } from "../../src/sim/machine.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { CheckSchema, compareWithCheck } from "../../src/studies/check.ts";
import { openTraces, shippedMachines } from "../../src/studies/inputs.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

const folder = resolve(import.meta.dirname, "../golden");
const check = checkSchema(CheckSchema, await readJsonFile(join(folder, "counts.json")), "counts.json");
const traces = await openTraces(check.traces.map(({ path }) => join(folder, path)));

it("the bundled traces verify and are the recorded ones", async () => {
  expect(traces.map(({ sha256 }) => sha256)).toEqual(check.traces.map(({ sha256 }) => sha256));
  for (const { trace } of traces) expect(await verifyTrace(trace)).toEqual([]);
});

it("cycle counts of every shipped machine are those that were recorded", async () => {
  const machines = check.machines.map(({ config }) => resolveMachine(config, config.name, accelerators));
  expect(machines.map(({ name }) => name)).toEqual(await shippedMachines());
  const verdicts = compareWithCheck(check, await simulate({ traces, machines }));
  for (const { differences, compared } of verdicts) {
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(1000);
  }
});

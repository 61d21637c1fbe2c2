import { expect, it } from "vitest";
import { reportPage } from "../../src/report/html/page.ts";
import { resultTable } from "../../src/report/table.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { loadMachines } from "../../src/studies/inputs.ts";
import { makeTrace } from "../sim/make-trace.ts";
import { named } from "./report-input.ts";

const machines = await loadMachines(["ideal-4096", "activation-queue-4096", "tensordash-4096"]);
const zeros = await makeTrace({ weight: 0, input: 0, kept: 0, outputGrad: 0 }, "zeros", { network: "one\ntwo" });
const result = await simulate({ traces: [zeros], machines });

it("of a step that is all zeros has – for what is no number, in the terminal and on the page", async () => {
  const table = resultTable(result);
  expect(table).toContain("zeros allow – ×");
  expect(table).toMatch(/^activation-queue-4096 +4\.10( +–){6} /m);
  const page = await reportPage({ results: [named(result)], points: [] });
  // What is embedded is encoded and may hold any letters.
  for (const text of [table, page.replace(/base64,[^"]*/g, "")]) expect(text).not.toMatch(/NaN|Infinity/);
});

it("keeps names of traces on one line", () => {
  expect(resultTable(result)).toMatch(/^zeros\.safetensors: one\\u000atwo, swat-u/);
});

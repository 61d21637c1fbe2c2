import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { memory } from "./memory.ts";
import { CountingTally, runCases } from "./oracle.ts";

test("memory traffic is that of a literal walk through the loops, to the byte", async () => {
  const dir = "test/golden/memory";
  const tally = new CountingTally();
  await runCases(memory, dir, JSON.parse(await readFile(`${dir}/index.json`, "utf8")), tally);
  expect(tally.differences).toEqual([]);
  expect([...tally.rows.values()].reduce((sum, { compared }) => sum + compared, 0)).toBeGreaterThan(100);
});

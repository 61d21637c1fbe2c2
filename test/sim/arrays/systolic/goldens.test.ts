/** SCALE-Sim's golden cases, replayed through the oracle adapter. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CountingTally, type OracleIndex, runCases } from "../../../oracles/oracle.ts";
import { scalesim } from "../../../oracles/scalesim.ts";

const DIR = join(import.meta.dirname, "../../../golden/scalesim");

test("SCALE-Sim's cycles, efficiencies, buffer accesses and sparse storage are reproduced", async () => {
  const index = JSON.parse(await readFile(join(DIR, "index.json"), "utf8")) as OracleIndex;
  const tally = new CountingTally();
  await runCases(scalesim, DIR, index, tally);
  expect(tally.differences).toEqual([]);
  expect(Object.fromEntries([...tally.rows].map(([quantity, { compared }]) => [quantity, compared]))).toEqual({
    "total − stall cycles": 42,
    "mapping efficiency": 42,
    "compute utilisation": 42,
    "SRAM input reads": 39,
    "SRAM input deliveries of row-wise rows": 3,
    "SRAM filter reads": 42,
    "SRAM output writes": 42,
    "original storage": 12,
    "metadata storage": 10,
    "stored weights": 12,
    "refused sparse mapping": 1,
  });
});

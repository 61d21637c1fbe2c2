/** STONNE's golden cases, replayed through the oracle adapter. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CountingTally, type OracleIndex, runCases } from "../../../oracles/oracle.ts";
import { stonne } from "../../../oracles/stonne.ts";

const DIR = join(import.meta.dirname, "../../../golden/stonne");
/** Cases of the sparse array and of the mesh, four counts each. */
const CASES = { sparse: 20, tpu: 7 } as const;
const COUNTS = ["cycles", "macs_multiplications", "sram_reads", "sram_writes"] as const;

test("STONNE's sparse products and meshes are reproduced exactly", async () => {
  const index = JSON.parse(await readFile(join(DIR, "index.json"), "utf8")) as OracleIndex;
  const tally = new CountingTally();
  await runCases(stonne, DIR, index, tally);
  expect(tally.differences).toEqual([]);
  expect([...tally.skips]).toEqual([]);
  for (const [kind, cases] of Object.entries(CASES)) {
    for (const count of COUNTS) {
      expect(tally.rows.get(`${kind} ${count}`)).toMatchObject({ equal: cases, compared: cases });
    }
  }
});

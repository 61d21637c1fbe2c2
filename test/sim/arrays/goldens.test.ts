/** Golden cases of the two simulators that the lane arrays are modelled on, replayed through the oracle adapters. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dnnsim } from "../../oracles/dnnsim.ts";
import { CountingTally, type Oracle, type OracleIndex, runCases } from "../../oracles/oracle.ts";

import { tensordash } from "../../oracles/tensordash.ts";

const GOLDEN = join(import.meta.dirname, "../../golden");

async function replay(oracle: Oracle): Promise<CountingTally> {
  const dir = join(GOLDEN, oracle.id);
  const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as OracleIndex;
  const tally = new CountingTally();
  await runCases(oracle, dir, index, tally);
  return tally;
}

function compared(tally: CountingTally): number {
  let count = 0;
  for (const row of tally.rows.values()) count += row.compared;
  return count;
}

describe("golden cases", () => {
  test("DNNsim's DaDianNao, Bit-Tactical and SCNN runs are reproduced exactly", async () => {
    const tally = await replay(dnnsim);
    expect(tally.differences).toEqual([]);
    expect(compared(tally)).toBeGreaterThanOrEqual(2224);
  });

  test("TensorDash's training passes are reproduced exactly", async () => {
    const tally = await replay(tensordash);
    expect(tally.differences).toEqual([]);
    expect(compared(tally)).toBeGreaterThanOrEqual(1175);
  });
});

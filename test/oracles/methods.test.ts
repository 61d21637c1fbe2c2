import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isSupported } from "../../src/kernels/index.ts";
import { BUILD_NAMES } from "../../src/kernels/kernels.ts";
import { methodsOn } from "./methods.ts";
import { CountingTally, type OracleIndex, runCases } from "./oracle.ts";

const dir = join(import.meta.dirname, "../golden/methods");
const LIMIT_MS = 120_000;
/** Of the kinds that need no kernels. */
const SELECTIONS = { select_nm: 9, select_topkast: 4, rigl_update: 9, "rigl_erk sparsity": 12, "rigl_erk active": 12 };

test.each(BUILD_NAMES.filter((name) => isSupported(name) && name !== "reference"))(
  "the %s build reproduces every selection, mask, count and training run of PyTorch",
  async (build) => {
    const index = JSON.parse(await readFile(join(dir, "index.json"), "utf8")) as OracleIndex;
    const tally = new CountingTally();
    await runCases(methodsOn([build]), dir, index, tally);
    expect(tally.differences).toEqual([]);
    expect([...tally.skips.keys()]).toEqual([]);
    const counts = {
      loss: 60,
      logits: 3,
      gradient: 114,
      refreshed: 60,
      kept_w: 600,
      kept_g: 600,
      masks: 120,
      "final weights": 3,
      "final mask": 30,
      "evaluation logits": 3,
      dropped: 200,
      grown: 200,
    };
    const trajectory = Object.entries(counts).map(([what, count]) => [`trajectory ${what} (${build})`, count]);
    const expected = { ...Object.fromEntries(trajectory), ...SELECTIONS };
    expect(Object.fromEntries([...tally.rows].map(([quantity, row]) => [quantity, row.compared]))).toEqual(expected);
  },
  LIMIT_MS,
);

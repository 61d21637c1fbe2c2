/** SECURITY.md lists every limit with its value, and none that does not exist. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as limits from "../../../src/core/input/limits.ts";

it("SECURITY.md has the limits of the program", async () => {
  const page = await readFile(join(import.meta.dirname, "../../../SECURITY.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| ([\d,]+) \|/gm)].map(([, name, value]) => [
    name,
    Number(value.replaceAll(",", "")),
  ]);
  expect(Object.fromEntries(rows)).toEqual({ ...limits });
  expect(rows).toHaveLength(Object.keys(limits).length);
});

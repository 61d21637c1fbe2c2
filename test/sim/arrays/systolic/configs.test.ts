/** The shipped systolic machines are what they say. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systolic } from "../../../../src/sim/arrays/systolic.ts";
import { resolveMachine } from "../../../../src/sim/hardware/machine.ts";

async function machine(name: string) {
  const path = join(import.meta.dirname, "../../../../hw-configs", `${name}.json`);
  return resolveMachine(JSON.parse(await readFile(path, "utf8")), path, { systolic });
}

test("systolic is a TPU: 92 TOPS of two operations a MAC", async () => {
  const { name, clockHz, peakMacsPerSecond, memory } = await machine("systolic");
  expect(name).toBe("systolic");
  expect(Math.round((2 * peakMacsPerSecond) / 1e12)).toBe(92);
  expect(memory).toMatchObject({ levels: [{ bytes: 28 * 2 ** 20 }], dramBytesPerCycle: 34e9 / clockHz, valueBytes: 1 });
});

test("systolic-4096 has the common design point, and no sparsity unless a config asks for it", async () => {
  const { name, multipliers, clockHz, params } = await machine("systolic-4096");
  expect([name, multipliers, clockHz]).toEqual(["systolic-4096", 4096, 1e9]);
  expect(params).toMatchObject({ batch: "fold", sparsity: { n: 1, m: 1, mode: "layer", storage: "ellpack" } });
  expect(systolic.withoutSkipping(params as never)).toEqual(params);
});

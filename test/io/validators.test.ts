/** Generated validators say of every value what ajv says of it that compiles the same schema at run time. */
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { shippedMachines } from "../../src/api/open.ts";
import type { Schema } from "../../src/core/input/schema.ts";
import { checkSchema } from "../../src/io/faults.ts";
import { isGenerated, precompiledSchemas } from "../../src/io/validators/registry.ts";
import { SweepPointSchema } from "../../src/report/sweep/sweep-points.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { EnergyTableSchema } from "../../src/sim/energy/table.ts";
import { HardwareConfigSchema } from "../../src/sim/hardware/machine.ts";
import { faultsOf } from "../support/folder.ts";

/** The same schema, but none that is known. */
const unknown = (schema: Schema) => ({ ...schema, $comment: "compiled at run time" }) as Schema;

/** Copies of a value with one thing wrong, everywhere. */
function* wrong(value: unknown): Generator<unknown> {
  for (const other of [null, "x", -1, 1.5, 2 ** 60, [], {}, true]) yield other;
  if (Array.isArray(value)) {
    yield [...value, ...value];
    for (const [index, item] of value.entries()) for (const other of wrong(item)) yield value.with(index, other);
  } else if (typeof value === "object" && value !== null) {
    yield { ...value, odd: 1 };
    for (const [key, item] of Object.entries(value)) {
      const { [key as keyof typeof value]: _, ...rest } = value;
      yield { ...rest, [`${key}x`]: item };
      for (const other of wrong(item)) yield { ...value, [key]: other };
    }
  }
}

async function compare(schema: Schema, value: unknown): Promise<number> {
  const compiled = unknown(schema);
  let refused = 0;
  for (const other of [value, ...wrong(value)]) {
    const outcomes = [];
    for (const each of [schema, compiled]) {
      const checked: unknown[] = [];
      const faults = await faultsOf(() => void checked.push(checkSchema(each, other, "file"))).catch(() => []);
      outcomes.push({ checked, faults });
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
    refused += outcomes[0].faults.length;
  }
  return refused;
}

describe("generated validators", () => {
  it("are those of today's schemas: none of this program is compiled at run time (npm run build:validators)", async () => {
    const files = await readdir("src", { recursive: true });
    for (const file of files.filter((name) => name.endsWith(".ts"))) {
      const marks = /^precompiled\(/m.test(await readFile(`src/${file}`, "utf8"));
      if (marks) await import(/* @vite-ignore */ `../../src/${file}`);
    }
    const schemas = [...precompiledSchemas, ...Object.values(accelerators).map(({ params }) => params)];
    expect(schemas.length).toBeGreaterThan(30);
    expect(schemas.filter((schema) => !isGenerated(schema))).toEqual([]);
    expect(isGenerated(unknown(HardwareConfigSchema))).toBe(false);
  });

  it("refuse and fill in the same as ajv, config by config and fault by fault", async () => {
    for (const name of await shippedMachines()) {
      const config = JSON.parse(await readFile(`hw-configs/${name}.json`, "utf8"));
      expect(await compare(accelerators[config.accelerator].params, config.params)).toBeGreaterThan(0);
      if (["bit-tactical-lines", "tensordash-4096"].includes(name))
        expect(await compare(HardwareConfigSchema, config)).toBeGreaterThan(100);
    }
    const table = JSON.parse(await readFile("hw-configs/energy/45nm.json", "utf8"));
    expect(await compare(EnergyTableSchema, table)).toBeGreaterThan(100);
  });

  it("list the first faults of a value that has very many", async () => {
    const values = Array.from({ length: 300_000 }, () => ({}));
    expect(await faultsOf(() => checkSchema({ type: "array", items: SweepPointSchema }, values, "file"))).toHaveLength(
      101,
    );
  });
});

import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { shippedMachines } from "../../src/api/open.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { publishedSchemas } from "../../src/studies/schemas.ts";

const schemas = publishedSchemas(accelerators);

describe("published JSON Schemas", () => {
  it.each(Object.keys(schemas))("%s is what the declarations say (npm run schemas writes it)", async (name) => {
    expect(JSON.parse(await readFile(`schemas/${name}`, "utf8"))).toEqual(JSON.parse(JSON.stringify(schemas[name])));
  });

  it("the hardware config schema accepts every shipped config and refuses an unknown parameter", async () => {
    const validate = new Ajv({ strict: false }).compile(schemas["hw-config.schema.json"]);
    for (const name of await shippedMachines()) {
      const config = JSON.parse(await readFile(`hw-configs/${name}.json`, "utf8"));
      expect(validate(config), name).toBe(true);
      expect(validate({ ...config, params: { ...config.params, lnaes: 3 } }), name).toBe(false);
    }
  });
});

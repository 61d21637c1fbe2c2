import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { shippedMachines } from "../../src/api/open.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { resolveMachine } from "../../src/sim/hardware/machine.ts";
import { RESULT_VERSION } from "../../src/sim/result/result.ts";
import { publishedSchemas } from "../../src/studies/schemas.ts";

const schemas = publishedSchemas(accelerators);

describe("published JSON Schemas", () => {
  it.each(Object.keys(schemas))("%s is what the declarations say (npm run schemas writes it)", async (name) => {
    expect(JSON.parse(await readFile(`schemas/${name}`, "utf8"))).toEqual(JSON.parse(JSON.stringify(schemas[name])));
  });

  it("have each an $id of its own, with the version of the format", () => {
    const ids = Object.values(schemas).map((schema) => (schema as { $id: string }).$id);
    for (const id of ids) expect(id).toMatch(/^https:\/\/swat-sim\.dev\/schemas\/[a-z-]+-\d+\.\d+\.json$/);
    expect(new Set(ids).size).toBe(9);
    expect(ids).toContain(`https://swat-sim.dev/schemas/result-${RESULT_VERSION}.json`);
  });

  it.each([
    ["hw-config-1.0", undefined],
    [
      "hw-config-2.0",
      /: \$schema: names another format or version, got ".*hw-config-2\.0\.json"; valid: https:.*hw-config-1\.0\.json$/,
    ],
    ["result-2.0", /: \$schema: names another format or version/],
  ])("a config that names %s by its $id is read only if it is one", async (name, fault) => {
    const config = JSON.parse(await readFile("hw-configs/ideal-4096.json", "utf8"));
    const read = () =>
      resolveMachine({ ...config, $schema: `https://swat-sim.dev/schemas/${name}.json` }, "x", accelerators);
    if (fault === undefined) expect(read().name).toBe("ideal-4096");
    else expect(read).toThrow(fault);
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

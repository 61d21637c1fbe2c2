/** The example of a machine of one's own works as its page says: it loads, keeps the laws, and simulates. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { loadAccelerators, loadMachines } from "../../src/api/open.ts";
import { conformanceProperties } from "../../src/sim/conformance/conformance.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { CONV, makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";

const known = await loadAccelerators(["examples/broadcast.js"]);
const [machine] = await loadMachines(["examples/broadcast-4096.json"], known);

it("keeps the laws of every accelerator", () => {
  const broken = conformanceProperties(machine.accelerator, machine.params).flatMap(({ name, check }) => {
    try {
      check();
      return [];
    } catch (error) {
      return [`${name}: ${(error as Error).message}`];
    }
  });
  expect(broken).toEqual([]);
});

it("takes one turn a nonzero weight and group of positions", async () => {
  const trace = await makeTrace(SWAT_DENSITIES);
  const { machines } = await simulate({ traces: [trace], machines: [machine] });
  const [forward] = machines[0].rows.filter(({ kind }) => kind === "conv");
  const { nonzeros } = trace.trace.tensor("w");
  expect(forward.cycles.compute).toBe(nonzeros * Math.ceil((CONV.N * CONV.H * CONV.W) / 4096));
});

it("is refused where its module is no accelerator, with a line for each missing member", async () => {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-"));
  const path = join(folder, "half.js");
  await writeFile(path, 'export default { id: "half", modelVersion: 1, params: {}, mappings: {}, run() {} };');
  await expect(loadAccelerators([path])).rejects.toThrow(
    ["multipliers", "withoutSkipping", "skippingHardware", "validation"]
      .map((name) => `${path}: default export: ${name} must be a function, got undefined`)
      .join("\n"),
  );
  await writeFile(
    join(folder, "params.js"),
    `import whole from ${JSON.stringify(resolve("examples/broadcast.js"))};
     export default { ...whole, params: { type: "object", properties: { lanes: { type: "intger" } } } };`,
  );
  await expect(loadAccelerators([join(folder, "params.js")])).rejects.toThrow(
    /params.js: default export: params.properties.lanes.type: must be/,
  );
  await expect(loadAccelerators([join(folder, "none.js")])).rejects.toThrow(/none.js: cannot be loaded/);
  await rm(folder, { recursive: true });
});

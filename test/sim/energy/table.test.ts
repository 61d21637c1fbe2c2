import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { loadEnergyTable, loadMachines, openMachines, shippedEnergyTables } from "../../../src/api/open.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { energyModel } from "../../../src/sim/energy/model.ts";
import { type Action, type EnergyTable, resolveEnergyTable } from "../../../src/sim/energy/table.ts";
import { resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { publishedSchemas } from "../../../src/studies/schemas.ts";

const machines = await loadMachines(["all"]);
const names = await shippedEnergyTables();
const load = (name: string) => loadEnergyTable(name);
const read = async (name: string) => JSON.parse(await readFile(`hw-configs/energy/${name}.json`, "utf8"));
const macOf = (table: EnergyTable, action: Action, kilobytes = 1) => table.constant(action).picojoules({ kilobytes });

describe("shipped energy tables", () => {
  it("are those of two published nodes and of three scaled ones", () => {
    expect(names).toEqual(["16nm-scaled", "28nm-scaled", "45nm", "65nm-scaled", "7nm"]);
  });

  it.each(names)("%s keeps the published schema, which refuses an unknown action", async (name) => {
    const validate = new Ajv({ strict: false }).compile(publishedSchemas(accelerators)["energy-table.schema.json"]);
    const table = await read(name);
    expect(validate(table)).toBe(true);
    expect(validate({ ...table, actions: { ...table.actions, "mac.int3": table.actions["sram.read"] } })).toBe(false);
  });

  it.each(names)(
    "%s gives every shipped machine all that it pays, each constant with unit and source",
    async (name) => {
      const table = await load(name);
      for (const machine of machines) {
        for (const { action, picojoules, unit, source } of energyModel(machine, table).constants) {
          expect(picojoules, `${machine.name} ${action}`).toBeGreaterThan(0);
          expect(unit).toMatch(/^pJ\/\w+$/);
          expect(source.length, `${machine.name} ${action}`).toBeGreaterThan(20);
          if (name.endsWith("-scaled") && !action.startsWith("dram.")) expect(source).toContain("scaled");
        }
      }
    },
  );

  // Horowitz, ISSCC 2014, and Jouppi et al., ISCA 2021, Table 2: multiplication and addition of the sum.
  it.each([
    ["45nm", { "mac.fp32-fp32": 4.6, "mac.int8-int32": 0.3, "mac.bf16-fp32": 2, "mac.fp16-fp32": 2 }],
    ["7nm", { "mac.fp32-fp32": 1.69, "mac.int8-int32": 0.1, "mac.bf16-fp32": 0.59, "mac.fp16-fp32": 0.72 }],
  ])("%s has the published energies of a MAC", async (name, expected) => {
    const table = await load(name);
    for (const [action, picojoules] of Object.entries(expected)) {
      expect(macOf(table, action as Action)).toBeCloseTo(picojoules, 10);
    }
  });

  // 64 bits of an SRAM of 8 KB, 32 KB and 1 MB: 10, 20 and 100 pJ at 45 nm; 7.5, 8.5 and 14 pJ at 7 nm.
  it.each([
    ["45nm", [10, 20, 100]],
    ["7nm", [7.5, 8.5, 14]],
  ])("%s reads an SRAM for what is published, within 5 %%", async (name, words) => {
    const table = await load(name);
    [8, 32, 1024].forEach((kilobytes, index) => {
      const word = 8 * macOf(table, "sram.read", kilobytes);
      expect(Math.abs(word / words[index] - 1)).toBeLessThan(0.05);
    });
  });

  it.each([
    ["65nm-scaled", 1.6],
    ["28nm-scaled", 0.6],
    ["16nm-scaled", 0.35],
  ])("%s is 45 nm × %d in everything on the chip", async (name, factor) => {
    const [table, reference] = [await load(name), await load("45nm")];
    for (const action of Object.keys((await read("45nm")).actions) as Action[]) {
      const expected = (action.startsWith("dram.") ? 1 : factor) * macOf(reference, action, 100);
      expect(macOf(table, action, 100), action).toBeCloseTo(expected, 10);
    }
  });
});

describe("an energy table", () => {
  it.each([
    [
      "an unknown action",
      { "mac.int3-int32": { value: "1 pJ", source: "here" } },
      /^mine\.json: actions: unknown key, got "mac\.int3-int32"; did you mean "mac\.int8-int32"\? known: /,
    ],
    [
      "a constant without a source",
      { "mux.bit": { value: "1 pJ" } },
      'mine.json: actions.mux.bit: missing key "source"',
    ],
    ["an empty source", { "mux.bit": { value: "1 pJ", source: "" } }, /^mine\.json: actions\.mux\.bit\.source: /],
    [
      "a number without a unit",
      { "mux.bit": { value: "1", source: "here" } },
      /^mine\.json: actions\.mux\.bit\.value: is not an energy, got "1"; valid: as "0\.9 pJ"/,
    ],
    [
      "another unit",
      { "mux.bit": { value: "1 kg", source: "here" } },
      /^mine\.json: actions\.mux\.bit\.value: is not an energy, got "1 kg"/,
    ],
    ["less than nothing", { "mux.bit": { value: "-1 pJ", source: "here" } }, /is -1 pJ, got "-1 pJ"/],
    [
      "a name that the value knows not",
      { "mux.bit": { value: "1 pJ * kilobytes", source: "here" } },
      /is not an energy/,
    ],
  ])("with %s is refused", async (_, actions, message) => {
    const table = await read("45nm");
    const changed = { ...table, actions: { ...table.actions, ...actions } };
    expect(() => resolveEnergyTable(changed, "mine.json")).toThrow(message);
  });

  it("an action of over a joule is refused, because its sums could be beyond counting", async () => {
    const table = await read("45nm");
    const actions = { ...table.actions, "mux.bit": { value: "1.1e12 pJ", source: "here" } };
    expect(() => resolveEnergyTable({ ...table, actions }, "mine.json")).toThrow(
      'mine.json: actions.mux.bit.value: is 1100000000000 pJ, got "1.1e12 pJ"; valid: as "0.9 pJ", from 0 to 1 J',
    );
  });

  it("that lacks what a machine does is refused, naming machine, table and action", async () => {
    const { config } = machines.find(({ name }) => name === "systolic-4096") as (typeof machines)[number];
    const odd = resolveMachine({ ...config, datatype: { multiply: "int8", accumulate: "fp32" } }, "odd", accelerators);
    const table = await load("45nm");
    expect(() => energyModel(odd, table)).toThrow(
      'systolic-4096: energy table 45nm: has no "mac.int8-fp32"; known: mac.int8-int32, ',
    );
  });

  it("that is no energy at the size of a bank is refused, naming machine, file, action and size", async () => {
    const table = await read("45nm");
    const actions = { ...table.actions, "sram.read": { value: "1 pJ * (20 - kilobytes)", source: "here" } };
    const falling = resolveEnergyTable({ ...table, actions }, "mine.json");
    const machine = machines.find(({ name }) => name === "dadiannao") as (typeof machines)[number];
    expect(() => energyModel(machine, falling)).toThrow(
      'dadiannao: mine.json: actions.sram.read.value: is -12 pJ at 32 kilobytes, got "1 pJ * (20 - kilobytes)"; valid: ',
    );
  });

  it("says what a named DRAM part costs, and is refused where it does not", async () => {
    const table = await read("45nm");
    const machine = machines.find(({ name }) => name === "tensordash-4096") as (typeof machines)[number];
    const priceOf = (value: string) => {
      const actions = { ...table.actions, "dram.HBM2.bit": { value, source: "here" } };
      const { constants } = energyModel(machine, resolveEnergyTable({ ...table, actions }, "mine.json"));
      return constants.find(({ component }) => component === "dram transfer");
    };
    expect(priceOf("5 pJ")).toMatchObject({ action: "dram.HBM2.bit", picojoules: 5, unit: "pJ/bit", source: "here" });
    const { "dram.HBM2.activate": _, ...actions } = table.actions;
    expect(() => energyModel(machine, resolveEnergyTable({ ...table, actions }, "mine.json"))).toThrow(
      'tensordash-4096: energy table 45nm: has no "dram.HBM2.activate"; known: ',
    );
  });

  it("of a config is taken unless another one is asked for; an unknown one is an error", async () => {
    const { config } = machines[0];
    const own = resolveMachine({ ...config, energy: "7nm" }, config.name, accelerators);
    const namesOf = async (energy?: string) =>
      (await openMachines({ hw: [machines[0], own], energy })).energy.map(({ name }) => name);
    expect(await namesOf()).toEqual(["45nm", "7nm"]);
    expect(await namesOf("28nm-scaled")).toEqual(["28nm-scaled", "28nm-scaled"]);
    await expect(namesOf("28nm")).rejects.toThrow(
      'energy: unknown energy table, got "28nm"; did you mean "45nm"? known: 16nm-scaled, ',
    );
  });
});

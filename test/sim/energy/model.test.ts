import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSchema } from "../../../src/io/faults.ts";
import { accelerators } from "../../../src/sim/accelerators/index.ts";
import { resolveDram } from "../../../src/sim/dram/device.ts";
import { dramEnergy } from "../../../src/sim/dram/energy.ts";
import { type Activity, energyModel, energyOf } from "../../../src/sim/energy/model.ts";
import { denseTwin, type Machine, resolveMachine } from "../../../src/sim/machine.ts";
import { type ResultRow, ResultSchema } from "../../../src/sim/result.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { loadEnergyTables, loadMachines } from "../../../src/studies/inputs.ts";
import { DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../make-trace.ts";

const machines = await loadMachines(["all"]);
const energy = await loadEnergyTables(machines);
const named = (wanted: string) => machines.find(({ name }) => name === wanted) as Machine;
const swat = await makeTrace(SWAT_DENSITIES);
const dense = await makeTrace(DENSE_DENSITIES, "dense");
const result = await simulate({ traces: [swat], machines, energy });

const sum = (values: Readonly<Record<string, number>>) => Object.values(values).reduce((a, b) => a + b, 0);

describe("the energy of a result", () => {
  it("keeps its schema, and is left out where no table is given", async () => {
    expect(() => checkSchema(ResultSchema, result, "result")).not.toThrow();
    const without = await simulate({ traces: [swat], machines });
    expect(JSON.stringify(without)).not.toContain("icojoules");
    // And changes nothing else.
    const rest = JSON.parse(JSON.stringify(result, (key, value) => (key === "energy" ? undefined : value)));
    expect(rest).toEqual(JSON.parse(JSON.stringify(without)));
  });

  it("is what the printed counts and constants give, and its components sum to it exactly", () => {
    for (const { rows, totals, energy: paid } of result.machines) {
      for (const row of rows) {
        const { actions, components, picojoules } = row.energy as NonNullable<ResultRow["energy"]>;
        expect(picojoules).toBe(sum(components));
        const again: Record<string, number> = {};
        for (const { component, action, picojoules: each } of paid?.constants ?? []) {
          again[component] = (again[component] ?? 0) + actions[component][action] * each;
        }
        expect(components).toEqual(again);
      }
      for (const total of Object.values(totals))
        expect(total.energy?.picojoules).toBe(sum(total.energy?.components ?? {}));
      const everything = rows.reduce((all, row) => all + (row.energy?.picojoules ?? 0), 0);
      expect(totals.training.energy?.picojoules).toBeCloseTo(everything, 3);
    }
  });

  it("counts the multiplications of the breakdown and the bytes of the traffic", () => {
    for (const { name, rows } of result.machines) {
      for (const { breakdown, traffic, energy: own } of rows) {
        const { effectual, unseen, imagePadding, redundant } = breakdown;
        expect(own?.actions.mac, name).toEqual({
          [Object.keys(own?.actions.mac ?? {})[0]]: effectual + unseen + imagePadding + redundant,
        });
        expect(own?.actions["dram transfer"]["dram.bit"], name).toBe(8 * sum(traffic.dram));
      }
    }
  });

  it("writes into each memory inside what is read outside of it, and reads for the array what that asks", () => {
    const { rows } = result.machines.find(({ name }) => name === "dadiannao") as (typeof result.machines)[number];
    const forward = rows.find(({ kind, pass }) => kind === "conv" && pass === "forward") as ResultRow;
    const { dram, array } = forward.traffic;
    // One level: operands come from DRAM and go to the array, unless they were on chip; so does the output, the other way.
    expect(forward.energy?.actions["on chip"]).toEqual({
      "sram.read": array.input + array.weight + (dram.output ?? 0),
      "sram.write": array.output + (dram.input ?? 0) + (dram.weight ?? 0),
    });
  });

  it("of a machine that skips and compresses nothing is its baseline's, on a dense trace", async () => {
    const { machines: ofDense } = await simulate({ traces: [dense], machines, energy });
    const plain = ofDense.filter(
      (_, index) => machines[index].accelerator.skippingHardware(machines[index].params) === null,
    );
    expect(plain.map(({ config }) => config.accelerator)).toEqual(
      expect.arrayContaining(["dadiannao", "mesh", "systolic"]),
    );
    for (const { name, totals } of plain) {
      // Rows and components are added up in different orders.
      expect(totals.training.energy?.ratio, name).toBeCloseTo(1, 12);
      expect(totals.training.energy?.baselinePicojoules, name).toBeGreaterThan(0);
    }
  });

  it("counts both machines of a comparison by one table", async () => {
    const [table] = await loadEnergyTables([machines[0]], "7nm");
    const other = { ...named("dadiannao-4096"), name: "other" };
    const input = { traces: [dense], machines: [other], baseline: named("dadiannao-4096"), energy: [table] };
    const { totals, energy: told } = (await simulate(input)).machines[0];
    expect(told?.table).toBe("7nm");
    expect(totals.training.energy?.ratio).toBeCloseTo(1, 12);
  });
});

const NOTHING: Activity = {
  multiplications: 0,
  skips: true,
  multiplierCycles: { compute: 0, rescheduling: 0 },
  scheduledValues: 0,
  vectorElements: 0,
  accesses: { dram: { read: 0, written: 0 }, "on chip": { read: 0, written: 0 } },
  activations: 0,
  seconds: 0,
};

describe("the energy of an op", () => {
  it("is the one worked out by hand, for TensorDash at 45 nm", () => {
    const machine = named("tensordash");
    const table = tableOf(machine);
    const { components } = energyOf(energyModel(machine, table), {
      multiplications: 1000,
      skips: true,
      multiplierCycles: { compute: 4096, rescheduling: 0 },
      scheduledValues: 800,
      vectorElements: 10,
      accesses: { dram: { read: 30, written: 10 }, "on chip": { read: 200, written: 100 } },
      activations: 3,
      seconds: 1e-6,
    });
    // The bank of 32 KiB that the table assumes.
    const byte = 1.25 * 4 ** 0.47;
    const expected = {
      mac: 1000 * 2,
      // Two bf16 operands and an fp32 sum read, and the sum written; a byte is 0.019 and 0.027 pJ at 65 nm.
      register: (1000 * 8 * 0.019 + 1000 * 4 * 0.027) / 1.6,
      // Two multiplexers of 8 inputs and 16 bits each; schedulers of 8 bits that 4 columns share; a bit a value read.
      skipping: 1000 * 2 * 7 * 16 * 0.001 + 4096 * (8 / 4) * (0.03 / 8) + (800 / 8) * byte,
      vector: 10 * 4.6,
      "on chip": 300 * byte,
      // Four channels of LPDDR4.
      "dram activate": 3 * 1500,
      "dram transfer": 40 * 8 * 6,
      "dram background": 4 * 0.1 * 1e-6 * 1e12,
    };
    expect(Object.keys(components)).toEqual(Object.keys(expected));
    for (const [name, picojoules] of Object.entries(expected))
      expect(components[name], name).toBeCloseTo(picojoules, 8);
  });

  it("has no cost of skipping where nothing was skipped", () => {
    const machine = named("tensordash");
    const table = tableOf(machine);
    const { components } = energyOf(energyModel(machine, table), { ...NOTHING, multiplications: 1000, skips: false });
    expect(components.skipping).toBe(0);
  });

  it("pays a bank of the size that the config gives", () => {
    const machine = named("tensordash-4096");
    const table = tableOf(machine);
    const { constants } = energyModel(machine, table);
    const bufferRead = constants.find(
      ({ component, action }) => component === "global buffer" && action === "sram.read",
    );
    expect(bufferRead?.picojoules).toBeCloseTo(1.25 * ((46 * 1024) / 64 / 8) ** 0.47, 10);
    expect(bufferRead?.source).toContain("736 KiB");
  });

  it("takes activation, bits and background of DRAM from the named part", () => {
    const device = resolveDram({ preset: "HBM2" }, "test");
    const machine = { ...named("dadiannao"), memory: { ...named("dadiannao").memory, device } };
    const table = tableOf(machine);
    const bytes = 10 * 2048;
    const accesses = { ...NOTHING.accesses, dram: { read: bytes / 2, written: bytes / 2 } };
    const did = { ...NOTHING, accesses, activations: 10, seconds: 1e-3 };
    const { components } = energyOf(energyModel(machine, table), did);
    const expected = dramEnergy(device, { activations: 10, bits: 8 * bytes, seconds: 1e-3 });
    expect(components["dram activate"] / 1e12).toBeCloseTo(expected.activateJoules, 15);
    expect(components["dram transfer"] / 1e12).toBeCloseTo(expected.transferJoules, 15);
    expect(components["dram background"] / 1e12).toBeCloseTo(expected.backgroundJoules, 15);
  });

  const amount = fc.integer({ min: 0, max: 1e9 });
  const access = fc.record({ read: amount, written: amount });
  const activities = fc.record({
    multiplications: amount,
    skips: fc.boolean(),
    multiplierCycles: fc.record({ compute: amount, rescheduling: amount }),
    scheduledValues: amount,
    vectorElements: amount,
    accesses: fc.record({ dram: access, "global buffer": access, "local buffers": access, "on chip": access }),
    activations: amount,
    seconds: fc.double({ min: 0, max: 10, noNaN: true }),
  });

  it("never falls where more is done or moved", () => {
    fc.assert(
      fc.property(fc.constantFrom(...machines.keys()), activities, activities, (index, some, more) => {
        const model = energyModel(machines[index], energy[index]);
        const access = (place: keyof typeof some.accesses) => ({
          read: some.accesses[place].read + more.accesses[place].read,
          written: some.accesses[place].written + more.accesses[place].written,
        });
        const both: Activity = {
          multiplications: some.multiplications + more.multiplications,
          skips: some.skips || more.skips,
          multiplierCycles: {
            compute: some.multiplierCycles.compute + more.multiplierCycles.compute,
            rescheduling: some.multiplierCycles.rescheduling + more.multiplierCycles.rescheduling,
          },
          scheduledValues: some.scheduledValues + more.scheduledValues,
          vectorElements: some.vectorElements + more.vectorElements,
          accesses: {
            dram: access("dram"),
            "global buffer": access("global buffer"),
            "local buffers": access("local buffers"),
            "on chip": access("on chip"),
          },
          activations: some.activations + more.activations,
          seconds: some.seconds + more.seconds,
        };
        const [less, most] = [energyOf(model, some), energyOf(model, both)];
        expect(most.picojoules).toBeGreaterThanOrEqual(less.picojoules);
        for (const name in less.components) expect(most.components[name]).toBeGreaterThanOrEqual(less.components[name]);
      }),
    );
  });
});

describe("the hardware that skips", () => {
  it("is declared by every machine that skips zeros, and by no array without skipping", () => {
    for (const machine of machines) {
      const { accelerator, params } = machine;
      const twin = denseTwin(machine);
      const isDense = JSON.stringify(twin.params) === JSON.stringify(params);
      expect(accelerator.skippingHardware(params) === null, machine.name).toBe(isDense);
      expect(accelerator.skippingHardware(twin.params), machine.name).toBeNull();
    }
  });

  it("of a static schedule says which of the search map's places a weight comes from", () => {
    // T(2,5): two lines ahead, five aside, and the place itself: 3 bits, a multiplexer of 8 inputs.
    const { accelerator, params } = named("bit-tactical");
    expect(accelerator.skippingHardware(params)).toMatchObject({
      metadataBits: 3,
      operandMuxes: 7,
      schedules: "rescheduling",
    });
  });
});

it("a level of memory may not take the name of a component", () => {
  const { config } = named("tensordash");
  const { onChip: _, ...memory } = config.memory;
  const levels = [{ name: "mac", size: "1 MiB" }];
  expect(() => resolveMachine({ ...config, memory: { ...memory, levels } }, "mine.json", accelerators)).toThrow(
    'mine.json: memory.levels.0.name: is taken, got "mac"',
  );
});

function tableOf(machine: Machine) {
  return energy[machines.findIndex(({ name }) => name === machine.name)];
}

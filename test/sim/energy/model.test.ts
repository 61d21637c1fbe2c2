import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadEnergyTable, loadEnergyTables, loadMachines } from "../../../src/api/open.ts";
import { checkSchema } from "../../../src/io/faults.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { type Activity, energyModel, energyOf } from "../../../src/sim/energy/model.ts";
import { denseTwin, type Machine, resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { resolveDram } from "../../../src/sim/memory/dram/device.ts";
import { type ResultRow, ResultSchema } from "../../../src/sim/result/result.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { CONV, DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../../support/make-trace.ts";

const machines = await loadMachines(["all"]);
const energy = await loadEnergyTables(machines);
const named = (wanted: string) => machines.find(({ name }) => name === wanted) as Machine;
const swat = await makeTrace(SWAT_DENSITIES);
const dense = await makeTrace(DENSE_DENSITIES, "dense");
const result = await simulate({ traces: [swat], machines, energy });

const sum = (values: Readonly<Record<string, number>>) => Object.values(values).reduce((a, b) => a + b, 0);

const withoutEnergy = (of: object) =>
  JSON.parse(JSON.stringify(of, (key, value) => (key === "energy" ? undefined : value)));

describe("the energy of a result", () => {
  it("keeps its schema, and is left out where no table is given", async () => {
    expect(() => checkSchema(ResultSchema, result, "result")).not.toThrow();
    const without = await simulate({ traces: [swat], machines });
    expect(JSON.stringify(without)).not.toContain("icojoules");
    // And changes nothing else.
    expect(withoutEnergy(result)).toEqual(withoutEnergy(without));
  });

  it("changes nothing else where each tensor has a level of its own", async () => {
    const { config } = named("tensordash");
    const { onChip: _, ...memory } = config.memory;
    const levels = [
      { name: "weight buffer", size: "8 KiB", holds: ["weight"] },
      { name: "activation buffer", size: "8 KiB", holds: ["input", "outputGrad", "output"] },
    ];
    const split = resolveMachine({ ...config, memory: { ...memory, levels } }, "mine.json", accelerators);
    const input = { traces: [swat], machines: [split] };
    const withEnergy = await simulate({ ...input, energy: [tableOf(named("tensordash"))] });
    expect(withoutEnergy(withEnergy)).toEqual(withoutEnergy(await simulate(input)));
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

  it("counts the multiplications of the breakdown and the bytes of the traffic, in whole bursts where a part is known", () => {
    for (const { name, rows } of result.machines) {
      for (const { breakdown, traffic, dram, energy: own } of rows) {
        const { effectual, unseen, imagePadding, redundant } = breakdown;
        expect(own?.actions.mac, name).toEqual({
          [Object.keys(own?.actions.mac ?? {})[0]]: effectual + unseen + imagePadding + redundant,
        });
        const useful = dram === null ? 1 : dram.share / (dram.share + dram.losses.partialBursts);
        const bytes = Object.values(own?.actions["dram transfer"] ?? {}).reduce((a, b) => a + b, 0) / 8;
        expect(Math.abs(bytes - sum(traffic.dram) / useful), name).toBeLessThanOrEqual(dram === null ? 0 : 1);
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

  it("has the bytes of a static schedule in it: weights read, and nonzeros written with their places, once a refresh", async () => {
    const machine = named("bit-tactical");
    const onChip = async (topKPeriod: number) => {
      const trace = await makeTrace(SWAT_DENSITIES, "trace", { method: { name: "swat-u", topKPeriod } });
      const input = { traces: [trace], machines: [machine], energy: [tableOf(machine)] };
      const { rows } = (await simulate(input)).machines[0];
      const { energy: paid, macs, densities } = rows.find(({ kind }) => kind === "conv") as ResultRow;
      expect(macs.topK).toBeGreaterThan(0);
      const size = CONV.K * CONV.C * CONV.R * CONV.S;
      return { actions: paid?.actions["on chip"] ?? {}, size, nonzeros: Math.round(densities.weight * size) };
    };
    const [often, seldom] = [await onChip(1), await onChip(4)];
    const { size, nonzeros } = often;
    // Values of two bytes: a bitmap is read, three bits for each nonzero are written.
    const [read, written] = [2 * nonzeros + size / 8, nonzeros * (2 + 3 / 8)];
    expect(often.actions["sram.read"] - seldom.actions["sram.read"]).toBe(Math.ceil(read) - Math.ceil(read / 4));
    expect(often.actions["sram.write"] - seldom.actions["sram.write"]).toBe(
      Math.ceil(written) - Math.ceil(written / 4),
    );
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
    const table = await loadEnergyTable("7nm");
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
  scheduledValues: {},
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
      scheduledValues: { input: 600, weight: 200 },
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
      "dram transfer": 40 * 8 * (8 - 1500 / 32768),
      "dram background": 4 * 0.1 * 1e-6 * 1e12,
    };
    expect(Object.keys(components)).toEqual(Object.keys(expected));
    for (const [name, picojoules] of Object.entries(expected))
      expect(components[name], name).toBeCloseTo(picojoules, 8);
  });

  it("has its multiplexers on the way of operands where nothing was skipped, and no scheduler", () => {
    const machine = named("tensordash");
    const model = energyModel(machine, tableOf(machine));
    const cycles = { compute: 4096, rescheduling: 0 };
    const activity = { ...NOTHING, multiplications: 1000, multiplierCycles: cycles, skips: false };
    expect(energyOf(model, activity).components.skipping).toBeCloseTo(1000 * 2 * 7 * 16 * 0.001, 8);
  });

  it("reads metadata where its operand is", () => {
    const { config } = named("tensordash-4096");
    const levels = [
      { name: "weights", size: "1 MiB", banks: 16, width: "16 B", holds: ["weight"] },
      { name: "activations", size: "8 MiB", banks: 16, width: "16 B", holds: ["input", "outputGrad", "output"] },
    ];
    const memory = { ...config.memory, levels };
    const machine = resolveMachine({ ...config, memory }, "mine", accelerators);
    const { actions, components } = energyOf(energyModel(machine, tableOf(named("tensordash-4096"))), {
      ...NOTHING,
      accesses: { dram: { read: 0, written: 0 } },
      scheduledValues: { weight: 800, input: 80 },
    });
    // One bit a value.
    expect(actions.skipping).toMatchObject({ "sram.read of weights": 100, "sram.read of activations": 10 });
    const byte = (kilobytes: number) => 1.25 * (kilobytes / 8) ** 0.47;
    expect(components.skipping).toBeCloseTo(100 * byte(64) + 10 * byte(512), 8);
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
    expect(components["dram activate"]).toBeCloseTo(10 * 900, 6);
    expect(components["dram transfer"]).toBeCloseTo(8 * bytes * (3.9 - 900 / (2048 * 8)), 6);
    // Eight channels of 66 mW.
    expect(components["dram background"]).toBeCloseTo(8 * 0.066e12 * 1e-3, 3);
  });

  const amount = fc.integer({ min: 0, max: 1e9 });
  const access = fc.record({ read: amount, written: amount });
  const activities = fc.record({
    multiplications: amount,
    skips: fc.boolean(),
    multiplierCycles: fc.record({ compute: amount, rescheduling: amount }),
    scheduledValues: fc.record({ weight: amount, input: amount, outputGrad: amount }),
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
          scheduledValues: {
            weight: some.scheduledValues.weight + more.scheduledValues.weight,
            input: some.scheduledValues.input + more.scheduledValues.input,
            outputGrad: some.scheduledValues.outputGrad + more.scheduledValues.outputGrad,
          },
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

import { describe, expect, it } from "vitest";
import { accelerators } from "../../src/sim/accelerators/index.ts";
import { denseTwin, resolveMachine } from "../../src/sim/machine.ts";
import { loadMachines } from "../../src/studies/inputs.ts";

const config = {
  name: "mine",
  accelerator: "tensordash",
  source: "a test",
  clock: "500 MHz",
  datatype: { multiply: "bf16", accumulate: "fp32" },
  params: { rows: 4, columns: 4, tiles: 16 },
  memory: {
    onChip: "256 KiB",
    dram: { bandwidth: "51.2 GB/s" },
    storage: { weight: "bitmap", input: "bitmap", outputGrad: "dense" },
  },
};

const resolve = (change: object) => resolveMachine({ ...config, ...change }, "mine.json", accelerators);

describe("a hardware config", () => {
  it("resolves units and defaults to numbers", () => {
    const machine = resolve({});
    expect(machine.clockHz).toBe(500e6);
    expect(machine.memory.onChipBytes).toBe(256 * 1024);
    expect(machine.memory.bandwidthBytesPerSecond).toBe(51.2e9);
    expect(machine.memory.valueBytes).toBe(2);
    expect(machine.multipliers).toBe(16 * 4 * 4 * 16);
    expect(machine.peakMacsPerSecond).toBe(4096 * 500e6);
    expect(machine.params).toMatchObject({ lanes: 16 });
  });

  it.each([
    [
      { clock: "3 bananas" },
      'mine.json: clock: is not a frequency, got "3 bananas"; valid: a number with a unit, as "1 GHz"',
    ],
    [{ clock: "1 kg" }, 'mine.json: clock: is not a frequency, got "1 kg"; valid: a number with a unit, as "1 GHz"'],
    [{ clock: "-1 GHz" }, 'mine.json: clock: must be finite and more than zero, got "-1 GHz"; valid: as "1 GHz"'],
    [
      { accelerator: "tensordahs" },
      'mine.json: accelerator: unknown accelerator, got "tensordahs"; did you mean "tensordash"?',
    ],
    [{ colour: "red" }, "mine.json: unknown key"],
    [{ params: { lnaes: 16 } }, 'mine.json: params: unknown key, got "lnaes"; did you mean "lanes"?'],
    [{ params: { lanes: -16 } }, "mine.json: params.lanes: must be >= 1, got -16"],
    [{ params: { shape: "Q" } }, 'mine.json: params.shape: unknown value, got "Q"'],
  ])("with %o is refused with a line that says what is valid", (change, message) => {
    expect(() => resolve(change)).toThrow(message);
  });

  it("with several faults is refused with a line for each", () => {
    const change = { clock: "fast", memory: { ...config.memory, onChip: "-1 KiB" }, params: { rows: 0 } };
    expect(() => resolve(change)).toThrow(
      [
        "mine.json: params.rows: must be >= 1, got 0",
        'mine.json: clock: is not a frequency, got "fast"; valid: a number with a unit, as "1 GHz"',
        'mine.json: memory.onChip: must be finite and more than zero, got "-1 KiB"; valid: as "256 KiB"',
      ].join("\n"),
    );
  });
});

describe("shipped machines", () => {
  it("have a source each, and the -4096 twins share peak, clock, datatype, SRAM and DRAM", async () => {
    const machines = await loadMachines(["all"]);
    expect(machines.every(({ config: { source } }) => source.length > 20)).toBe(true);
    const twins = machines.filter(({ name }) => name.endsWith("-4096"));
    const published = machines.filter(({ name }) => !name.endsWith("-4096"));
    const unpublished = ["ideal-4096", "mesh-4096", "tensordash-two-sided-4096"];
    const named = twins.map(({ name }) => name).filter((name) => !unpublished.includes(name));
    expect(published.map(({ name }) => `${name}-4096`).sort()).toEqual(named.sort());
    for (const {
      multipliers,
      config: { clock, datatype, memory },
    } of twins) {
      expect(multipliers).toBe(4096);
      expect({ clock, datatype, onChip: memory.onChip, dram: memory.dram }).toEqual({
        clock: "1 GHz",
        datatype: { multiply: "bf16", accumulate: "fp32" },
        onChip: "48 MiB",
        dram: { bandwidth: "256 GB/s" },
      });
    }
  });

  it("without skipping keep their peak, and store everything densely", async () => {
    for (const machine of await loadMachines(["all"])) {
      const twin = denseTwin(machine);
      expect(twin.accelerator.multipliers(twin.params)).toBe(machine.multipliers);
      expect(twin.memory.storage).toEqual({ weight: "dense", input: "dense", outputGrad: "dense" });
    }
  });
});

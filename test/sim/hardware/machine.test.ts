import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { denseTwin, resolveMachine } from "../../../src/sim/hardware/machine.ts";

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
    const { levels, residentBytes, dramBytesPerCycle, valueBytes, wideBytes } = machine.memory;
    expect(levels).toMatchObject([{ name: "on chip", bytes: 256 * 1024, bytesPerCycle: Number.POSITIVE_INFINITY }]);
    expect({ residentBytes, dramBytesPerCycle, valueBytes, wideBytes }).toEqual({
      residentBytes: 128 * 1024,
      dramBytesPerCycle: 51.2e9 / 500e6,
      valueBytes: 2,
      wideBytes: 4,
    });
    expect(machine.vectorLanes).toBe(256);
    expect(machine.multipliers).toBe(16 * 4 * 4 * 16);
    expect(machine.peakMacsPerSecond).toBe(4096 * 500e6);
    expect(machine.params).toMatchObject({ lanes: 16 });
  });

  it("resolves levels of memory, each with banks, ports, width and what it holds", () => {
    const levels = [
      { name: "global buffer", size: "1 MiB", banks: 8, width: "32 B", ports: 2, readLatency: 3 },
      { name: "weight buffer", size: "64 KiB", holds: ["weight"], tiling: { filters: 16 } },
    ];
    const { dram, storage } = config.memory;
    const { memory } = resolve({ memory: { levels, resident: 0.25, dram, storage }, vectorLanes: 64 });
    expect(memory.residentBytes).toBe(2 ** 18);
    expect(memory.levels).toMatchObject([
      { name: "global buffer", bytes: 2 ** 20, bytesPerCycle: 512, readLatency: 3, writeLatency: 0 },
      { name: "weight buffer", holds: new Set(["weight"]), tiling: { filters: 16 } },
    ]);
  });

  it.each([
    [
      { memory: { ...config.memory, levels: [{ name: "b", size: "1 KiB" }] } },
      'mine.json: memory: needs "onChip" or "levels", got both',
    ],
    [
      { memory: { ...config.memory, onChip: undefined, levels: [{ name: "dram", size: "1 KiB" }] } },
      'mine.json: memory.levels.0.name: is taken, got "dram"; valid: a name of its own',
    ],
    [
      { memory: { ...config.memory, onChip: undefined, levels: [{ name: "b", size: "1 KiB", width: "2 s" }] } },
      'mine.json: memory.levels.0.width: is not a size, got "2 s"',
    ],
    [
      { memory: { ...config.memory, onChip: undefined, levels: [{ name: "constructor", size: "1 KiB" }] } },
      'mine.json: memory.levels.0.name: is taken, got "constructor"; valid: a name of its own',
    ],
    [
      { memory: { ...config.memory, onChip: undefined, levels: [{ name: "b", size: "1 KiB", holds: ["weight"] }] } },
      "mine.json: memory.levels: no level holds input, outputGrad, output; valid: each of weight, input, outputGrad, output in",
    ],
    [
      { memory: { ...config.memory, onChip: "1 b" } },
      'mine.json: memory.onChip: must be a whole number of bytes, got "1 b"; valid: as "256 KiB"',
    ],
    [
      { clock: "3 bananas" },
      'mine.json: clock: is not a frequency, got "3 bananas"; valid: a number with a unit, as "1 GHz" (is not allowed in a formula, got the name bananas;',
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

  it("takes sizes with a decimal fraction of a unit", () => {
    const { levels } = resolve({ memory: { ...config.memory, onChip: "46.1 MB" } }).memory;
    expect(levels[0].bytes).toBe(46_100_000);
  });

  it.each([
    ["sigma", { multipliers: 100 }, "params.multipliers: must be a power of two, got 100; nearest: 64, 128"],
    [
      "sigma",
      { multipliers: 64, distributionBandwidth: 30 },
      "params.distributionBandwidth: must serve a power of two of 64 places a port, got 30; known: 64, 32, 16, 8, 4, 2, 1",
    ],
    ["systolic", { sparsity: { n: 3, m: 2, mode: "layer" } }, "params.sparsity: n must be at most m = 2, got 3"],
    ["sparse-tensor-core", { m: 5 }, "params.m: must divide lanes, got m 5, lanes 16"],
  ])(
    "of %s with parameters that do not go together are refused before a trace is read",
    async (name, params, fault) => {
      const [{ config }] = await loadMachines([name]);
      expect(() =>
        resolveMachine({ ...config, params: { ...config.params, ...params } }, "mine.json", accelerators),
      ).toThrow(`mine.json: ${fault}`);
    },
  );

  it("with several faults in levels of memory is refused with a line for each", () => {
    const levels = [
      { name: "dram", size: "1 GHz", width: "3 GB/s" },
      { name: "b", size: "-3 KiB", holds: ["weight"] },
    ];
    expect(() => resolve({ memory: { ...config.memory, onChip: undefined, levels } })).toThrow(
      new RegExp(
        [
          "memory.levels.0.name: is taken.*",
          "memory.levels.0.size: is not a size.*",
          "memory.levels.0.width: is not a size.*",
          "memory.levels.1.size: must be finite.*",
        ].join("\n.*"),
      ),
    );
  });

  it("with several faults is refused with a line for each", () => {
    const change = { clock: "fast", memory: { ...config.memory, onChip: "-1 KiB" }, params: { rows: 0 } };
    expect(() => resolve(change)).toThrow(
      [
        "mine.json: params.rows: must be >= 1, got 0",
        'mine.json: clock: is not a frequency, got "fast"; valid: a number with a unit, as "1 GHz" (is not allowed in a formula, got the name fast; valid: pJ, W, V, A, s, Hz, B, b, with prefixes as k, Mi, n)',
        'mine.json: memory.onChip: must be finite and more than zero, got "-1 KiB"; valid: as "256 KiB"',
      ].join("\n"),
    );
  });
});

describe("on-chip buffers line by line", () => {
  const onDadiannao = { accelerator: "dadiannao", params: {} };
  const withLines = (memory: object, change: object = onDadiannao) =>
    resolve({ ...change, memory: { ...config.memory, ...memory } });

  it("are absent unless a config asks for them", () => {
    expect(withLines({}).line).toBeNull();
    expect(withLines({}).config.memory).not.toHaveProperty("line");
  });

  it("have DNNsim's settings where a config leaves them out, in the resolved config too, and in the array without skipping", () => {
    const machine = withLines({ detail: "line", line: { weights: { banks: 3 } } });
    expect(machine.config.memory.line).toEqual(
      withLines({ detail: "line", line: machine.config.memory.line }).config.memory.line,
    );
    expect(machine.line).toMatchObject({
      weights: { banks: 3, bankBits: 256, readCycles: 2 },
      activationBuffer: { rows: 2, readCycles: 1 },
      outputWriters: "all",
      ...{ activationBits: 16, weightBits: 16, sumBits: 32 },
    });
    expect(denseTwin(machine).line).toEqual(machine.line);
    const { config: shipped } = resolve({ ...onDadiannao, memory: { ...config.memory, detail: "line" } });
    expect(shipped.memory.line?.activations).toEqual({ banks: 16, bankBits: 256, readCycles: 2 });
  });

  it.each([
    [{ detail: "row" }, onDadiannao, 'mine.json: memory.detail: unknown value, got "row"'],
    [
      { detail: "line" },
      {},
      'mine.json: memory.detail: "line" is not modelled for accelerator "tensordash"; known: dadiannao, bit-tactical',
    ],
    [{ line: {} }, onDadiannao, 'mine.json: memory.line: is used only where memory.detail is "line"'],
    [
      { detail: "line", line: { weights: { banks: 0 } } },
      onDadiannao,
      "mine.json: memory.line.weights.banks: must be >= 1, got 0",
    ],
    [
      { detail: "line", line: { weights: { bansk: 4 } } },
      onDadiannao,
      'mine.json: memory.line.weights: unknown key, got "bansk"; did you mean "banks"?',
    ],
  ])("given as %o are refused with a line that says what is valid", (memory, change, message) => {
    expect(() => withLines(memory, change)).toThrow(message);
  });
});

describe("shipped machines", () => {
  it("have a source each, and the -4096 twins share peak, clock, datatype, SRAM and DRAM", async () => {
    const machines = await loadMachines(["all"]);
    expect(machines.every(({ config: { source } }) => source.length > 20)).toBe(true);
    const twins = machines.filter(({ name }) => name.endsWith("-4096"));
    const published = machines.filter(({ name, line }) => !name.endsWith("-4096") && line === null);
    const unpublished = ["ideal-4096", "mesh-4096", "tensordash-two-sided-4096"];
    const named = twins.map(({ name }) => name).filter((name) => !unpublished.includes(name));
    expect(published.map(({ name }) => `${name}-4096`).sort()).toEqual(named.sort());
    for (const {
      multipliers,
      config: { clock, datatype, memory },
    } of twins) {
      expect(multipliers).toBe(4096);
      expect({ clock, datatype, levels: memory.levels, dram: memory.dram }).toEqual({
        clock: "1 GHz",
        datatype: { multiply: "bf16", accumulate: "fp32" },
        levels: [
          expect.objectContaining({ name: "global buffer", size: "46 MiB", banks: 64, width: "32 B" }),
          expect.objectContaining({ name: "local buffers", size: "2 MiB" }),
        ],
        dram: expect.objectContaining({ preset: "HBM2" }),
      });
    }
  });

  it("without skipping keep their peak, and store everything densely", async () => {
    for (const machine of await loadMachines(["all"])) {
      const twin = denseTwin(machine);
      expect(twin.accelerator.multipliers(twin.params)).toBe(machine.multipliers);
      expect(twin.config.memory.storage).toEqual({ weight: "dense", input: "dense", outputGrad: "dense" });
      for (const { storage } of [twin.memory, ...twin.memory.levels]) {
        expect(Object.values(storage).every(({ isDense }) => isDense)).toBe(true);
      }
    }
  });
});

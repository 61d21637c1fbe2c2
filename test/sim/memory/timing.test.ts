import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { outputHeight, outputWidth, sizeOf } from "../../../src/core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../../src/core/passes.ts";
import {
  MEMORY_OPERANDS,
  type MemoryLevel,
  type MemoryNumbers,
  type MemoryOperand,
} from "../../../src/sim/memory/hierarchy.ts";
import { operandStorage } from "../../../src/sim/memory/storage.ts";
import { type FeedTask, feed, move, total } from "../../../src/sim/memory/timing.ts";
import { PASSES } from "../../../src/sim/operation/operation.ts";

const VALUE = 2;
const WIDE = 4;

const DENSE = operandStorage("dense", "");
const storage = { weight: DENSE, input: DENSE, outputGrad: DENSE };

const level = (name: string, bytes: number, bytesPerCycle: number): MemoryLevel => ({
  name,
  bytes,
  bankBytes: null,
  bytesPerCycle,
  holds: new Set(MEMORY_OPERANDS),
  readLatency: 0,
  writeLatency: 0,
  storage,
  tiling: null,
});

const memoryOf = (levels: readonly MemoryLevel[], dramBytesPerCycle: number): MemoryNumbers => ({
  levels,
  residentBytes: 0,
  dramBytesPerCycle,
  device: null,
  storage,
  valueBytes: VALUE,
  wideBytes: WIDE,
});

const tasks = fc
  .record({
    pass: fc.constantFrom(...PASSES),
    N: fc.integer({ min: 1, max: 4 }),
    C: fc.integer({ min: 1, max: 20 }),
    H: fc.integer({ min: 3, max: 9 }),
    W: fc.integer({ min: 3, max: 9 }),
    K: fc.integer({ min: 1, max: 20 }),
    R: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 2 }),
    resident: fc.subarray([...MEMORY_OPERANDS]),
  })
  .map(({ pass, R, stride, resident, ...extents }): FeedTask => {
    const shared = { stride: [stride, stride], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 } as const;
    const geometry = { ...extents, R, S: R, ...shared } as unknown as FeedTask["geometry"];
    const output = RESULT_OF[pass];
    const bytes: Partial<Record<MemoryOperand, number>> = {};
    for (const name of ["weight", "input", "outputGrad"] as const) {
      bytes[name === output ? "output" : name] = sizeOf(SHAPE_OF[name](geometry)) * VALUE;
    }
    const partialBytes = ((bytes.output as number) / VALUE) * WIDE;
    const held = new Set(resident.filter((name) => name in bytes));
    return {
      pass,
      layer: "conv",
      geometry,
      bytes: [bytes, bytes, bytes],
      partialBytes,
      resident: held,
      arrayBytes: bytes,
    };
  });

/** Share of a tensor that the kernel meets at all: with a stride or a padding of its size, it skips rows and columns. */
function neededShare(name: MemoryOperand, { pass, geometry: g }: FeedTask): number {
  const isInput = name === "input" && pass !== "inputGrad";
  if (!isInput && !(name === "outputGrad" && pass === "inputGrad")) return 1;
  const along = (axis: 0 | 1, image: number, output: number, kernel: number): number => {
    const met = new Set<number>();
    for (let position = 0; position < output; position++) {
      for (let tap = 0; tap < kernel; tap++) {
        const at = position * g.stride[axis] - g.padding[2 * axis] + tap;
        if (at >= 0 && at < image) met.add(isInput ? at : position);
      }
    }
    return met.size / (isInput ? image : output);
  };
  return along(0, g.H, outputHeight(g), g.R) * along(1, g.W, outputWidth(g), g.S);
}

const pointwise = (extents: Pick<FeedTask["geometry"], "N" | "C" | "H" | "W" | "K">): FeedTask["geometry"] => ({
  ...extents,
  ...{ R: 1, S: 1, stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 },
});

const compute = fc.integer({ min: 0, max: 5000 });
const speed = fc.integer({ min: 1, max: 64 });

describe("feeding an operation", () => {
  it("costs nothing where levels and DRAM have no limit and no latency", () => {
    fc.assert(
      fc.property(tasks, compute, (task, cycles) => {
        const free = memoryOf([level("buffer", 1e9, Number.POSITIVE_INFINITY)], Number.POSITIVE_INFINITY);
        expect(feed(task, free, cycles)).toMatchObject({ stall: 0, stalls: {} });
      }),
    );
  });

  it("never costs less from a slower DRAM or level, and says where every stall comes from", () => {
    fc.assert(
      fc.property(tasks, compute, speed, speed, speed, (task, cycles, dram, outer, inner) => {
        const stallOf = (rates: readonly [number, number, number]) => {
          const levels = [level("buffer", 16384, rates[1]), level("local", 4096, rates[2])];
          const { stall, stalls } = feed(task, memoryOf(levels, rates[0]), cycles);
          expect(Object.values(stalls).reduce((sum, place) => sum + total(place), 0)).toBe(stall);
          return stall;
        };
        const fast = stallOf([dram, outer, inner]);
        expect(stallOf([dram / 2, outer, inner])).toBeGreaterThanOrEqual(fast);
        expect(stallOf([dram, outer / 2, inner])).toBeGreaterThanOrEqual(fast);
        expect(stallOf([dram, outer, inner / 2])).toBeGreaterThanOrEqual(fast);
      }),
    );
  });

  it("moves over DRAM at least what is not on chip and needed, once, and nothing of what is", () => {
    fc.assert(
      fc.property(tasks, compute, (task, cycles) => {
        const { traffic } = feed(task, memoryOf([level("buffer", 8192, 64)], 8), cycles);
        for (const [name, bytes] of Object.entries(task.bytes[0]) as [MemoryOperand, number][]) {
          if (task.resident.has(name)) expect(traffic.dram[name]).toBeUndefined();
          else expect(traffic.dram[name]).toBeGreaterThanOrEqual(Math.floor(bytes * neededShare(name, task) + 1e-6));
        }
        expect(traffic.array).toEqual(task.arrayBytes);
      }),
    );
  });

  it("takes first tiles in and the last tile out on top of the slowest of compute and memory", () => {
    // One value of each tensor: 2 bytes at 1 byte a cycle each, weight and input before, the output after.
    const one = { N: 1, C: 1, H: 1, W: 1, K: 1, R: 1, S: 1, groups: 1 };
    const geometry = { ...one, stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] } as const;
    const bytes = { weight: VALUE, input: VALUE, output: VALUE };
    const task = { pass: "forward", layer: "conv", geometry, bytes: [bytes, bytes], partialBytes: WIDE } as const;
    const nothing = { resident: new Set<MemoryOperand>(), arrayBytes: {} };
    const memory = memoryOf([{ ...level("buffer", 64, Number.POSITIVE_INFINITY), readLatency: 3, writeLatency: 4 }], 1);
    const { stalls } = feed({ ...task, ...nothing } as unknown as FeedTask, memory, 100);
    expect(stalls).toEqual({ dram: { weight: 2, input: 2, output: 2 }, buffer: { latency: 7 } });
    // Without compute the same: there is nothing else to move.
    const idle = feed({ ...task, ...nothing } as unknown as FeedTask, memory, 0);
    expect(idle.stalls).toEqual({ dram: { weight: 2, input: 2, output: 2 }, buffer: { latency: 7 } });
  });

  it("takes as long as the bytes or the array at least, and as both together at most", () => {
    fc.assert(
      fc.property(tasks, compute, speed, (task, cycles, dram) => {
        const memory = memoryOf([level("buffer", 8192, Number.POSITIVE_INFINITY)], dram);
        const { stall, traffic } = feed(task, memory, cycles);
        const bus = total(traffic.dram) / dram;
        // Tiles in and out are counted in whole cycles, rounded down.
        expect(cycles + stall).toBeGreaterThan(Math.max(cycles, bus) - 2);
        expect(cycles + stall).toBeLessThanOrEqual(cycles + Math.ceil(bus));
        if (cycles === 0) expect(stall).toBeLessThanOrEqual(Math.ceil(bus));
      }),
    );
  });

  it("moves a small operand again, even where everything fits, if the array starts sooner for less than a tenth more bytes", () => {
    const geometry = pointwise({ N: 1, C: 37, H: 1, W: 1, K: 35 });
    const bytes = { weight: 37 * 35 * VALUE, input: 37 * VALUE, output: 35 * VALUE };
    const task = { pass: "forward", layer: "fc", geometry, bytes: [bytes, bytes], partialBytes: 35 * WIDE } as const;
    const fed = (tiling: MemoryLevel["tiling"], cycles: number) => {
      const memory = memoryOf([{ ...level("buffer", 1e6, Number.POSITIVE_INFINITY), tiling }], 100);
      return feed({ ...task, resident: new Set<MemoryOperand>(), arrayBytes: {} }, memory, cycles);
    };
    // The whole tensors in, 26 cycles, and out again.
    expect(fed({}, 20)).toMatchObject({ stall: 26, traffic: { dram: bytes } });
    expect(fed(null, 20)).toMatchObject({ stall: 10, traffic: { dram: { ...bytes, input: 3 * bytes.input } } });
    // Without compute there is nothing to start sooner.
    expect(fed(null, 0)).toMatchObject({ stall: 26, traffic: { dram: bytes } });
  });

  it("fills buffers that share no port at the same time, and those that do one after the other", () => {
    const geometry = pointwise({ N: 1, C: 4, H: 1, W: 1, K: 4 });
    const bytes = { weight: 32, input: 8, output: 8 };
    const resident = new Set<MemoryOperand>(["weight", "input", "output"]);
    const task: FeedTask = {
      ...{ pass: "forward", layer: "conv", geometry, bytes: [bytes, bytes, bytes, bytes], partialBytes: 16 },
      ...{ resident, arrayBytes: {} },
    };
    const all = { images: 1, rows: 1, columns: 1, filters: 4, channels: 4 };
    const weights = { ...level("weights", 1e3, 2), holds: new Set<MemoryOperand>(["weight"]), tiling: all };
    const others = {
      ...level("others", 1e3, 1),
      holds: new Set<MemoryOperand>(["input", "outputGrad", "output"]),
      tiling: all,
    };
    const stallsOf = (rate: number) =>
      feed(task, memoryOf([level("buffer", 1e6, rate), weights, others], 1), 100).stalls;
    // 32 bytes in 16 cycles, meanwhile 8 in 8; then 8 bytes out.
    expect(stallsOf(1e3)).toEqual({ weights: { weight: 16 }, others: { output: 8 } });
    // All 40 through one port.
    expect(stallsOf(1)).toEqual({ buffer: { weight: 32, input: 8, output: 8 } });
  });
});

describe("moving tensors without multiplying", () => {
  const tensor = (bytes: number, isWritten: boolean, isResident: boolean, at = 0) => ({
    ...{ bytes, isWritten, isResident },
    level: at,
  });

  it("takes what is off chip over DRAM, and into the level before it is read there or out after it is written", () => {
    const memory = memoryOf([level("buffer", 1000, 100)], 10);
    const tensors = [tensor(500, false, true), tensor(300, false, false), tensor(100, true, false)];
    expect(move(tensors, memory, 15)).toEqual({
      dram: null,
      stall: 25,
      stalls: { dram: { read: 18, written: 7 } },
      accesses: { dram: { read: 300, written: 100 }, buffer: { read: 900, written: 400 } },
      traffic: {
        dram: { read: 300, written: 100 },
        buffer: { read: 300, written: 100 },
        array: { read: 800, written: 100 },
      },
    });
    expect(move([tensor(900, false, true), tensor(100, true, true)], memory, 10).stall).toBe(0);
    // A narrow level carries what is off chip twice.
    const narrow = memoryOf([level("buffer", 1000, 10)], 1000);
    expect(move([tensor(1000, false, false)], narrow, 0).stall).toBe(200);
  });

  it("takes a tensor over the level that it is in", () => {
    const memory = memoryOf([level("buffer", 1000, 1), level("weights", 1000, 10)], 100);
    expect(move([tensor(1000, false, false, 1)], memory, 0).stalls).toEqual({ weights: { read: 200 } });
  });
});

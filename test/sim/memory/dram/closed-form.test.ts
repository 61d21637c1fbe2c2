import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { effectiveBandwidth } from "../../../../src/sim/memory/dram/closed-form.ts";
import { resolveDram } from "../../../../src/sim/memory/dram/device.ts";
import { mergedPattern, tileRequests, usefulShare } from "../../../../src/sim/memory/dram/patterns.ts";
import { DRAM_PRESETS, type DramPresetName } from "../../../../src/sim/memory/dram/presets.ts";
import { simulateRequests } from "../../../../src/sim/memory/dram/requests.ts";

const PRESETS = Object.keys(DRAM_PRESETS) as DramPresetName[];
const MIXES = [
  [1, 0],
  [2, 1],
  [1, 1],
  [0, 1],
] as const;

/** Chunks as tiles give them: short rows, a row of 7 · 7 · 64 bytes, and long runs of weights. */
const CHUNKS = [256, 1024, 3136, 4096, 16384, 65536];

// Of three streams whose chunks are long, two share a bank for long; how often, the closed form does not know.
describe("the closed form against the request model, on tiles: as near as given for one or two streams, and for three", () => {
  const DEVICES: readonly (readonly [string, object, number, number])[] = [
    ["DDR4-3200, default map", { preset: "DDR4-3200" }, 0.1, 0.1],
    ["LPDDR4-3200, default map", { preset: "LPDDR4-3200" }, 0.1, 0.1],
    ["HBM2, default map", { preset: "HBM2" }, 0.1, 0.2],
    ["HBM2e, default map", { preset: "HBM2e" }, 0.16, 0.21],
    ["DDR4-3200, DRAMsim3's map", { preset: "DDR4-3200", addressMap: "rochrababgco" }, 0.1, 0.21],
  ];
  it.each(DEVICES)("%s", { timeout: 60_000 }, (_, config, few, three) => {
    const device = resolveDram(config, "test");
    const errors = CHUNKS.flatMap((chunkBytes) =>
      [1, 2, 3].flatMap((streams) =>
        MIXES.map(([readBytes, writeBytes]) => {
          const pattern = { readBytes, writeBytes, chunkBytes, streams };
          // Long chunks are few, so that they need longer lists to be an average.
          const count = chunkBytes > 4096 ? 60_000 : 16_000;
          const { addresses, writes } = tileRequests(device, pattern, count, "closed form");
          const simulated = simulateRequests(device, addresses, writes).bytesPerSecond;
          return { pattern, error: effectiveBandwidth(device, pattern).bytesPerSecond / simulated - 1 };
        }),
      ),
    );
    for (const { pattern, error } of errors) {
      expect(Math.abs(error), JSON.stringify(pattern)).toBeLessThan(pattern.streams < 3 ? few : three);
    }
  });
});

const Patterns = fc.record({
  readBytes: fc.integer({ min: 0, max: 1e6 }),
  writeBytes: fc.integer({ min: 1, max: 1e6 }),
  chunkBytes: fc.integer({ min: 16, max: 1 << 18 }),
  streams: fc.integer({ min: 1, max: 8 }),
});
const Maps = fc.constantFrom("rorabacochbg", "rochrababgco", "rorabgbachco");

describe("the closed form", () => {
  it("gives the whole peak to the reached share and to causes", () => {
    fc.assert(
      fc.property(fc.constantFrom(...PRESETS), Maps, Patterns, (preset, addressMap, pattern) => {
        const device = resolveDram({ preset, addressMap }, "test");
        const { share, losses, bytesPerSecond } = effectiveBandwidth(device, pattern);
        const parts = Object.values(losses);
        expect(parts.reduce((sum, part) => sum + part, share)).toBeCloseTo(1, 12);
        expect(Math.min(share, ...parts)).toBeGreaterThanOrEqual(-1e-12);
        expect(bytesPerSecond).toBeCloseTo(share * device.peakBytesPerSecond, 0);
      }),
    );
  });

  it("gives a chunk of part of a burst that part of what whole bursts reach, and the rest to partial bursts", () => {
    for (const preset of PRESETS) {
      const device = resolveDram({ preset }, "test");
      const { burstBytes } = device;
      const of = (chunkBytes: number) =>
        effectiveBandwidth(device, { readBytes: 1e6, writeBytes: 0, chunkBytes, streams: 1 });
      const [eighth, most, whole, two] = [burstBytes / 8, 1.5 * burstBytes, burstBytes, 2 * burstBytes].map(of);
      expect(eighth.bytesPerSecond).toBeCloseTo(whole.bytesPerSecond / 8, -2);
      expect(eighth.losses.partialBursts).toBeCloseTo(7 * eighth.share, 12);
      expect(most.bytesPerSecond).toBeCloseTo(two.bytesPerSecond * 0.75, -2);
      expect([whole.losses.partialBursts, two.losses.partialBursts]).toEqual([0, 0]);
    }
  });

  it("takes streams of short and long runs together as bursts, not as runs of a mean length", () => {
    // 1,000 runs of 2 bytes and one of 64,000: 1,000 bursts each.
    const short = { readBytes: 2000, writeBytes: 0, runBytes: 2 };
    const long = { readBytes: 0, writeBytes: 64_000, runBytes: 64_000 };
    const pattern = mergedPattern([short, long], 64);
    expect(pattern).toMatchObject({ readBytes: 2000, writeBytes: 64_000, bursts: 2000, streams: 2 });
    expect(usefulShare(pattern, 64)).toBeCloseTo(66 / 128, 12);
    const device = resolveDram({ preset: "DDR4-3200" }, "test");
    const { share, losses } = effectiveBandwidth(device, pattern);
    expect(share / (share + losses.partialBursts)).toBeCloseTo(66 / 128, 12);
  });

  it("is never slower with shorter timings", () => {
    const names = [
      "CL",
      "tRCD",
      "tRP",
      "tRAS",
      "tRC",
      "tRRD_S",
      "tRRD_L",
      "tFAW",
      "tCCD_L",
      "tWTR_S",
      "tWTR_L",
      "tRTP",
      "tWR",
      "tRFC",
    ] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...PRESETS),
        Maps,
        Patterns,
        fc.constantFrom(...names),
        (preset, addressMap, pattern, name) => {
          const shorter = Math.max(1, Math.floor(DRAM_PRESETS[preset].timing[name] / 2));
          const before = effectiveBandwidth(resolveDram({ preset, addressMap }, "test"), pattern);
          const after = effectiveBandwidth(
            resolveDram({ preset, addressMap, timing: { [name]: shorter } }, "test"),
            pattern,
          );
          expect(after.share).toBeGreaterThanOrEqual(before.share - 1e-12);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is never slower with twice the channels", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PRESETS),
        Maps,
        Patterns,
        fc.constantFrom(1, 2, 4, 8),
        (preset, addressMap, pattern, channels) => {
          const reached = (count: number) =>
            effectiveBandwidth(resolveDram({ preset, addressMap, channels: count }, "test"), pattern).bytesPerSecond;
          expect(reached(2 * channels)).toBeGreaterThanOrEqual(reached(channels) * (1 - 1e-12));
        },
      ),
      { numRuns: 300 },
    );
  });
});

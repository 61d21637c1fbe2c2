import { readFileSync } from "node:fs";
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, it } from "vitest";
import { resolveDram } from "../../../../src/sim/memory/dram/device.ts";
import { DRAM_PRESETS } from "../../../../src/sim/memory/dram/presets.ts";
import { simulateRequests } from "../../../../src/sim/memory/dram/requests.ts";

const PRESETS = Object.keys(DRAM_PRESETS);
const ROW_ABOVE = "rorabachbgco";

describe.each(PRESETS)("%s unloaded", (preset) => {
  // Rows lie whole in a bank, so that addresses are easy to choose; requests come long after each other.
  const device = resolveDram({ preset, addressMap: ROW_ABOVE, timing: { tREFI: 1_000_000 } }, "test");
  const { CL, CWL, tRCD, tRP } = device.timing;
  const BL = device.burstCycles;
  const rowStride = device.capacityBytes / device.fieldSizes.ro;
  const run = (addresses: number[], writes: number[]) =>
    simulateRequests(device, Float64Array.from(addresses), Uint8Array.from(writes), {
      arrivals: Float64Array.from(addresses, (_, index) => index * 1000),
      latencies: true,
    });

  it("takes tRCD + CL + BL from a closed row, CL + BL from the open one, tRP more from another one", () => {
    const { latencies, hits, misses, conflicts } = run([0, device.burstBytes, rowStride], [0, 0, 0]);
    expect([...(latencies ?? [])]).toEqual([tRCD + CL + BL, CL + BL, tRP + tRCD + CL + BL]);
    expect({ hits, misses, conflicts }).toEqual({ hits: 1, misses: 1, conflicts: 1 });
  });

  it("takes CWL in place of CL to write", () => {
    const { latencies } = run([0, device.burstBytes, rowStride], [1, 1, 1]);
    expect([...(latencies ?? [])]).toEqual([tRCD + CWL + BL, CWL + BL, tRP + tRCD + CWL + BL]);
  });

  it("streams within 2 % of the peak less refresh under the default map", () => {
    const count = 60_000;
    const stream = resolveDram({ preset }, "test");
    const addresses = Float64Array.from({ length: count }, (_, index) => index * stream.burstBytes);
    const { bytesPerSecond } = simulateRequests(stream, addresses, new Uint8Array(count));
    const bound = stream.peakBytesPerSecond * (1 - stream.timing.tRFC / stream.timing.tREFI);
    expect(Math.abs(bytesPerSecond / bound - 1)).toBeLessThan(0.02);
  });
});

it("a batch of writes starts when 32 of them wait, whenever reads come", () => {
  const device = resolveDram({ preset: "DDR4-3200", addressMap: ROW_ABOVE, timing: { tREFI: 1_000_000 } }, "test");
  const [writes, reads, LATER] = [32, 32, 5000];
  const bank = device.fieldSizes.co * device.burstBytes;
  const addresses = Float64Array.from({ length: writes + reads }, (_, index) => index * device.burstBytes);
  for (let read = 0; read < reads; read++) addresses[writes + read] = bank + read * device.burstBytes;
  const isWrite = Uint8Array.from(addresses, (_, index) => (index < writes ? 1 : 0));
  // All but the last read are there with the writes.
  const arrivals = Float64Array.from(addresses, (_, index) => (index === addresses.length - 1 ? LATER : 0));
  const { latencies } = simulateRequests(device, addresses, isWrite, { arrivals, latencies: true });
  const ofWrites = (latencies ?? []).slice(0, writes);
  expect(Math.max(...ofWrites)).toBeLessThan(Math.min(...(latencies ?? []).slice(writes, -1)));
});

describe("bandwidth of DRAMsim3", () => {
  const { cases, source } = JSON.parse(readFileSync("test/golden/dram-bandwidth.json", "utf8"));
  const BURST = 64;
  const count = 60_000;
  const none = new Uint8Array(count);
  const chunks = (bytes: number, capacityBytes: number) => {
    const random = seedrandom("dram chunks");
    const perChunk = bytes / BURST;
    let start = 0;
    return Float64Array.from({ length: count }, (_, index) => {
      if (index % perChunk === 0) start = Math.floor((random() * capacityBytes) / bytes) * bytes;
      return start + (index % perChunk) * BURST;
    });
  };
  const everyThird = Uint8Array.from({ length: count }, (_, index) => (index % 3 === 2 ? 1 : 0));
  /** Reads in one stream and writes in another one, in a region of its own. */
  const twoStreams = Float64Array.from({ length: count }, (_, index) =>
    index % 3 === 2 ? 2 ** 30 + Math.floor(index / 3) * BURST : (index - Math.floor(index / 3)) * BURST,
  );
  const TOLERANCE = 0.1;

  for (const { dram, ...golden } of cases) {
    const device = resolveDram(dram, "test");
    const lists: Record<string, readonly [Float64Array, Uint8Array]> = {
      sequential: [Float64Array.from({ length: count }, (_, index) => index * BURST), none],
      chunks1024: [chunks(1024, device.capacityBytes), none],
      chunks256: [chunks(256, device.capacityBytes), none],
      random: [chunks(BURST, device.capacityBytes), none],
      twoToOne: [twoStreams, everyThird],
    };
    for (const [pattern, [addresses, writes]] of Object.entries(lists)) {
      it(`is met within 10 % by ${dram.preset}, ${pattern} (${source})`, () => {
        const { bytesPerSecond } = simulateRequests(device, addresses, writes);
        expect(Math.abs(bytesPerSecond / 1e9 / golden[pattern] - 1)).toBeLessThan(TOLERANCE);
      });
    }
  }
});

describe("any list of requests", () => {
  const Lists = fc.record({
    preset: fc.constantFrom(...PRESETS),
    addressMap: fc.constantFrom("rorabacochbg", "rochrababgco", "corobgrabach"),
    requests: fc.array(fc.record({ address: fc.nat(1e6), write: fc.boolean() }), { minLength: 1, maxLength: 300 }),
  });

  it("is served whole, with every cycle of every bus given to data or to a cause", () => {
    fc.assert(
      fc.property(Lists, ({ preset, addressMap, requests }) => {
        const device = resolveDram({ preset, addressMap }, "test");
        const addresses = Float64Array.from(requests, ({ address }) => address * 64);
        const result = simulateRequests(
          device,
          addresses,
          Uint8Array.from(requests, ({ write }) => (write ? 1 : 0)),
          { latencies: true },
        );
        const total = requests.length;
        const stalled = Object.values(result.stalls);
        expect(result.busy).toBe(total * device.burstCycles);
        expect(stalled.reduce((sum, cycles) => sum + cycles, result.busy)).toBe(result.cycles * device.channels);
        expect(Math.min(...stalled)).toBeGreaterThanOrEqual(0);
        expect(result.hits + result.misses + result.conflicts).toBe(total);
        expect(result.activations).toBe(result.misses + result.conflicts);
        expect(result.reads + result.writes).toBe(total);
        const least = device.burstCycles + Math.min(device.timing.CL, device.timing.CWL);
        expect(Math.min(...(result.latencies ?? []))).toBeGreaterThanOrEqual(least);
      }),
      { numRuns: 150 },
    );
  });

  it("is refused where the lists differ in length", () => {
    const device = resolveDram({ preset: "HBM2" }, "test");
    expect(() => simulateRequests(device, new Float64Array(2), new Uint8Array(3))).toThrow(
      "differ in length, got 2, 3, 2",
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ADDRESS_FIELDS,
  type AddressField,
  burstFields,
  type FieldSizes,
  parseAddressMap,
} from "../../../../src/sim/memory/dram/address-map.ts";
import { resolveDram } from "../../../../src/sim/memory/dram/device.ts";
import { DRAM_PRESETS } from "../../../../src/sim/memory/dram/presets.ts";
import { DRAM_TRACE_FORMATS } from "../../../../src/sim/memory/dram/traces.ts";

function decoded(order: readonly AddressField[], sizes: FieldSizes, burst: number) {
  const fields = burstFields(order, sizes);
  return Object.fromEntries(ADDRESS_FIELDS.map((name) => [name, fields[name].of(burst)]));
}

describe("an address map", () => {
  it("gives every burst a place of its own", () => {
    const Maps = fc.record({
      order: fc.shuffledSubarray([...ADDRESS_FIELDS], { minLength: 6 }),
      sizes: fc.record({
        ro: fc.integer({ min: 1, max: 4 }),
        ra: fc.integer({ min: 1, max: 3 }),
        ba: fc.integer({ min: 1, max: 4 }),
        bg: fc.integer({ min: 1, max: 4 }),
        ch: fc.integer({ min: 1, max: 5 }),
        co: fc.integer({ min: 1, max: 4 }),
      }),
    });
    fc.assert(
      fc.property(Maps, ({ order, sizes }) => {
        const places = Object.values(sizes).reduce((product, size) => product * size, 1);
        const parsed = parseAddressMap(order.join(""), "map");
        const seen = new Set<string>();
        for (let burst = 0; burst < places; burst++) {
          const fields = decoded(parsed, sizes, burst);
          if (ADDRESS_FIELDS.every((field) => fields[field] < sizes[field])) {
            seen.add(ADDRESS_FIELDS.map((field) => fields[field]).join());
          }
        }
        expect(seen.size).toBe(places);
      }),
      { numRuns: 50 },
    );
  });

  it("names fields from the most to the least significant", () => {
    const sizes = { ro: 4, ra: 2, ba: 4, bg: 4, ch: 2, co: 8 };
    const order = parseAddressMap("rochrabacobg", "map");
    expect(decoded(order, sizes, 3)).toEqual({ ro: 0, ch: 0, ra: 0, ba: 0, co: 0, bg: 3 });
    expect(decoded(order, sizes, 4)).toEqual({ ro: 0, ch: 0, ra: 0, ba: 0, co: 1, bg: 0 });
    expect(decoded(order, sizes, 4 * 8 * 4 * 2 * 2)).toEqual({ ro: 1, ch: 0, ra: 0, ba: 0, co: 0, bg: 0 });
  });

  it("splits numbers beyond 32 bits as smaller ones", () => {
    const sizes = { ro: 2 ** 16, ra: 2, ba: 4, bg: 4, ch: 2, co: 2 ** 12 };
    const order = parseAddressMap("rochrabacobg", "map");
    const last = 2 ** 16 * 2 * 4 * 4 * 2 * 2 ** 12 - 1;
    expect(decoded(order, sizes, last)).toEqual({ ro: 2 ** 16 - 1, ch: 1, ra: 1, ba: 3, co: 2 ** 12 - 1, bg: 3 });
    expect(decoded(order, sizes, last + 6)).toEqual({ ro: 0, ch: 0, ra: 0, ba: 0, co: 1, bg: 1 });
  });
});

describe("a configuration", () => {
  it.each([
    [{ preset: "HBM3" }, 'hw.json: dram.preset: unknown value, got "HBM3"; did you mean "HBM2"?'],
    [{ preset: "HBM2", channel: 4 }, 'hw.json: dram: unknown key, got "channel"; did you mean "channels"?'],
    [{ preset: "HBM2", channels: 0 }, "hw.json: dram.channels: must be >= 1, got 0"],
    [
      { preset: "HBM2", addressMap: "rorababgcoco" },
      'hw.json: dram.addressMap: must hold each of ro, ra, ba, bg, ch, co once, got "rorababgcoco"',
    ],
    [{ preset: "HBM2", addressMap: "rorabachbgcoco" }, "hw.json: dram.addressMap: must hold each"],
    [{ preset: "HBM2", timing: { tRFC: 4000 } }, "hw.json: dram.timing.tRFC: must be less than tREFI 3900, got 4000"],
    [{ preset: "HBM2", timing: { tCAS: 4 } }, 'hw.json: dram.timing: unknown key, got "tCAS"'],
  ])("that is wrong names the field and what is valid: %j", (config, message) => {
    expect(() => resolveDram(config, "hw.json")).toThrow(message);
  });

  it.each([
    ["DDR4-3200", 25.6e9],
    ["LPDDR4-3200", 51.2e9],
    ["HBM2", 256e9],
    ["HBM2e", 409.6e9],
  ])("%s has its published peak", (preset, peak) => {
    expect(resolveDram({ preset }, "test").peakBytesPerSecond).toBeCloseTo(peak, -3);
  });

  it("replaces single timings and counts", () => {
    const device = resolveDram({ preset: "DDR4-3200", channels: 3, timing: { CL: 20 } }, "test");
    expect(device.timing).toEqual({ ...DRAM_PRESETS["DDR4-3200"].timing, CL: 20 });
    expect(device.peakBytesPerSecond).toBeCloseTo(3 * 25.6e9, -3);
  });
});

describe("a list of requests for another simulator", () => {
  const list = { addresses: Float64Array.of(0, 64, 2 ** 33), writes: Uint8Array.of(0, 1, 0) };
  it("is DRAMsim3's address, command and cycle", () => {
    expect(DRAM_TRACE_FORMATS.dramsim3(list)).toBe("0x0 READ 0\n0x40 WRITE 0\n0x200000000 READ 0\n");
  });
  it("is Ramulator 2's loads and stores", () => {
    expect(DRAM_TRACE_FORMATS.ramulator2(list)).toBe("LD 0x0\nST 0x40\nLD 0x200000000\n");
  });
});

import { describe, expect, it } from "vitest";
import { loadEnergyTable } from "../../../../src/api/open.ts";
import { resolveDram } from "../../../../src/sim/memory/dram/device.ts";
import { dramCharges } from "../../../../src/sim/memory/dram/energy.ts";
import { DRAM_PRESETS, type DramPresetName } from "../../../../src/sim/memory/dram/presets.ts";

const table = await loadEnergyTable();
const priceOf = (preset: DramPresetName, what: "activate" | "bit" | "background") =>
  table.constant(`dram.${preset}.${what}`).picojoules({});

describe("the energy of a memory", () => {
  it("is activations, bits and the time of all channels", () => {
    const done = { activations: 5, bits: 700, seconds: 2 };
    const charges = dramCharges(resolveDram({ preset: "HBM2", channels: 3 }, "test"));
    expect(charges.map(({ component, action, count }) => [component, action, count(done)])).toEqual([
      ["dram activate", "dram.HBM2.activate", 5],
      ["dram transfer", "dram.HBM2.bit", 700],
      ["dram background", "dram.HBM2.background", 6],
    ]);
    expect(dramCharges(null).map(({ action, count }) => [action, count(done)])).toEqual([["dram.bit", 700]]);
  });

  // Accelergy's cacti_wrapper.py.
  it.each([
    ["LPDDR4-3200", 8],
    ["HBM2", 3.9],
  ] as const)("of a stream on %s is what Accelergy charges for a bit, without background", (preset, expected) => {
    const perBit = priceOf(preset, "bit") + priceOf(preset, "activate") / (DRAM_PRESETS[preset].rowBytes * 8);
    expect(perBit).toBeCloseTo(expected, 12);
  });

  // Supply voltage × IDD3N of DRAMsim3's configurations, × devices and ranks.
  it.each([
    ["DDR4-3200", 2 * 8 * 1.2 * 0.052],
    ["HBM2", 1.2 * 0.055],
    ["HBM2e", (1.2 * 0.055) / 2],
  ] as const)("of the standing banks of %s is their current times their voltage", (preset, watts) => {
    expect(priceOf(preset, "background") / 1e12).toBeCloseTo(watts, 12);
  });
});

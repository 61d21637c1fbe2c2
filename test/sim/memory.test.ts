import { describe, expect, it } from "vitest";
import type { MemoryNumbers } from "../../src/sim/machine.ts";
import { offChipBytes, storedBytes, transferCycles } from "../../src/sim/memory.ts";

const memory = (onChipBytes: number, storage: "dense" | "bitmap"): MemoryNumbers => ({
  onChipBytes,
  bandwidthBytesPerSecond: 1e9,
  storage: { weight: storage, input: storage, outputGrad: storage },
  valueBytes: 2,
  wideBytes: 4,
});

describe("storage of a tensor", () => {
  it("dense takes every value", () => {
    expect(storedBytes({ elements: 1001, nonzeros: 7 }, "dense", 2)).toBe(2002);
  });

  it("bitmap takes the nonzero values and one bit an element, in whole bytes", () => {
    expect(storedBytes({ elements: 1001, nonzeros: 100 }, "bitmap", 2)).toBe(200 + 126);
  });

  it("bitmap falls back to dense where the map would cost more than it saves", () => {
    expect(storedBytes({ elements: 1000, nonzeros: 990 }, "bitmap", 2)).toBe(2000);
  });
});

describe("off-chip traffic", () => {
  const sizes = { input: { elements: 1000, nonzeros: 500 }, weight: { elements: 400, nonzeros: 40 } };

  it("is compulsory where operands and output fit into half of the on-chip memory", () => {
    const bytes = offChipBytes("forward", sizes, 600, memory(2 * (2000 + 800 + 1200), "dense"));
    expect(bytes).toEqual({ input: 2000, weight: 800, output: 1200 });
  });

  it("streams one operand again for each chunk of the other where they do not fit, the cheaper way round", () => {
    // Half of the memory is 1,000 bytes: 2 chunks of input would stream 800 bytes of weights twice (3,600 in all);
    // 1 chunk of weights streams the input once (2,800).
    const bytes = offChipBytes("forward", sizes, 600, memory(2000, "dense"));
    expect(bytes).toEqual({ input: 2000, weight: 800, output: 1200 });
    // 500 bytes: 4 chunks of input (2,000 + 4·800) against 2 chunks of weights (2·2,000 + 800).
    expect(offChipBytes("forward", sizes, 600, memory(1000, "dense"))).toEqual({
      input: 4000,
      weight: 800,
      output: 1200,
    });
  });

  it("counts compressed operands and a dense output", () => {
    const bytes = offChipBytes("forward", sizes, 600, memory(1e6, "bitmap"));
    expect(bytes).toEqual({ input: 1000 + 125, weight: 80 + 50, output: 1200 });
  });

  it("takes bytes / bandwidth in cycles of the array, rounded up", () => {
    expect(transferCycles(51_200, 51.2e9, 1e9)).toBe(1000);
    expect(transferCycles(1, 51.2e9, 1e9)).toBe(1);
    expect(transferCycles(0, 51.2e9, 1e9)).toBe(0);
  });
});

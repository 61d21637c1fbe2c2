/** Operations of more than 2³¹ elements are refused by name; more than 2³¹ MACs are counted. */
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { sliceBytes } from "../../../src/core/bit-mask.ts";
import type { ConvGeometry } from "../../../src/core/geometry.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { randomOperation } from "../../../src/sim/conformance/cases.ts";
import { operationFaults } from "../../../src/sim/conformance/operation.ts";
import { namingLayer } from "../../../src/sim/operation/limits.ts";
import { effectualMacs } from "../../../src/sim/operation/mac-counts.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { importScalesim } from "../../../src/trace/import/scalesim.ts";
import { encodeTrace, openTrace } from "../../../src/trace/trace.ts";

const machines = await loadMachines(["ideal-4096", "dadiannao-4096", "systolic-4096", "weight-queue-4096"]);

async function imported(topology: string) {
  const { manifest, masks } = importScalesim(topology, "huge.csv", { batch: 1, network: "net" });
  const trace = await openTrace(memorySource("huge.safetensors", encodeTrace(manifest, masks)));
  return { trace, name: trace.name, sha256: "" };
}

describe("an operation", () => {
  it("with an operand of 100,000 × 30,522 = 3,052,200,000 elements is imported without an array, and refused by name", async () => {
    const trace = await imported("name,M,N,K,\ng,100000,1,30522,\n");
    expect(trace.trace.tensor("g:input").nonzeros).toBe(3_052_200_000);
    await expect(simulate({ traces: [trace], machines })).rejects.toThrow(
      "huge.safetensors: g forward: input: is too large to simulate, got 3052200000 elements [1,30522,100000,1]; valid: at most 2147483647",
    );
  });

  it("with more MACs than can be told apart is refused by name", async () => {
    const trace = await imported("name,M,N,K,\ng,40000,40000,40000,\nh,2000000,2000000,1000,\n");
    await expect(simulate({ traces: [trace], machines })).rejects.toThrow(
      /h forward: has too many MACs to count exactly, got 4000000000000000; valid: at most 1125899906842624/,
    );
  });

  it("that needs an array larger than the runtime has is named", () => {
    const error = namingLayer(new RangeError("Invalid typed array length: 1e12"), "step.safetensors: conv forward");
    expect((error as Error).message).toMatch(/^step.safetensors: conv forward: needs larger arrays/);
    const other = new TypeError("a bug");
    expect(namingLayer(other, "anywhere")).toBe(other);
  });

  it("counts its 256² · 314² MACs exactly, more than 2³² of them", () => {
    const geometry: ConvGeometry = {
      ...{ N: 1, C: 256, H: 64, W: 64, K: 256, R: 5, S: 5, groups: 1 },
      ...{ stride: [1, 1], padding: [2, 2, 2, 2], dilation: [1, 1] },
    };
    const operation = randomOperation("forward", geometry, 1);
    // Of 5 kernel rows on 64 output rows, 1 + 2 + 2 + 1 pairs lie in the padding: 314 along each axis.
    expect(effectualMacs(operation)).toBe(256 * 256 * 314 * 314);
    expect(256 * 256 * 314 * 314).toBeGreaterThan(2 ** 32);
    for (const { name, accelerator, params } of machines) {
      expect(operationFaults(accelerator, params, operation), name).toEqual([]);
    }
  });
});

describe("a topology", () => {
  it("with N:M weights beyond what a mask can hold is refused with its line and layer", () => {
    expect(() =>
      importScalesim("name,M,N,K,Sparsity,\nbig,1,100000,30522,2:4,\n", "huge.csv", { batch: 1, network: "net" }),
    ).toThrow(
      'huge.csv: layer "big": has too many weights for a mask, got 3052200000 with those of the layers before; valid: at most 268435456',
    );
  });
});

it("a mask's slice of more than 2³¹ elements has a byte for each eight of them", () => {
  expect(sliceBytes([1, 30522, 100000, 1])).toBe(381_525_000);
});

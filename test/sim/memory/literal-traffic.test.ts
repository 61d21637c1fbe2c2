import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../../src/kernels/geometry.ts";
import { HELD, type Held, type MemoryLevel } from "../../../src/sim/memory/hierarchy.ts";
import { DIMENSIONS } from "../../../src/sim/memory/loop-nest.ts";
import { operandStorage } from "../../../src/sim/memory/storage.ts";
import { type TilingTask, tilingsOf } from "../../../src/sim/memory/tiling.ts";
import { OPERANDS_OF, PASSES, type Pass } from "../../../src/sim/operation.ts";
import { RESULT_OF, SHAPE_OF } from "../../../src/trace/passes.ts";
import { literalTraffic } from "./literal-traffic.ts";

const DENSE = operandStorage("dense", "");
const VALUE = 2;
const WIDE = 4;

const few = (max: number) => fc.integer({ min: 1, max });
const geometries = fc
  .record({
    ...{ N: few(3), C: few(4), H: few(9), W: few(7), K: few(4), R: few(4), S: few(3), groups: few(3) },
    stride: fc.tuple(few(3), few(3)),
    dilation: fc.tuple(few(3), few(2)),
    padding: fc.tuple(...[2, 3, 2, 1].map((max) => fc.integer({ min: 0, max }))),
  })
  // C and K were those of a group.
  .map(({ C, K, ...rest }) => ({ ...rest, C: C * rest.groups, K: K * rest.groups }) as unknown as ConvGeometry)
  .filter((g) => outputHeight(g) > 0 && outputWidth(g) > 0);

const levels = fc
  .array(
    fc.record({
      size: fc.record({
        ...{ images: few(3), rows: few(6), columns: few(6), groups: few(3), filters: few(4), channels: few(4) },
      }),
      order: fc.shuffledSubarray([...DIMENSIONS], { minLength: 3 }),
      holds: fc.subarray([...HELD], { minLength: 1 }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((some) => some.map(({ size, order, holds }) => ({ tile: size, order, holds: new Set<Held>(holds) })));

const levelOf = ({ tile, order, holds }: { tile: object; order: MemoryLevel["tiling"]; holds: Set<Held> }) =>
  ({
    ...{ name: "buffer", bytes: 1e9, bankBytes: null, holds, bytesPerCycle: 1, readLatency: 0, writeLatency: 0 },
    storage: { weight: DENSE, input: DENSE, outputGrad: DENSE },
    tiling: { ...tile, order },
  }) as unknown as MemoryLevel;

function taskOf(pass: Pass, geometry: ConvGeometry, depth: number): TilingTask {
  const output = RESULT_OF[pass];
  const bytes: Partial<Record<Held, number>> = {};
  for (const name of ["weight", "input", "outputGrad"] as const) {
    const elements = sizeOf(SHAPE_OF[name](geometry));
    bytes[name === output ? "output" : name] = elements * VALUE;
  }
  const partialBytes = ((bytes.output as number) / VALUE) * WIDE;
  return { pass, layer: "conv", geometry, bytes: Array(depth + 1).fill(bytes), partialBytes, resident: new Set() };
}

describe("traffic of fixed tiles", () => {
  it("is that of the loops, run one turn after another, to the byte", () => {
    fc.assert(
      fc.property(geometries, fc.constantFrom(...PASSES), levels, (geometry, pass, some) => {
        const task = taskOf(pass, geometry, some.length);
        const [path] = tilingsOf(
          task,
          some.map((level) => levelOf(level as never)),
          some.map(() => 1e9),
        );
        const kernel = geometry.R * geometry.S;
        literalTraffic(pass, geometry, some).forEach((walked, depth) => {
          const { reads, writes } = path[depth];
          for (const name of OPERANDS_OF[pass]) {
            const bytes = (walked.reads[name] ?? 0) * VALUE * (name === "weight" ? kernel : 1);
            expect(reads[name] ?? 0, `${name} of level ${depth}`).toBe(bytes);
          }
          const each = pass === "weightGrad" ? kernel : 1;
          expect(reads.output ?? 0).toBe(walked.partialReads * WIDE * each);
          expect(writes.output ?? 0).toBe((walked.partialWrites * WIDE + walked.results * VALUE) * each);
        });
      }),
      { numRuns: 500 },
    );
  });
});

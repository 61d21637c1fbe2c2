import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../../../src/core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../../../src/core/passes.ts";
import { MEMORY_OPERANDS, type MemoryLevel, type MemoryOperand } from "../../../../src/sim/memory/hierarchy.ts";
import { operandStorage } from "../../../../src/sim/memory/storage.ts";
import { smallestTile, type TilingTask, tilingsOf } from "../../../../src/sim/memory/tiles/tiling.ts";
import { PASSES } from "../../../../src/sim/operation/operation.ts";

const DENSE = operandStorage("dense", "");

const level = (bytes: number, change: Partial<MemoryLevel> = {}): MemoryLevel => ({
  name: "buffer",
  bytes,
  bankBytes: null,
  holds: new Set(MEMORY_OPERANDS),
  bytesPerCycle: Number.POSITIVE_INFINITY,
  readLatency: 0,
  writeLatency: 0,
  storage: { weight: DENSE, input: DENSE, outputGrad: DENSE },
  tiling: null,
  ...change,
});

/** Kernels of one element, so that tiles do not overlap; what moves in general is in literal-traffic.test.ts. */
const shapes = fc.record({
  N: fc.integer({ min: 1, max: 4 }),
  C: fc.integer({ min: 1, max: 9 }),
  H: fc.integer({ min: 1, max: 7 }),
  W: fc.integer({ min: 1, max: 7 }),
  K: fc.integer({ min: 1, max: 9 }),
  groups: fc.integer({ min: 1, max: 4 }),
});
type Extents = Pick<ConvGeometry, "N" | "C" | "H" | "W" | "K"> & { readonly groups?: number };
/** C and K are those of a group. */
const pointwise = ({ groups = 1, ...extents }: Extents): ConvGeometry => ({
  ...extents,
  C: groups * extents.C,
  K: groups * extents.K,
  R: 1,
  S: 1,
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups,
});

const VALUE = 2;
const WIDE = 4;

function taskOf(pass: TilingTask["pass"], geometry: ConvGeometry): TilingTask {
  const bytes: Partial<Record<MemoryOperand, number>> = {};
  const output = RESULT_OF[pass];
  for (const name of ["weight", "input", "outputGrad"] as const) {
    bytes[name === output ? "output" : name] = sizeOf(SHAPE_OF[name](geometry)) * VALUE;
  }
  const partialBytes = ((bytes.output as number) / VALUE) * WIDE;
  return { pass, layer: "conv", geometry, bytes: [bytes, bytes, bytes], partialBytes, resident: new Set() };
}

describe("tiles", () => {
  it("fit twice into what a level has for them, and never move less than every tensor once", () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom(...PASSES), fc.integer({ min: 64, max: 4000 }), (extents, pass, room) => {
        const geometry = {
          ...pointwise(extents),
          R: 3,
          S: 3,
          padding: [1, 1, 1, 1] as const,
        } as unknown as ConvGeometry;
        const task = taskOf(pass, geometry);
        const paths = tilingsOf(task, [level(2 * room)], [room]);
        for (const [{ reads, writes, edgeBytes }] of paths) {
          expect(Object.values(edgeBytes).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(room);
          for (const [name, bytes] of Object.entries(task.bytes[0]) as [MemoryOperand, number][]) {
            expect((name === "output" ? writes[name] : reads[name]) ?? 0).toBeGreaterThanOrEqual(bytes);
          }
        }
      }),
    );
  });

  it("with a halo read the rows that tiles share again", () => {
    // 8 rows in tiles of 2 with a kernel of 3 rows: inputs of 4 rows each, all within the image, which has 10.
    const geometry = { ...pointwise({ N: 1, C: 1, H: 10, W: 1, K: 1 }), R: 3 };
    expect([outputHeight(geometry), outputWidth(geometry)]).toEqual([8, 1]);
    const [[{ reads }]] = tilingsOf(taskOf("forward", geometry), [level(1e6, { tiling: { rows: 2 } })], [1e6]);
    expect(reads.input).toBe(4 * 4 * VALUE);
    const [[{ writes }]] = tilingsOf(taskOf("forward", geometry), [level(1e6)], [1e6]);
    expect(writes.output).toBe(8 * VALUE);
  });

  it("of the tensors that a level does not hold pass it by", () => {
    const task = taskOf("forward", pointwise({ N: 2, C: 4, H: 4, W: 4, K: 4 }));
    const [[outer, inner]] = tilingsOf(
      task,
      [level(1e6), level(1e6, { name: "weights", holds: new Set(["weight"]) })],
      [1e6, 1e6],
    );
    expect(Object.keys(outer.reads).sort()).toEqual(["input", "output", "weight"]);
    expect(Object.keys(inner.reads)).toEqual(["weight"]);
  });

  it("come in the format outside and are kept in the format of the level", () => {
    const task = taskOf("forward", pointwise({ N: 2, C: 4, H: 4, W: 4, K: 4 }));
    const [dram] = task.bytes;
    const wider = { ...dram, weight: 3 * (dram.weight as number) };
    const [[outer, inner]] = tilingsOf({ ...task, bytes: [dram, wider, dram] }, [level(1e6), level(1e6)], [1e6, 1e6]);
    expect([outer.reads.weight, inner.reads.weight]).toEqual([dram.weight, wider.weight]);
  });

  it.each([
    ["depthwise, with room for all 64 groups", { C: 1, K: 1, groups: 64 }, 40_000],
    ["depthwise, with room for 32 groups", { C: 1, K: 1, groups: 64 }, 18_000],
    ["of 4 groups, with room for all", { C: 32, K: 32, groups: 4 }, 300_000],
    ["of 4 groups, with room for one", { C: 32, K: 32, groups: 4 }, 54_000],
  ])("of a convolution %s move every tensor once: groups share nothing", (_, extents, bytes) => {
    const geometry = {
      ...pointwise({ N: 1, H: 8, W: 8, ...extents }),
      ...{ R: 3, S: 3, padding: [1, 1, 1, 1] as const },
    };
    const task = taskOf("forward", geometry);
    const [dram] = task.bytes;
    const moved = tilingsOf(task, [level(bytes)], [bytes / 2]).map(([{ reads, writes }]) => {
      const { output: again, ...operands } = reads;
      return { ...operands, again, output: writes.output };
    });
    expect(moved).toContainEqual({ ...dram, again: 0 });
  });

  it("span whole groups where one is little", () => {
    const task = taskOf("forward", pointwise({ N: 1, C: 4, H: 2, W: 2, K: 4, groups: 8 }));
    const sizes = tilingsOf(task, [level(1e6)], [1e6]).map(([{ tile }]) => tile);
    expect(sizes).toContainEqual({ images: 1, rows: 2, columns: 2, groups: 8, filters: 4, channels: 4 });
    for (const { groups, filters, channels } of sizes) if (filters * channels < 16) expect(groups).toBe(1);
  });

  it("fit wherever a level has room for the smallest, and nowhere else", () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom(...PASSES), fc.boolean(), (extents, pass, isFixed) => {
        const { bytes, ...task } = taskOf(pass, pointwise(extents));
        const one = level(1e6, isFixed ? { tiling: { images: 2, filters: 3 } } : {});
        const room = smallestTile({ ...task, operands: bytes[0] }, one);
        expect(tilingsOf({ ...task, bytes }, [one], [room]).length).toBeGreaterThan(0);
        // Sums that are never unfinished take less.
        const least = room * (VALUE / WIDE) - 1e-9;
        expect(tilingsOf({ ...task, bytes }, [one], [least])).toEqual([]);
      }),
    );
  });
});

/** Random passes over random fixed tiles: their traffic must be that of the literal walk over the loops, to the byte. */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { type BitMask, countOnes, maskOfNonzeros } from "../../../src/core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../../src/core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../../src/core/passes.ts";
import { MEMORY_OPERANDS, type MemoryLevel, type MemoryOperand } from "../../../src/sim/memory/hierarchy.ts";
import { operandStorage } from "../../../src/sim/memory/storage.ts";
import { DIMENSIONS } from "../../../src/sim/memory/tiles/loop-nest.ts";
import { withOwnNonzeros } from "../../../src/sim/memory/tiles/own-nonzeros.ts";
import { type TilingTask, tilingsOf } from "../../../src/sim/memory/tiles/tiling.ts";
import { OPERANDS_OF, type Operand, PASSES, type Pass } from "../../../src/sim/operation/operation.ts";
import { type LiteralLevel, literalTraffic } from "../memory/tiles/literal-traffic.ts";

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
      holds: fc.subarray([...MEMORY_OPERANDS], { minLength: 1 }),
    }),
    { minLength: 1, maxLength: 3 },
  )
  .map((some) => some.map(({ size, order, holds }) => ({ tile: size, order, holds: new Set<MemoryOperand>(holds) })));

const levelOf = ({ tile, order, holds }: LiteralLevel): MemoryLevel => ({
  ...{ name: "buffer", bytes: 1e9, bankBytes: null, holds, bytesPerCycle: 1, readLatency: 0, writeLatency: 0 },
  storage: { weight: DENSE, input: DENSE, outputGrad: DENSE },
  tiling: { ...tile, order: [...order] },
});
const roomFor = (some: readonly LiteralLevel[]) => some.map(() => 1e9);

type Masks = Readonly<Record<Operand, BitMask>>;
/** Random masks, mostly sparse. */
function masksOf(geometry: ConvGeometry, seed: number): Masks {
  const random = seedrandom(String(seed));
  const maskOf = (operand: Operand) => {
    const shape = SHAPE_OF[operand](geometry);
    const density = random() ** 2;
    return maskOfNonzeros(
      Uint8Array.from({ length: sizeOf(shape) }, () => Number(random() < density)),
      shape,
    );
  };
  return { weight: maskOf("weight"), input: maskOf("input"), outputGrad: maskOf("outputGrad") };
}

/** Bytes of an operand as docs/memory.md stores a bitmap, and of its index. */
function bitmapOf(mask: BitMask): { readonly bytes: number; readonly index: number } {
  const elements = sizeOf(mask.shape);
  const index = Math.ceil(elements / 8);
  return { bytes: VALUE * countOnes(mask) + index, index };
}

function taskOf(
  pass: Pass,
  geometry: ConvGeometry,
  operandBytes: (name: Operand) => number,
  depth: number,
): TilingTask {
  const bytes: Partial<Record<MemoryOperand, number>> = { output: sizeOf(SHAPE_OF[RESULT_OF[pass]](geometry)) * VALUE };
  for (const name of OPERANDS_OF[pass]) bytes[name] = operandBytes(name);
  const partialBytes = ((bytes.output as number) / VALUE) * WIDE;
  return { pass, layer: "conv", geometry, bytes: Array(depth + 1).fill(bytes), partialBytes, resident: new Set() };
}

/** A pass, tiles of each level, and what masks are drawn from. */
export const tileCases = fc.record({
  geometry: geometries,
  pass: fc.constantFrom(...PASSES),
  levels,
  seed: fc.integer(),
});
type TileCase = typeof tileCases extends fc.Arbitrary<infer Case> ? Case : never;

function unequal(what: string, depth: number, actual: number | undefined, expected: number): string[] {
  return (actual ?? 0) === expected ? [] : [`${what} of level ${depth}: expected ${expected}, got ${actual ?? 0}`];
}

/** Faults of dense operands and outputs. */
export function denseTileFaults({ geometry, pass, levels: some, seed }: TileCase): string[] {
  const task = taskOf(pass, geometry, (name) => sizeOf(SHAPE_OF[name](geometry)) * VALUE, some.length);
  const [path] = tilingsOf(task, some.map(levelOf), roomFor(some));
  const kernel = geometry.R * geometry.S;
  return literalTraffic(pass, geometry, some, masksOf(geometry, seed)).flatMap((walked, depth) => {
    const { reads, writes } = path[depth];
    const operands = OPERANDS_OF[pass].flatMap((name) => {
      const bytes = (walked.reads[name] ?? 0) * VALUE * (name === "weight" ? kernel : 1);
      return unequal(name, depth, reads[name], bytes);
    });
    const each = pass === "weightGrad" ? kernel : 1;
    const written = (walked.partialWrites * WIDE + walked.results * VALUE) * each;
    return [
      ...operands,
      ...unequal("output read", depth, reads.output, walked.partialReads * WIDE * each),
      ...unequal("output written", depth, writes.output, written),
    ];
  });
}

/** Faults of bitmaps: their own nonzeros and a share of the index, and dense where that is no larger. */
export function bitmapTileFaults({ geometry, pass, levels: some, seed }: TileCase): string[] {
  const masks = masksOf(geometry, seed);
  const denseBytes = (name: Operand) => sizeOf(masks[name].shape) * VALUE;
  const isBitmap = (name: Operand) => bitmapOf(masks[name]).bytes < denseBytes(name);
  const bytesOf = (name: Operand) => (isBitmap(name) ? bitmapOf(masks[name]).bytes : denseBytes(name));
  const task = { ...taskOf(pass, geometry, bytesOf, some.length), bitmaps: Array(some.length + 1).fill(masks) };
  const walkedLevels = some.map(levelOf);
  const [path] = tilingsOf(task, walkedLevels, roomFor(some));
  const own = withOwnNonzeros(task, { levels: walkedLevels, valueBytes: VALUE }, path);
  return literalTraffic(pass, geometry, some, masks).flatMap((walked, depth) => {
    const { reads, edgeBytes, means } = own[depth];
    const operands = OPERANDS_OF[pass].flatMap((name) => {
      const read = (walked.reads[name] ?? 0) * (name === "weight" ? geometry.R * geometry.S : 1);
      const index = Math.ceil((read * bitmapOf(masks[name]).index) / sizeOf(masks[name].shape));
      const bytes = isBitmap(name) ? VALUE * (walked.nonzeros[name] ?? 0) + index : VALUE * read;
      const edge = edgeBytes[name] ?? 0;
      return [
        ...unequal(name, depth, reads[name], bytes),
        ...(edge > bytes ? [`first tile of ${name} of level ${depth}: ${edge} bytes of ${bytes}`] : []),
      ];
    });
    return [...operands, ...means.map((name) => `${name} of level ${depth} is a mean`)];
  });
}

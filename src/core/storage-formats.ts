/**
 * How a sparse tensor is stored: bytes of its values and of the index that says where they belong. Elements are in C order
 * of the shape that they come in (`memory/reading-order.ts` says in which an array reads), cut into chunks that are decoded
 * by themselves; values and index of a chunk each begin on a byte. Without `chunk` the whole tensor is one.
 *
 *     dense         every element
 *     bitmap        nonzeros                                  1 bit an element
 *     run-length    nonzeros and padding zeros                `bits` an entry: the zeros before it
 *     coordinates   nonzeros                                  ⌈log2 chunk⌉ bits a nonzero, a 32-bit end a chunk
 *     n-of-m        n of every m, zeros among them            ⌈log2 m⌉ bits a value, a bit a set of filters
 *
 * n-of-m groups elements along the last dimension, whose last group may be short, and packs a set of filters where all its
 * groups fit; other sets are stored densely.
 * Sources: run lengths and padding zeros as in EIE (Han et al., ISCA 2016) and SCNN (Parashar et al., ISCA 2017);
 * coordinates are CSR whose rows are chunks; n-of-m is the A100's 2:4 format (Mishra et al. 2021).
 */

import { type BitMask, countOnes, forEachOne, sliceSize } from "./bit-mask.ts";
import { sizeOf } from "./geometry.ts";
import { InputError } from "./input/input-error.ts";
import { type Static, Type } from "./input/schema.ts";

const BYTE_BITS = 8;
const POINTER_BYTES = 4;
const MOST_RUN_BITS = 16;

/** Formats without numbers of their own, which a config may give as a word. */
const WORDS = ["dense", "bitmap", "coordinates"] as const;

const strict = { additionalProperties: false };
const chunk = Type.Optional(Type.Integer({ minimum: 1, description: "Elements that are decoded by themselves." }));
const format = <Name extends string>(name: Name) => Type.Literal(name);

const FormatObject = Type.Union([
  Type.Object({ format: format("dense") }, strict),
  Type.Object({ format: format("bitmap"), chunk }, strict),
  Type.Object(
    {
      format: format("run-length"),
      bits: Type.Integer({ minimum: 1, maximum: MOST_RUN_BITS, description: "Bits of a run of zeros." }),
      chunk,
    },
    strict,
  ),
  Type.Object({ format: format("coordinates"), chunk }, strict),
  Type.Object(
    {
      format: format("n-of-m"),
      n: Type.Integer({ minimum: 1 }),
      m: Type.Integer({ minimum: 2 }),
      filters: Type.Integer({
        minimum: 1,
        default: 1,
        description: "Filters that are packed together, or not at all: those that an array holds at a time.",
      }),
    },
    strict,
  ),
]);

type FormatNumbers = Static<typeof FormatObject>;

/** A format in a config: a word, or an object with its numbers. */
export type StorageFormatConfig = (typeof WORDS)[number] | FormatNumbers;

/** Schema of a format; a word and an object have separate branches, so that a fault names what is wrong. */
export const StorageFormatSchema = Type.Unsafe<StorageFormatConfig>({
  if: { type: "string" },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { enum: [...WORDS] },
  else: {
    type: "object",
    discriminator: { propertyName: "format" },
    oneOf: FormatObject.anyOf,
  },
  description: 'How a tensor is stored: "bitmap", or { "format": "run-length", "bits": 4, "chunk": 64 }.',
});

/** What a tensor takes. */
export interface StoredBytes {
  readonly valueBytes: number;
  readonly indexBytes: number;
}

/** A format ready to count. */
export interface StorageFormat {
  /** Bytes of a tensor with this mask and values of `valueBytes`: the length of what an encoder writes. */
  exact(mask: BitMask, valueBytes: number): StoredBytes;
  /**
   * Mean of `exact` over masks of `shape` whose bits are set independently with probability `density`; only the part of a
   * byte that an index leaves empty at the end of a chunk is taken as half a byte less half an entry, on average.
   */
  expected(shape: readonly number[], density: number, valueBytes: number): StoredBytes;
}

/** Bytes in `format`, or dense ones where these are fewer: a tensor that does not compress is not compressed. */
export function atMostDense({ valueBytes, indexBytes }: StoredBytes, denseBytes: number): StoredBytes {
  return valueBytes + indexBytes < denseBytes ? { valueBytes, indexBytes } : { valueBytes: denseBytes, indexBytes: 0 };
}

/** The format that a checked config names. @throws Error that begins with `where` for numbers that do not go together. */
export function storageFormat(config: StorageFormatConfig, where = "storage"): StorageFormat {
  const numbers: FormatNumbers = typeof config === "string" ? { format: config } : config;
  switch (numbers.format) {
    case "dense":
      return dense;
    case "bitmap":
      return bitmap(numbers.chunk);
    case "run-length":
      return runLength(numbers.bits, numbers.chunk);
    case "coordinates":
      return coordinates(numbers.chunk);
    case "n-of-m": {
      const { n, m, filters } = numbers;
      if (n > m) throw new InputError([`${where}: n must be at most m, got ${n} of ${m}`]);
      return nOfM(n, m, filters);
    }
  }
}

const dense: StorageFormat = {
  exact: ({ shape }, valueBytes) => ({ valueBytes: sizeOf(shape) * valueBytes, indexBytes: 0 }),
  expected: (shape, _, valueBytes) => ({ valueBytes: sizeOf(shape) * valueBytes, indexBytes: 0 }),
};

function bitmap(chunkLength?: number): StorageFormat {
  const indexBytes = (elements: number) => sumOverChunks(elements, chunkLength, bytesOfBits);
  return {
    exact: (mask, valueBytes) => ({
      valueBytes: countOnes(mask) * valueBytes,
      indexBytes: indexBytes(sizeOf(mask.shape)),
    }),
    expected: (shape, density, valueBytes) => ({
      valueBytes: sizeOf(shape) * density * valueBytes,
      indexBytes: indexBytes(sizeOf(shape)),
    }),
  };
}

/**
 * An entry is a run of up to 2^bits − 1 zeros and the value behind it, which is a padding zero where the run goes on or
 * the chunk ends, so that entries cover their chunk and need no count.
 */
function runLength(bits: number, chunkLength?: number): StorageFormat {
  const covers = 2 ** bits;
  return entries({
    chunkLength,
    bitsIn: () => bits,
    headBytes: 0,
    covers,
    expectedIn: (length, density) => expectedRuns(length, density, covers),
  });
}

function coordinates(chunkLength?: number): StorageFormat {
  return entries({
    chunkLength,
    bitsIn: (length) => Math.ceil(Math.log2(length)),
    headBytes: POINTER_BYTES,
    covers: Number.POSITIVE_INFINITY,
    expectedIn: (length, density) => length * density,
  });
}

/** Stores exactly n elements of every m, zeros among them, of the sets of `filters` slices that hold no more in any group. */
function nOfM(n: number, m: number, filters: number): StorageFormat {
  const bits = Math.ceil(Math.log2(m));
  /** Bytes where `packed` is the share, or the probability, of each set of slices that is packed. */
  const stored = (shape: readonly number[], valueBytes: number, packed: (set: number, slices: number) => number) => {
    const [slices] = shape;
    const length = shape[shape.length - 1];
    const elements = sliceSize(shape);
    const slots = (elements / Math.max(1, length)) * (Math.floor(length / m) * n + Math.min(n, length % m));
    const sets = Math.ceil(slices / filters);
    const bytes = { valueBytes: 0, indexBytes: bytesOfBits(sets) };
    for (let set = 0; set < sets; set++) {
      const count = Math.min(filters, slices - set * filters);
      const share = packed(set, count);
      bytes.valueBytes += count * (share * slots + (1 - share) * elements) * valueBytes;
      bytes.indexBytes += share * bytesOfBits(count * slots * bits);
    }
    return bytes;
  };
  return {
    exact: (mask, valueBytes) => {
      const { shape } = mask;
      const length = shape[shape.length - 1];
      const size = filters * sliceSize(shape);
      const misfits = new Uint8Array(Math.ceil(shape[0] / filters));
      let [group, held] = [-1, 0];
      forEachOne(mask, (position) => {
        const at = position - ((position % length) % m);
        held = at === group ? held + 1 : 1;
        group = at;
        if (held > n) misfits[Math.floor(position / size)] = 1;
      });
      return stored(shape, valueBytes, (set) => 1 - misfits[set]);
    },
    expected: (shape, density, valueBytes) => {
      const length = shape[shape.length - 1];
      const row = atMost(n, m, density) ** Math.floor(length / m) * atMost(n, length % m, density);
      return stored(shape, valueBytes, (_, slices) => row ** ((slices * sliceSize(shape)) / Math.max(1, length)));
    },
  };
}

/** A format whose chunks are entries of one value and some index bits. */
interface EntryFormat {
  readonly chunkLength: number | undefined;
  /** Index bits of an entry, in chunks of `length`. */
  bitsIn(length: number): number;
  /** What a chunk has besides. */
  readonly headBytes: number;
  /** Elements that an entry covers at most, its value among them. */
  readonly covers: number;
  /** Mean entries of a chunk. */
  expectedIn(length: number, density: number): number;
}

function entries({ chunkLength, bitsIn, headBytes, covers, expectedIn }: EntryFormat): StorageFormat {
  return {
    exact: (mask, valueBytes) => {
      const length = lengthOfChunks(sizeOf(mask.shape), chunkLength);
      const stored = { valueBytes: 0, indexBytes: 0 };
      for (const count of entriesOfChunks(mask, length, covers)) {
        stored.valueBytes += count * valueBytes;
        stored.indexBytes += bytesOfBits(count * bitsIn(length)) + headBytes;
      }
      return stored;
    },
    expected: (shape, density, valueBytes) => {
      const elements = sizeOf(shape);
      const bits = bitsIn(lengthOfChunks(elements, chunkLength));
      const isCertain = density === 0 || density === 1;
      const indexBytes = (length: number) => {
        const indexBits = bits * expectedIn(length, density);
        return headBytes + (isCertain ? bytesOfBits(indexBits) : (indexBits + meanRounding(bits)) / BYTE_BITS);
      };
      return {
        valueBytes: valueBytes * sumOverChunks(elements, chunkLength, (length) => expectedIn(length, density)),
        indexBytes: sumOverChunks(elements, chunkLength, indexBytes),
      };
    },
  };
}

/**
 * Expected entries of a chunk. An entry ends at element j ≥ 1 with probability u(j) = p + (1 − p)^M · u(j − M): at a
 * nonzero, or where an entry ended M elements before and M zeros followed; u(0) = 1, u(j < 0) = 0, and the last element
 * ends one in any case. Between multiples of M, u is constant.
 */
function expectedRuns(length: number, density: number, covers: number): number {
  const zeros = (1 - density) ** covers;
  let count = 1;
  let inside = density;
  let atMultiple = 1;
  for (let begin = 0; begin < length; begin += covers) {
    if (begin > 0) {
      inside = density + zeros * inside;
      atMultiple = density + zeros * atMultiple;
      count += atMultiple;
    }
    count += inside * (Math.min(covers, length - begin) - 1);
  }
  return count;
}

/** P(at most n of m bits are set). */
function atMost(n: number, m: number, density: number): number {
  let sum = 0;
  let choose = 1;
  for (let ones = 0; ones <= Math.min(n, m); ones++) {
    sum += choose * density ** ones * (1 - density) ** (m - ones);
    choose = (choose * (m - ones)) / (ones + 1);
  }
  return sum;
}

/**
 * Entries of each chunk of `length` elements, each covering a one and the zeros before it, `covers` elements at most; what
 * zeros are left at the end of a chunk have entries, too, if `covers` is finite. Chunks run across the slices of a mask.
 */
function entriesOfChunks(mask: BitMask, length: number, covers: number): Uint32Array {
  const elements = sizeOf(mask.shape);
  const counts = new Uint32Array(Math.ceil(elements / length));
  /** Elements of each chunk that entries cover. */
  const covered = new Uint32Array(counts.length);
  forEachOne(mask, (position) => {
    const chunk = Math.floor(position / length);
    const end = (position % length) + 1;
    counts[chunk] += Math.max(1, Math.ceil((end - covered[chunk]) / covers));
    covered[chunk] = end;
  });
  if (covers < Number.POSITIVE_INFINITY) {
    for (let chunk = 0; chunk < counts.length; chunk++) {
      const extent = Math.min(length, elements - chunk * length);
      counts[chunk] += Math.ceil((extent - covered[chunk]) / covers);
    }
  }
  return counts;
}

function lengthOfChunks(elements: number, chunkLength: number | undefined): number {
  return Math.max(1, Math.min(chunkLength ?? elements, elements));
}

function sumOverChunks(elements: number, chunkLength: number | undefined, of: (length: number) => number): number {
  const length = lengthOfChunks(elements, chunkLength);
  const rest = elements % length;
  return Math.floor(elements / length) * of(length) + (rest === 0 ? 0 : of(rest));
}

function bytesOfBits(bits: number): number {
  return Math.ceil(bits / BYTE_BITS);
}

/** Bits that rounding up to a byte adds on average to many entries of `bits`. */
function meanRounding(bits: number): number {
  const step = [8, 4, 2].find((divisor) => bits % divisor === 0) ?? 1;
  return (BYTE_BITS - step) / 2;
}

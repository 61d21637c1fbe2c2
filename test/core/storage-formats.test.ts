/** Bytes of storage formats against plain encoders and decoders, and means over random masks. */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { describe, expect, it } from "vitest";
import { type BitMask, maskOfNonzeros } from "../../src/core/bit-mask.ts";
import { sizeOf } from "../../src/core/geometry.ts";
import {
  atMostDense,
  type StorageFormatConfig,
  StorageFormatSchema,
  storageFormat,
} from "../../src/core/storage-formats.ts";
import { checkSchema } from "../../src/io/faults.ts";
import { type Chunk, encode, formats, literalBytes, type Numbers, nOfMs as nOfM } from "../support/literal-formats.ts";

const numberOf = (bits: readonly number[]) => bits.reduce((sum, bit, i) => sum + bit * 2 ** i, 0);

function decode(chunks: readonly Chunk[], elements: number, format: Numbers): number[] {
  const length = ("chunk" in format ? format.chunk : undefined) ?? Math.max(1, elements);
  const decodeChunk = ({ values, bits }: Chunk, size: number): number[] => {
    const chunk = new Array<number>(size).fill(0);
    const next = [...values];
    switch (format.format) {
      case "dense":
        return values;
      case "bitmap":
        return chunk.map((_, i) => (bits[i] === 1 ? (next.shift() as number) : 0));
      case "coordinates": {
        const width = Math.ceil(Math.log2(Math.min(length, elements)));
        values.forEach((value, i) => {
          chunk[numberOf(bits.slice(i * width, (i + 1) * width))] = value;
        });
        return chunk;
      }
      case "run-length": {
        let at = -1;
        values.forEach((value, i) => {
          at += numberOf(bits.slice(i * format.bits, (i + 1) * format.bits)) + 1;
          chunk[at] = value;
        });
        expect(at).toBe(size - 1);
        return chunk;
      }
    }
  };
  return chunks.flatMap((chunk, index) => decodeChunk(chunk, Math.min(length, elements - index * length)));
}

const shapes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 2, maxLength: 4 });

function drawn(shape: readonly number[], density: number, seed: string): Uint8Array {
  const random = seedrandom(seed);
  return Uint8Array.from({ length: sizeOf(shape) }, () => (random() < density ? 1 + Math.floor(random() * 255) : 0));
}

describe("a stored tensor", () => {
  it("takes exactly the bytes that an encoder writes, from which a decoder gives the tensor back", () => {
    fc.assert(
      fc.property(
        formats,
        shapes,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        (format, shape, density, seed) => {
          const values = drawn(shape, density, String(seed));
          const mask = maskOfNonzeros(values, shape);
          const { exact } = storageFormat(format);
          const chunks = encode([...values], format);
          expect(decode(chunks, values.length, format)).toEqual([...values]);
          expect(exact(mask, 2)).toEqual(literalBytes([...values], shape, format, 2));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("n of m is packed set of filters by set, where every group along the last dimension fits", () => {
    fc.assert(
      fc.property(
        nOfM,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }),
        fc.double({ min: 0, max: 0.6, noNaN: true }),
        fc.nat(),
        (format, shape, density, seed) => {
          const values = drawn(shape, density, String(seed));
          const stored = storageFormat(format).exact(maskOfNonzeros(values, shape), 2);
          expect(stored).toEqual(literalBytes([...values], shape, format, 2));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("takes the bytes of a formula, format by format", () => {
    // 3 slices of 100 elements, every 10th a nonzero.
    const mask: BitMask = maskOfNonzeros(
      Uint8Array.from({ length: 300 }, (_, i) => Number(i % 10 === 9)),
      [3, 100],
    );
    const bytes = (format: StorageFormatConfig) => storageFormat(format).exact(mask, 4);
    expect(bytes("dense")).toEqual({ valueBytes: 1200, indexBytes: 0 });
    expect(bytes("bitmap")).toEqual({ valueBytes: 120, indexBytes: 38 });
    expect(bytes({ format: "bitmap", chunk: 100 })).toEqual({ valueBytes: 120, indexBytes: 3 * 13 });
    expect(bytes({ format: "run-length", bits: 4 })).toEqual({ valueBytes: 120, indexBytes: 15 });
    // Runs of nine zeros are padded twice with three bits' worth of two: 3 + 1, 3 + 1, 1 + 1 elements.
    expect(bytes({ format: "run-length", bits: 2 })).toEqual({ valueBytes: 360, indexBytes: 23 });
    expect(bytes("coordinates")).toEqual({ valueBytes: 120, indexBytes: Math.ceil((30 * 9) / 8) + 4 });
    expect(bytes({ format: "coordinates", chunk: 100 })).toEqual({ valueBytes: 120, indexBytes: 3 * (9 + 4) });
    // 50 slots of 2 bits a slice, and which slices are packed.
    expect(bytes({ format: "n-of-m", n: 2, m: 4, filters: 1 })).toEqual({ valueBytes: 600, indexBytes: 3 * 13 + 1 });
    expect(bytes({ format: "n-of-m", n: 2, m: 4, filters: 2 })).toEqual({ valueBytes: 600, indexBytes: 25 + 13 + 1 });
    expect(bytes({ format: "n-of-m", n: 1, m: 20, filters: 1 })).toEqual({ valueBytes: 1200, indexBytes: 1 });
  });

  it("of no elements takes nothing", () => {
    const formatsOfAll: StorageFormatConfig[] = ["dense", "bitmap", "coordinates", { format: "run-length", bits: 4 }];
    for (const format of formatsOfAll) {
      expect(storageFormat(format).exact({ shape: [0, 5], bytes: new Uint8Array() }, 4)).toEqual(
        storageFormat(format).expected([0, 5], 0.5, 4),
      );
      expect(storageFormat(format).expected([0, 5], 0.5, 4)).toEqual({ valueBytes: 0, indexBytes: 0 });
    }
  });
});

describe("the expected bytes", () => {
  const MASKS = 400;
  const CASES: readonly (readonly [config: StorageFormatConfig, shape: number[], density: number])[] = [
    ["bitmap", [3, 101], 0.1],
    [{ format: "bitmap", chunk: 20 }, [3, 101], 0.6],
    [{ format: "run-length", bits: 8 }, [2, 333], 0.02],
    [{ format: "run-length", bits: 4 }, [4, 128], 0.1],
    [{ format: "run-length", bits: 2, chunk: 64 }, [5, 70], 0.1],
    [{ format: "run-length", bits: 4, chunk: 64 }, [5, 64], 0.5],
    [{ format: "run-length", bits: 1 }, [301], 0.3],
    ["coordinates", [3, 101], 0.25],
    [{ format: "coordinates", chunk: 64 }, [5, 70], 0.25],
    [{ format: "coordinates", chunk: 256 }, [4, 256], 0.05],
    [{ format: "n-of-m", n: 2, m: 4, filters: 1 }, [3, 18], 0.2],
    [{ format: "n-of-m", n: 1, m: 4, filters: 2 }, [3, 2, 7], 0.1],
  ];

  it.each(CASES)("%j of %j at density %d are the mean over random masks", (config, shape, density) => {
    const { exact, expected } = storageFormat(config);
    const samples = Array.from({ length: MASKS }, (_, i) =>
      exact(maskOfNonzeros(drawn(shape, density, `mask ${i}`), shape), 4),
    );
    const mean = expected(shape, density, 4);
    for (const part of ["valueBytes", "indexBytes"] as const) {
      const average = samples.reduce((sum, sample) => sum + sample[part], 0) / MASKS;
      const variance = samples.reduce((sum, sample) => sum + (sample[part] - average) ** 2, 0) / (MASKS - 1);
      // Five standard errors, and what a rounded chunk may be off by.
      expect(Math.abs(mean[part] - average)).toBeLessThanOrEqual(
        5 * Math.sqrt(variance / MASKS) + 0.005 * average + 1e-9,
      );
    }
  });

  it("are exact where the mask is certain", () => {
    fc.assert(
      fc.property(fc.oneof(formats, nOfM), shapes, fc.constantFrom(0, 1), (config, shape, density) => {
        const { exact, expected } = storageFormat(config);
        const mask = maskOfNonzeros(new Uint8Array(sizeOf(shape)).fill(density), shape);
        const [sure, mean] = [exact(mask, 2), expected(shape, density, 2)];
        expect(mean.valueBytes).toBeCloseTo(sure.valueBytes, 9);
        expect(mean.indexBytes).toBeCloseTo(sure.indexBytes, 9);
      }),
    );
  });
});

it("a tensor that does not compress is stored densely", () => {
  expect(atMostDense({ valueBytes: 90, indexBytes: 9 }, 100)).toEqual({ valueBytes: 90, indexBytes: 9 });
  expect(atMostDense({ valueBytes: 90, indexBytes: 10 }, 100)).toEqual({ valueBytes: 100, indexBytes: 0 });
});

describe("a format in a config", () => {
  const WRONG: readonly (readonly [config: unknown, message: string])[] = [
    ["bitmpa", 'storage: unknown value, got "bitmpa"; did you mean "bitmap"? known: dense, bitmap, coordinates'],
    [4, "storage: must be object, got 4"],
    [{ bits: 4 }, 'storage: missing key "format"'],
    [
      { format: "rle" },
      'storage: unknown format, got "rle"; did you mean "dense"? known: dense, bitmap, run-length, coordinates, n-of-m',
    ],
    [{ format: "run-length" }, 'storage: missing key "bits"'],
    [{ format: "run-length", bits: 0 }, "storage: bits: must be >= 1, got 0"],
    [{ format: "bitmap", chunks: 4 }, 'storage: unknown key, got "chunks"; did you mean "chunk"? known: format, chunk'],
  ];
  it.each(WRONG)("%j is refused in words", (config, message) => {
    expect(() => checkSchema(StorageFormatSchema, config, "storage")).toThrow(message);
  });

  it("may be a word or an object", () => {
    for (const config of ["bitmap", { format: "run-length", bits: 4, chunk: 64 }]) {
      expect(checkSchema(StorageFormatSchema, config, "storage")).toEqual(config);
    }
  });

  it("needs numbers that go together", () => {
    expect(() => storageFormat({ format: "n-of-m", n: 5, m: 4, filters: 1 }, "weight")).toThrow(
      "weight: n must be at most m, got 5 of 4",
    );
  });
});

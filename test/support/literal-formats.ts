/** Encoders of the storage formats, written plainly: what they write is as long as the simulator says. */
import fc from "fast-check";
import type { StorageFormatConfig } from "../../src/core/storage-formats.ts";

export type NOfM = Extract<StorageFormatConfig, { format: "n-of-m" }>;
export type Numbers = Exclude<StorageFormatConfig, string | NOfM>;

/** What an encoder writes: values and index bits of each chunk. */
export interface Chunk {
  readonly values: number[];
  readonly bits: number[];
  /** Bytes besides. */
  readonly head: number;
}

const bitsOf = (value: number, width: number) =>
  Array.from({ length: width }, (_, i) => Math.floor(value / 2 ** i) % 2);
const chunksOf = (values: readonly number[], length: number) =>
  Array.from({ length: Math.ceil(values.length / length) }, (_, i) => values.slice(i * length, (i + 1) * length));

/** Chunks of a tensor, each as an encoder writes it. */
export function encode(values: readonly number[], format: Numbers): Chunk[] {
  const length = ("chunk" in format ? format.chunk : undefined) ?? Math.max(1, values.length);
  const nominal = Math.min(length, values.length);
  const encodeChunk = (chunk: number[]): Chunk => {
    const stored: number[] = [];
    const bits: number[] = [];
    switch (format.format) {
      case "dense":
        return { values: chunk, bits, head: 0 };
      case "bitmap":
        return {
          values: chunk.filter((value) => value !== 0),
          bits: chunk.map((value) => Number(value !== 0)),
          head: 0,
        };
      case "coordinates":
        chunk.forEach((value, i) => {
          if (value === 0) return;
          stored.push(value);
          bits.push(...bitsOf(i, Math.ceil(Math.log2(nominal))));
        });
        return { values: stored, bits, head: 4 };
      case "run-length": {
        let run = 0;
        chunk.forEach((value, i) => {
          if (value !== 0 || run === 2 ** format.bits - 1 || i === chunk.length - 1) {
            stored.push(value);
            bits.push(...bitsOf(run, format.bits));
            run = 0;
          } else run++;
        });
        return { values: stored, bits, head: 0 };
      }
    }
  };
  return chunksOf(values, length).map(encodeChunk);
}

/** Bytes that an encoder writes for the elements of a tensor of `shape`. */
export function literalBytes(
  values: readonly number[],
  shape: readonly number[],
  format: Numbers | NOfM,
  valueBytes: number,
): { valueBytes: number; indexBytes: number } {
  return format.format === "n-of-m"
    ? packedBytes(values, shape, format, valueBytes)
    : lengthOf(encode(values, format), valueBytes);
}

/** Sets of filters whose groups all fit take n slots a group; others are dense. */
function packedBytes(values: readonly number[], shape: readonly number[], { n, m, filters }: NOfM, valueBytes: number) {
  const bytes = { valueBytes: 0, indexBytes: Math.ceil(Math.ceil(shape[0] / filters) / 8) };
  for (const set of chunksOf(values, (filters * values.length) / shape[0])) {
    const groups = chunksOf(set, shape[shape.length - 1]).flatMap((row) => chunksOf(row, m));
    const fits = groups.every((group) => group.filter((value) => value !== 0).length <= n);
    const slots = groups.reduce((sum, group) => sum + Math.min(n, group.length), 0);
    bytes.valueBytes += valueBytes * (fits ? slots : set.length);
    bytes.indexBytes += fits ? Math.ceil((slots * Math.ceil(Math.log2(m))) / 8) : 0;
  }
  return bytes;
}

function lengthOf(chunks: readonly Chunk[], valueBytes: number): { valueBytes: number; indexBytes: number } {
  return chunks.reduce(
    (sum, { values, bits, head }) => ({
      valueBytes: sum.valueBytes + values.length * valueBytes,
      indexBytes: sum.indexBytes + Math.ceil(bits.length / 8) + head,
    }),
    { valueBytes: 0, indexBytes: 0 },
  );
}

const chunk = fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined });
const withChunk = (length: number | undefined) => (length === undefined ? {} : { chunk: length });
/** Formats of chunks. */
export const formats: fc.Arbitrary<Numbers> = fc.oneof(
  fc.constant<Numbers>({ format: "dense" }),
  chunk.map((length): Numbers => ({ format: "bitmap", ...withChunk(length) })),
  chunk.map((length): Numbers => ({ format: "coordinates", ...withChunk(length) })),
  fc
    .tuple(fc.integer({ min: 1, max: 6 }), chunk)
    .map(([bits, length]): Numbers => ({ format: "run-length", bits, ...withChunk(length) })),
);
/** n of every m. */
export const nOfMs = fc
  .tuple(fc.integer({ min: 2, max: 8 }), fc.nat(), fc.integer({ min: 1, max: 4 }))
  .map(([m, n, filters]): NOfM => ({ format: "n-of-m", m, n: (n % m) + 1, filters }));

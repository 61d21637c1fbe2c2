/**
 * A small trace built by hand, as a user of NumPy would from the published contract alone: nothing here comes from the
 * program but types. One 2×2 convolution, N = 2, [3, 3, 3] → [2, 2, 2], in all three passes, and a ReLU.
 */
import type { MacOp, Multiplication, TraceManifest, UncheckedMacOp } from "../../src/trace/manifest.ts";

/** Elements of one row, 0 or 1, row by row. */
type Bits = readonly (readonly number[])[];

/** A tensor of the file; `offsets` only where they are to be wrong. */
interface Stored {
  dtype: string;
  shape: number[];
  bytes: number[];
  offsets?: [number, number];
}

/** Everything that a file is made of; a test damages a part of it. */
export interface Parts {
  manifest: TraceManifest;
  /** What stands in `__metadata__`, where it is not the manifest. */
  metadata?: unknown;
  stored: Record<string, Stored>;
}

/** `np.packbits(rows, axis=1, bitorder="little")`. */
export function packbits(rows: Bits): number[] {
  return rows.flatMap((row) => {
    const bytes = new Array<number>(Math.ceil(row.length / 8)).fill(0);
    row.forEach((bit, i) => {
      bytes[Math.floor(i / 8)] += bit * 2 ** (i % 8);
    });
    return bytes;
  });
}

export const count = (rows: Bits) => rows.flat().reduce((sum, bit) => sum + bit, 0);

function rows(slices: number, size: number, bit: (slice: number, i: number) => boolean): Bits {
  return Array.from({ length: slices }, (_, slice) => Array.from({ length: size }, (_, i) => Number(bit(slice, i))));
}

/** The masks of the trace: slices of 27, 27 and 12 elements, none a multiple of 8. */
export const MASKS = {
  input: rows(2, 27, (n, i) => (i * 7 + n) % 3 !== 0),
  savedInput: rows(2, 27, (n, i) => (i * 7 + n) % 3 !== 0 && i % 2 === 0),
  weight: rows(2, 12, (k, i) => (i + k) % 4 === 0),
} as const;

const geometry: MacOp["geometry"] = {
  N: 2,
  C: 3,
  H: 3,
  W: 3,
  K: 2,
  R: 2,
  S: 2,
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
};

function op({ pass, operands }: Multiplication, output: string): MacOp {
  return { kind: "conv", pass, layer: "conv", geometry: structuredClone(geometry), operands, output } as MacOp;
}

/** A fresh copy of all parts, without a fault. */
export function handMade(): Parts {
  const mask = (bits: Bits): Stored => ({
    dtype: "U8",
    shape: [2, bits[0].length > 16 ? 4 : 2],
    bytes: packbits(bits),
  });
  return {
    manifest: {
      version: "1.0",
      network: "one layer",
      method: { name: "by hand" },
      step: 7,
      tensors: [
        { id: "x", role: "activation", shape: [2, 3, 3, 3], nonzeros: count(MASKS.input), mask: "x.mask" },
        {
          id: "xs",
          role: "savedActivation",
          shape: [2, 3, 3, 3],
          nonzeros: count(MASKS.savedInput),
          mask: "xs.mask",
          within: "x",
        },
        { id: "w", role: "weight", shape: [2, 3, 2, 2], nonzeros: count(MASKS.weight), mask: "w.mask" },
        { id: "dy", role: "gradient", shape: [2, 2, 2, 2], nonzeros: 16 },
        { id: "y", role: "activation", shape: [2, 2, 2, 2], nonzeros: 16 },
        { id: "dx", role: "gradient", shape: [2, 3, 3, 3], nonzeros: 54 },
        { id: "dw", role: "parameterGrad", shape: [2, 3, 2, 2], nonzeros: 24 },
      ],
      ops: [
        op({ pass: "forward", operands: { input: "x", weight: "w" } }, "y"),
        { kind: "relu", pass: "forward", layer: "relu", reads: ["y"], writes: ["y"] },
        op({ pass: "inputGrad", operands: { outputGrad: "dy", weight: "w" } }, "dx"),
        op({ pass: "weightGrad", operands: { outputGrad: "dy", input: "xs" } }, "dw"),
      ],
    },
    stored: { "x.mask": mask(MASKS.input), "xs.mask": mask(MASKS.savedInput), "w.mask": mask(MASKS.weight) },
  };
}

/** The bytes of the file: header length (8 bytes, little-endian), JSON header, tensors. */
export function fileBytes({ manifest, metadata, stored }: Parts): Uint8Array {
  let end = 0;
  const entries = Object.entries(stored).map(([name, { dtype, shape, bytes, offsets }]) => {
    const begin = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: offsets ?? [begin, end] }];
  });
  const header = { __metadata__: metadata ?? { "swat-sim": JSON.stringify(manifest) }, ...Object.fromEntries(entries) };
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = Object.values(stored).map(({ bytes }) => Buffer.from(bytes));
  return new Uint8Array(Buffer.concat([length, json, ...data]));
}

/** The fault-free file with `damage` done to its parts. */
export function damaged(damage: (parts: Parts) => void): Uint8Array {
  const parts = handMade();
  damage(parts);
  return fileBytes(parts);
}

/** Op `index` of the hand-made manifest as the multiplying op it is, to be damaged. */
export function macOp({ manifest }: Parts, index: 0 | 2 | 3): UncheckedMacOp {
  return manifest.ops[index] as MacOp;
}

/** A tensor of a manifest without a zero, and so without a mask. */
export function dense(id: string, shape: number[]): TraceManifest["tensors"][number] {
  return { id, role: "weight", shape, nonzeros: shape.reduce((size, extent) => size * extent, 1) };
}

/** The name under which tests open it. */
export const NAME = "hand.safetensors";

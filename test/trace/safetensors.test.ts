import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { fileSource } from "../../src/io/file-source.ts";
import { encodeContainer, openContainer, type TensorToWrite } from "../../src/trace/safetensors.ts";
import { faultsOf } from "../support/folder.ts";

const product = (extents: readonly number[]) => extents.reduce((size, extent) => size * extent, 1);

const shapes = fc.array(fc.nat(4), { maxLength: 4 });
const tensors: fc.Arbitrary<TensorToWrite[]> = fc.uniqueArray(
  fc.tuple(fc.string({ unit: "binary" }), shapes, fc.boolean(), fc.nat(255)).map(([name, shape, wide, seed]) => {
    const values = Array.from({ length: product(shape) }, (_, i) => (seed + 37 * i) % 256);
    return { name, shape, data: wide ? Float32Array.from(values, (v) => v / 8 - 3) : Uint8Array.from(values) };
  }),
  { selector: ({ name }) => name, maxLength: 6 },
);

const open = (bytes: Uint8Array) => openContainer(memorySource("some.safetensors", bytes));

/** A file with this header, given as text or to be JSON, and so many bytes of data. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return new Uint8Array(Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}

const u8 = (size: number, begin: number, end = begin + size) => ({
  dtype: "U8",
  shape: [size],
  data_offsets: [begin, end],
});

describe("the safetensors container", () => {
  it("gives back names, shapes, types, metadata and bytes of whatever was written", async () => {
    await fc.assert(
      fc.asyncProperty(
        tensors.filter((list) => list.every(({ name }) => name !== "__metadata__")),
        fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
        async (written, metadata) => {
          const bytes = encodeContainer(written, metadata);
          const read = await open(bytes);
          expect([...read.tensors.keys()].sort()).toEqual(written.map(({ name }) => name).sort());
          expect(read.metadata).toEqual(metadata);
          for (const { name, shape, data } of written) {
            const stored = read.tensors.get(name);
            expect(stored?.shape).toEqual(shape);
            expect(stored?.dtype).toBe(data instanceof Float32Array ? "F32" : "U8");
            const { begin, end } = stored as { begin: number; end: number };
            expect(begin % data.BYTES_PER_ELEMENT).toBe(0);
            expect(Buffer.from(bytes.subarray(begin, end)).equals(Buffer.from(data.buffer))).toBe(true);
          }
        },
      ),
    );
  });

  it("is written byte for byte as the format says: wide tensors first, header padded with spaces to 8 bytes", () => {
    const bytes = encodeContainer(
      [
        { name: "a", shape: [3], data: new Uint8Array([1, 2, 3]) },
        { name: "b", shape: [2, 1], data: new Float32Array([1.5, -2]) },
      ],
      { k: "v" },
    );
    const header =
      '{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}';
    expect(header).toHaveLength(134);
    const expected = Buffer.concat([
      Buffer.from([136, 0, 0, 0, 0, 0, 0, 0]),
      Buffer.from(`${header}  `),
      // IEEE 754: 1.5 = 0x3fc00000, −2 = 0xc0000000, little-endian
      Buffer.from([0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 1, 2, 3]),
    ]);
    expect(Buffer.from(bytes).equals(expected)).toBe(true);
  });

  it("opens a file that PyTorch's side wrote", async () => {
    const { tensors: stored } = await openContainer(
      await fileSource("test/golden/swat/conv_k3_s1_p1_bias.safetensors"),
    );
    // The shapes that test/golden/swat/index.json states for the case.
    expect(stored.get("x")?.shape).toEqual([2, 5, 9, 9]);
    expect(stored.get("w")?.shape).toEqual([7, 5, 3, 3]);
    expect(stored.get("x")?.dtype).toBe("F32");
  });

  it.each([
    ["F4", 2, 1],
    ["F6_E2M3", 4, 3],
    ["BOOL", 3, 3],
    ["F8_E4M3", 3, 3],
    ["F8_E8M0", 3, 3],
    ["BF16", 3, 6],
    ["I64", 2, 16],
    ["C64", 2, 16],
  ])("opens one with a tensor of %s", async (dtype, elements, bytes) => {
    const { tensors: stored } = await open(file({ a: { dtype, shape: [elements], data_offsets: [0, bytes] } }, bytes));
    expect(stored.get("a")).toMatchObject({ dtype, shape: [elements] });
  });

  it("opens an empty one", async () => {
    const { tensors: stored, metadata } = await open(file("{}"));
    expect(stored.size).toBe(0);
    expect(metadata).toEqual({});
  });

  it.each([
    ["no bytes at all", new Uint8Array(0), "is not a safetensors file: expected at least 8 bytes, got 0"],
    [
      "a length beyond the file",
      file("{}").fill(9, 0, 1),
      "header length points beyond the file, which is cut or corrupt, got 9; valid: at most 2",
    ],
    [
      "a length of 2⁶⁴ − 1",
      file("{}").fill(255, 0, 8),
      /^header length points beyond the file, which is cut or corrupt, got 1844\d+; valid: at most 2$/,
    ],
    ["a header that is no JSON", file("{]"), /^header of 2 bytes is not JSON: /],
    [
      "a tensor's key twice",
      file('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      /^header of \d+ bytes has the key "dtype" twice in one object$/,
    ],
    [
      "a name twice, once with an escape",
      file(
        '{"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
      /^header of \d+ bytes has the key "a" twice in one object$/,
    ],
    [
      "NumPy's magic",
      new Uint8Array([0x93, ...Buffer.from("NUMPY"), 1, 0, 99]),
      "is not a safetensors file but a NumPy array (.npy)",
    ],
    [
      "gzip data",
      Uint8Array.of(0x1f, 0x8b, 8, 0, 9, 9, 9, 9),
      "is not a safetensors file but compressed with gzip; unpack it first (gunzip)",
    ],
    ["a header that is a list", file("[]"), "header is not a JSON object"],
    ["a tensor that is no object", file({ a: null }), /^tensor "a": unknown dtype, got undefined; known: BOOL, U8, /],
    [
      "an unknown type",
      file({ a: { ...u8(0, 0), dtype: "F31" } }),
      /^tensor "a": unknown dtype, got "F31"; known: BOOL, U8, /,
    ],
    [
      "a type named as a built-in",
      file({ a: { ...u8(0, 0), dtype: "toString" } }),
      /^tensor "a": unknown dtype, got "toString"; /,
    ],
    [
      "a negative extent",
      file({ a: { ...u8(1, 0), shape: [-1] } }, 1),
      'tensor "a": shape must be a list of sizes, got [-1]',
    ],
    [
      "offsets in the wrong order",
      file({ a: u8(1, 1, 0) }, 1),
      'tensor "a": data_offsets must be [begin, end], got [1,0]',
    ],
    ["offsets that do not hold the shape", file({ a: u8(3, 0, 2) }, 2), 'tensor "a": U8 [3] takes 3 bytes, got 2'],
    [
      "overlapping tensors",
      file({ a: u8(3, 0), b: u8(3, 2) }, 5),
      /^tensor "b" does not follow the one before it: gap or overlap at \d+$/,
    ],
    [
      "a gap",
      file({ a: u8(3, 0), b: u8(3, 4) }, 7),
      /^tensor "b" does not follow the one before it: gap or overlap at \d+$/,
    ],
    ["too little data", file({ a: u8(3, 0) }, 2), /^file is cut: tensors end at byte \d+, got a file of \d+ bytes$/],
    ["too much data", file({ a: u8(3, 0) }, 5), /^2 bytes follow the last tensor, which ends at byte \d+$/],
  ])("is refused in one line for %s", async (_, bytes, fault) => {
    const lines = await faultsOf(() => open(bytes));
    expect(lines).toHaveLength(1);
    expect(lines[0].startsWith("some.safetensors: ")).toBe(true);
    expect(lines[0].slice("some.safetensors: ".length)).toMatch(fault);
  });
});

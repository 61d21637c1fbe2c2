import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNpy } from "../../../src/trace/import/npy.ts";
import { DTYPES, npyFile } from "../../support/npy-file.ts";

const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 0, maxLength: 4 });

describe("a .npy file", () => {
  it("gives its shape and zeros, whatever its dtype, order and version", () => {
    fc.assert(
      fc.property(
        shapes.chain((shape) => {
          const size = shape.reduce((product, extent) => product * extent, 1);
          return fc.tuple(
            fc.constant(shape),
            fc.array(fc.constantFrom(0, 0, 1, 64, 127), { minLength: size, maxLength: size }),
          );
        }),
        fc.constantFrom(...Object.keys(DTYPES)),
        fc.boolean(),
        fc.constantFrom(1 as const, 2 as const, 3 as const),
        ([shape, values], dtype, fortran, version) => {
          const array = parseNpy(npyFile(values, shape, { dtype, fortran, version }), "a.npy");
          expect(array.shape).toEqual(shape);
          expect([...array.nonzeros]).toEqual(values.map((value) => (value === 0 ? 0 : 1)));
        },
      ),
    );
  });

  it("has a zero at −0, none at NaN and none at the smallest number", () => {
    const floats = [0, -0, Number.NaN, 2 ** -149, -(2 ** -149), -1];
    expect([...parseNpy(npyFile(floats, [6]), "a.npy").nonzeros]).toEqual([0, 0, 1, 1, 1, 1]);
    const doubles = [0, -0, Number.NaN, Number.MIN_VALUE, Number.NEGATIVE_INFINITY];
    expect([...parseNpy(npyFile(doubles, [5], { dtype: "<f8" }), "a.npy").nonzeros]).toEqual([0, 0, 1, 1, 1]);
    // −0 and the smallest number of float16 by their bits; the lowest integer is no negative zero.
    const half = npyFile([0x8000, 0x0001], [2], { dtype: "<u2" });
    half.set(Buffer.from("<f2"), Buffer.from(half).indexOf("<u2"));
    expect([...parseNpy(half, "a.npy").nonzeros]).toEqual([0, 1]);
    expect([...parseNpy(npyFile([-128, 0], [2], { dtype: "|i1" }), "a.npy").nonzeros]).toEqual([1, 0]);
  });

  it.each([
    ["as cnpy writes it", "{'descr': '<b1', 'fortran_order': False, 'shape': (2, 3), }", "|b1"],
    ["of no byte order", "{'descr': '|f4', 'fortran_order': False, 'shape': (2, 3), }", "<f4"],
    ["of the machine's byte order", "{'descr': '=f4', 'fortran_order': False, 'shape': (2, 3), }", "<f4"],
    ["by its name", "{'descr': 'float32', 'fortran_order': False, 'shape': (2, 3), }", "<f4"],
    ["in double quotes", '{"descr": "<f4", "fortran_order": False, "shape": (2, 3)}', "<f4"],
    ["in another order", "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}", "<f4"],
    ["of Python 2", "{'descr': u'<f4', 'fortran_order': False, 'shape': (2L, 3L), }", "<f4"],
    ["without spaces", "{'descr':'<f4','fortran_order':False,'shape':(2,3,),}", "<f4"],
  ])("with a header %s is read", (_, header, dtype) => {
    const array = parseNpy(npyFile([0, 1, 0, 2, 0, 0], [2, 3], { dtype, header }), "a.npy");
    expect(array.shape).toEqual([2, 3]);
    expect([...array.nonzeros]).toEqual([0, 1, 0, 1, 0, 0]);
  });

  it("in big-endian order has the sign of a float in its first byte", () => {
    const header = (descr: string) => `{'descr': '${descr}', 'fortran_order': False, 'shape': (3,), }`;
    // −0, 2⁻¹⁴⁹ and 2⁻¹⁴² · 2¹⁴ …: bits 80000000, 00000001 and 00000080, as bytes from the most significant one.
    const floats = npyFile([0, 0, 0], [3], { header: header(">f4") });
    floats.set([0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x80], floats.length - 12);
    expect([...parseNpy(floats, "a.npy").nonzeros]).toEqual([0, 1, 1]);
    // An integer has no negative zero.
    const integers = npyFile([0, 0, 0], [3], { header: header(">i4") });
    integers.set([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80], integers.length - 12);
    expect([...parseNpy(integers, "a.npy").nonzeros]).toEqual([1, 0, 1]);
  });

  it("of complex numbers is zero where both parts are, whatever their signs", () => {
    const header = "{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }";
    const parts = npyFile([-0, -0, 0, 1, -1, 0], [6], { header });
    expect([...parseNpy(parts, "a.npy").nonzeros]).toEqual([0, 1, 1]);
  });

  it("may lie anywhere in its buffer", () => {
    const file = npyFile([1, 0, 3], [3]);
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect([...parseNpy(shifted.subarray(3), "a.npy").nonzeros]).toEqual([1, 0, 1]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["another format", new TextEncoder().encode("PK not numpy"), /^a\.npy: is not a \.npy file/],
    ["an unknown version", npyFile([], [0]).with(6, 9), /^a\.npy: version: got 9; known: 1, 2, 3$/],
    [
      "a cut header",
      npyFile([1], [1]).slice(0, 40),
      /^a\.npy: file is cut: the header ends at byte \d+, got 40 bytes$/,
    ],
    ["cut elements", npyFile([1, 2], [2]).slice(0, -1), /^a\.npy: <f4 \[2\] takes 8 bytes, got 7$/],
    [
      "records",
      npyFile([1], [1], { header: "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }" }),
      /^a\.npy: holds records; valid: /,
    ],
    [
      "Python objects",
      npyFile([1], [1], { header: "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }" }),
      /^a\.npy: dtype: got "\|O", pickled Python objects; valid: numbers/,
    ],
    [
      "text",
      npyFile([1], [1], { header: "{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }" }),
      /^a\.npy: dtype: got "<U4"; valid: bool, int and uint of 1 to 8 bytes/,
    ],
    [
      "a key twice",
      npyFile([1], [1], { header: "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }" }),
      /^a\.npy: header has the key "descr" twice$/,
    ],
    [
      "no shape",
      npyFile([1], [1], { header: "{'descr': '<f4', 'fortran_order': False, }" }),
      /^a\.npy: header must have descr, fortran_order and shape once each, got \{/,
    ],
    ["gzip data", Uint8Array.of(0x1f, 0x8b, 8, 0), /^a\.npy: is not a \.npy file but compressed with gzip; unpack/],
    ["a pickle", Uint8Array.of(0x80, 4, 0x95), /^a\.npy: is not a \.npy file but a Python pickle/],
    ["a PyTorch file", zip("archive/data.pkl"), /^a\.npy: is not a \.npy file but a PyTorch file; convert it: import/],
    ["an archive of arrays", zip("arr_0.npy"), /^a\.npy: is not a \.npy file but a NumPy archive \(\.npz\); unpack/],
  ])("with %s is refused", (_, bytes, message) => {
    expect(() => parseNpy(bytes, "a.npy")).toThrow(message);
  });
});

/** The start of a ZIP archive whose first entry has a name (APPNOTE 4.3.7). */
function zip(name: string): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x50, 0x4b, 3, 4]);
  bytes[26] = name.length;
  bytes.set(Buffer.from(name), 30);
  return bytes;
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNpy } from "../../../src/trace/import/npy.ts";
import { DTYPES, npyFile } from "./npy-file.ts";

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
      "big-endian elements",
      npyFile([1], [1], { header: "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }" }),
      /^a\.npy: dtype: got ">f4"; valid: bool, and little-endian/,
    ],
    [
      "records",
      npyFile([1], [1], { header: "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }" }),
      /^a\.npy: header is not one of numpy\.save, got \{'descr': \[/,
    ],
  ])("with %s is refused", (_, bytes, message) => {
    expect(() => parseNpy(bytes, "a.npy")).toThrow(message);
  });
});

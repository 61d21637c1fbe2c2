import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { encodeTrace, openTrace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { faultsOf } from "../support/folder.ts";
import { count, damaged, dense, fileBytes, handMade, MASKS, macOp, NAME, packbits } from "../support/hand-made.ts";

const open = (bytes: Uint8Array) => openTrace(memorySource(NAME, bytes));

describe("a trace written by hand from the contract", () => {
  it("opens, verifies and gives back the masks that went in", async () => {
    const trace = await open(fileBytes(handMade()));
    expect(trace.warnings).toEqual([]);
    expect(await verifyTrace(trace)).toEqual([]);
    const ids = { x: MASKS.input, xs: MASKS.savedInput, w: MASKS.weight };
    for (const [id, rows] of Object.entries(ids)) {
      const { shape, bytes } = await trace.mask(id);
      expect(shape).toEqual(trace.tensor(id).shape);
      rows.forEach((row, slice) => {
        const stride = bytes.length / rows.length;
        const bits = row.map((_, i) => Math.floor(bytes[slice * stride + Math.floor(i / 8)] / 2 ** (i % 8)) % 2);
        expect(bits).toEqual(row);
      });
    }
  });

  it("has ones for a tensor without a mask, and no bits after the last element", async () => {
    const trace = await open(damaged(({ manifest }) => manifest.tensors.push(dense("loose", [2, 11]))));
    expect([...(await trace.mask("loose")).bytes]).toEqual([0xff, 0b111, 0xff, 0b111]);
  });

  it("is what the program writes for the same masks, but for spaces after the header", async () => {
    const { manifest, stored } = handMade();
    const masks = manifest.tensors.flatMap(({ mask, shape }) =>
      mask === undefined ? [] : [[mask, { shape, bytes: Uint8Array.from(stored[mask].bytes) }] as const],
    );
    const written = Buffer.from(encodeTrace(manifest, new Map(masks)));
    const byHand = Buffer.from(fileBytes(handMade()));
    const headerOf = (bytes: Buffer) => bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE()));
    expect(JSON.parse(headerOf(written).toString())).toEqual(JSON.parse(headerOf(byHand).toString()));
    const dataOf = (bytes: Buffer) => bytes.subarray(8 + headerOf(bytes).length);
    expect(dataOf(written).equals(dataOf(byHand))).toBe(true);
  });

  it("asks by name for a tensor that it does not have", async () => {
    const trace = await open(fileBytes(handMade()));
    expect(() => trace.tensor("z")).toThrow(`${NAME}: no tensor has the id "z"`);
  });
});

describe("versions", () => {
  it("a newer minor one opens with a warning, and what it adds is left out", async () => {
    const trace = await open(
      damaged(({ manifest }) => {
        manifest.version = "1.7";
        Object.assign(manifest, { added: 1 });
        Object.assign(manifest.tensors[0], { layout: "blocked" });
        Object.assign(manifest.ops[0], { stream: 3 });
      }),
    );
    expect(trace.warnings).toEqual([`${NAME}: trace version 1.7 is newer than 1.3; what it adds is not understood`]);
    expect(trace.manifest).toEqual({ ...handMade().manifest, version: "1.7" });
    expect(await verifyTrace(trace)).toEqual([]);
  });
});

describe("shapes", () => {
  it("operands of a linear layer may be flat, or not flattened yet", async () => {
    const linear = (shape: number[]) =>
      damaged((parts) => {
        parts.manifest.tensors = [dense("x", shape), dense("w", [5, 12]), dense("y", [2, 5])];
        const { geometry } = macOp(parts, 0);
        parts.manifest.ops = [
          {
            kind: "linear",
            pass: "forward",
            layer: "fc",
            geometry: { ...geometry, N: 2, C: 12, H: 1, W: 1, K: 5, R: 1, S: 1 },
            operands: { input: "x", weight: "w" },
            output: "y",
          },
        ];
        parts.stored = {};
      });
    for (const shape of [
      [2, 12],
      [2, 12, 1, 1],
      [2, 3, 2, 2],
    ])
      await open(linear(shape));
    const lines = await faultsOf(() => open(linear([3, 8])));
    expect(lines).toEqual([
      `${NAME}: ops.0 (fc forward): operands.input: geometry needs [2,12,1,1], got tensor "x" of [3,8]`,
    ]);
  });

  it("may be empty in any dimension", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }), async (shape) => {
        const size = shape.slice(1).reduce((a, b) => a * b, 1);
        const rows = Array.from({ length: shape[0] }, (_, slice) =>
          Array.from({ length: size }, (__, i) => (slice + i) % 2),
        );
        const bytes = packbits(rows);
        const trace = await open(
          damaged((parts) => {
            parts.manifest.tensors.push({ id: "t", role: "weight", shape, nonzeros: count(rows), mask: "t.mask" });
            parts.stored["t.mask"] = { dtype: "U8", shape: [shape[0], Math.ceil(size / 8)], bytes };
          }),
        );
        expect(await verifyTrace(trace)).toEqual([]);
        expect([...(await trace.mask("t")).bytes]).toEqual(bytes);
      }),
    );
  });
});

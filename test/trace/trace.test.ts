import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { InputError } from "../../src/io/faults.ts";
import { encodeTrace, openTrace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { faultsOf } from "../io/folder.ts";
import { count, damaged, fileBytes, handMade, MASKS, macOp, type Parts, packbits } from "./hand-made.ts";

const NAME = "hand.safetensors";
const open = (bytes: Uint8Array) => openTrace(memorySource(NAME, bytes));

/** Faults of opening what `damage` leaves, each without the file's name, with which it has to begin. */
async function openingFaults(damage: (parts: Parts) => void): Promise<string[]> {
  const lines = await faultsOf(() => open(damaged(damage)));
  for (const line of lines) expect(line.startsWith(`${NAME}: `), line).toBe(true);
  return lines.map((line) => line.slice(NAME.length + 2));
}

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

function dense(id: string, shape: number[]): Parts["manifest"]["tensors"][number] {
  return { id, role: "weight", shape, nonzeros: shape.reduce((a, b) => a * b, 1) };
}

describe("a damaged trace is refused when it is opened", () => {
  it.each<[string, (parts: Parts) => void, string | RegExp]>([
    ["no manifest", (p) => (p.metadata = {}), 'is not a trace: __metadata__ has no "swat-sim" string'],
    ["no metadata", (p) => (p.metadata = 3), 'is not a trace: __metadata__ has no "swat-sim" string'],
    ["a manifest that is no JSON", (p) => (p.metadata = { "swat-sim": "{\n\n" }), /^manifest is not JSON: /],
    [
      "a manifest that is null",
      (p) => (p.metadata = { "swat-sim": "null" }),
      /^manifest: unknown version, got undefined; known: 1\.0/,
    ],
    [
      "an unknown major version",
      (p) => (p.manifest.version = "2.0"),
      "manifest: unknown version, got 2.0; known: 1.0 to 1.0",
    ],
    [
      "a version without a minor one",
      (p) => (p.manifest.version = "1"),
      /^manifest: version: must match pattern .*, got "1"$/,
    ],
    [
      "an unknown key",
      (p) => Object.assign(p.manifest, { netwerk: "" }),
      /^manifest: unknown key, got "netwerk"; did you mean "network"\?/,
    ],
    [
      "an unknown key of an op",
      (p) => Object.assign(p.manifest.ops[3], { outputs: [] }),
      /^manifest: ops\.3: unknown key, got "outputs"; did you mean "output"\?/,
    ],
    [
      "an unknown kind of op, whatever it resembles",
      (p) => Object.assign(p.manifest.ops[0], { kind: "convolution" }),
      /^manifest: ops\.0: kind: unknown value, got "convolution"; .* known: conv, linear, batchNorm, /,
    ],
    [
      "an op without a kind",
      (p) => Object.assign(p.manifest.ops[0], { kind: 3 }),
      /^manifest: ops\.0: kind: unknown value, got "3"; /,
    ],
    [
      "a mask that is not in the file",
      (p) => (p.manifest.tensors[2].mask = "v"),
      'tensor "w": mask "v" is not in the file',
    ],
    [
      "a mask shorter than its shape",
      (p) => Object.assign(p.stored["w.mask"], { shape: [2, 1], bytes: [1, 2] }),
      'tensor "w": mask "w.mask" must be U8 [2,2], got U8 [2,1]',
    ],
    [
      "a mask with a slice missing",
      (p) => Object.assign(p.stored["w.mask"], { shape: [1, 2], bytes: [1, 2] }),
      'tensor "w": mask "w.mask" must be U8 [2,2], got U8 [1,2]',
    ],
    [
      "a mask of another type",
      (p) => Object.assign(p.stored["w.mask"], { dtype: "BOOL" }),
      'tensor "w": mask "w.mask" must be U8 [2,2], got BOOL [2,2]',
    ],
    [
      "values that are not in the file",
      (p) => (p.manifest.tensors[2].values = "w.values"),
      'tensor "w": values "w.values" is not in the file',
    ],
    [
      "an op that names an unknown id",
      (p) => (macOp(p, 0).operands.weight = "v"),
      'ops.0 (conv forward): no tensor has the id "v"',
    ],
    [
      "an op without MACs that names an unknown id",
      (p) => Object.assign(p.manifest.ops[1], { reads: ["nowhere"] }),
      'ops.1 (relu forward): no tensor has the id "nowhere"',
    ],
    [
      "two tensors of one id",
      (p) => p.manifest.tensors.push(dense("y", [2, 2, 2, 2])),
      'tensor "y": another tensor has the same id',
    ],
    [
      "more nonzeros than elements",
      (p) => (p.manifest.tensors[2].nonzeros = 25),
      /^tensor "w": more nonzeros than elements, got 25 of 24$/,
    ],
    [
      "zeros that no mask shows",
      (p) => (p.manifest.tensors[3].nonzeros = 15),
      'tensor "dy": has no mask, so that it is dense, but 15 nonzeros of 16 elements',
    ],
    [
      "a selection of nothing",
      (p) => (p.manifest.tensors[1].within = "z"),
      'tensor "xs": within "z", which does not exist',
    ],
    [
      "a selection of another shape",
      (p) => (p.manifest.tensors[1].within = "w"),
      'tensor "xs": within "w", which has another shape',
    ],
    [
      "groups that do not divide the channels",
      (p) => (macOp(p, 0).geometry.groups = 2),
      "ops.0 (conv forward): geometry: groups must divide C and K, got groups 2, C 3, K 2",
    ],
    [
      "a kernel larger than the padded input",
      (p) => (macOp(p, 2).geometry.R = 4),
      "ops.2 (conv inputGrad): geometry: the kernel is larger than the padded input, got kernel 4×2, input 3×3, padding [0,0,0,0]",
    ],
    [
      "a geometry that an operand does not fit",
      (p) => (macOp(p, 3).geometry.padding = [1, 0, 0, 0]),
      'ops.3 (conv weightGrad): operands.outputGrad: geometry needs [2,2,3,2], got tensor "dy" of [2,2,2,2]',
    ],
    [
      "an output that the geometry does not give",
      (p) => (macOp(p, 0).output = "dx"),
      'ops.0 (conv forward): output: geometry gives [2,2,2,2], got tensor "dx" of [2,3,3,3]',
    ],
    [
      "a missing operand",
      (p) => delete macOp(p, 2).operands.weight,
      'ops.2 (conv inputGrad): operands: missing "weight"; inputGrad multiplies outputGrad and weight',
    ],
    [
      "an operand of another pass",
      (p) => (macOp(p, 2).operands.input = "x"),
      'ops.2 (conv inputGrad): operands: "input" is not an operand of inputGrad; known: outputGrad, weight',
    ],
    [
      "a stride of zero",
      (p) => (macOp(p, 0).geometry.stride = [0, 1]),
      "manifest: ops.0: geometry.stride.0: must be >= 1, got 0",
    ],
    [
      "a batch that is no integer",
      (p) => (macOp(p, 0).geometry.N = 1.5),
      "manifest: ops.0: geometry.N: must be integer, got 1.5",
    ],
    [
      "a negative extent",
      (p) => (p.manifest.tensors[2].shape[1] = -3),
      "manifest: tensors.2.shape.1: must be >= 0, got -3",
    ],
  ])("for %s", async (_, damage, fault) => {
    const lines = await openingFaults(damage);
    expect(lines).toHaveLength(1);
    if (typeof fault === "string") expect(lines[0]).toBe(fault);
    else expect(lines[0]).toMatch(fault);
  });

  it("for several faults, all of them told at once", async () => {
    const lines = await openingFaults((parts) => {
      parts.manifest.tensors[2].mask = "v";
      parts.manifest.tensors[3].nonzeros = 1;
      macOp(parts, 0).operands.input = "nowhere";
      macOp(parts, 3).geometry.H = 4;
    });
    expect(lines.map((line) => line.slice(0, 10))).toEqual([
      'tensor "w"',
      'tensor "dy',
      "ops.0 (con",
      "ops.3 (con",
      "ops.3 (con",
    ]);
  });

  it("wherever the file is cut", async () => {
    const whole = fileBytes(handMade());
    for (let length = 0; length < whole.length; length++) {
      const [line, ...others] = await faultsOf(() => open(whole.subarray(0, length)));
      expect(others).toEqual([]);
      expect(line).toMatch(/^hand\.safetensors: (is not a safetensors file|header length points beyond|file is cut)/);
    }
  });

  it("for a wrong header length, whichever", async () => {
    const whole = fileBytes(handMade());
    const right = Number(new DataView(whole.buffer).getBigUint64(0, true));
    await fc.assert(
      fc.asyncProperty(
        fc
          .oneof(fc.nat(2 * whole.length), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
          .filter((length) => Number(length) !== right),
        async (length) => {
          const bytes = whole.slice();
          new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
          const [line, ...others] = await faultsOf(() => open(bytes));
          expect(others).toEqual([]);
          expect(line).toMatch(/^hand\.safetensors: header /);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("with bytes of the header changed: it opens, or says why not in lines that begin with the file's name", async () => {
    const whole = fileBytes(handMade());
    const headerEnd = 8 + Number(new DataView(whole.buffer).getBigUint64(0, true));
    const change = fc.tuple(fc.nat(headerEnd - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const bytes = whole.slice();
        for (const [at, bits] of changes) bytes[at] ^= bits;
        const lines = await open(bytes).then(verifyTrace, (error: unknown) => {
          expect(error).toBeInstanceOf(InputError);
          expect((error as InputError).message).not.toMatch(/[^\P{Cc}\n]/u);
          return (error as InputError).message.split("\n");
        });
        for (const line of lines) expect(line.startsWith(`${NAME}: `), line).toBe(true);
      }),
      { numRuns: 2000 },
    );
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
    expect(trace.warnings).toEqual([`${NAME}: trace version 1.7 is newer than 1.0; what it adds is not understood`]);
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

describe("verifying reads what opening does not", () => {
  it.each<[string, (parts: Parts) => void, string[]]>([
    [
      "nonzeros that differ from the ones of the mask",
      (p) => (p.manifest.tensors[2].nonzeros = 5),
      [`tensor "w": mask has ${count(MASKS.weight)} ones, got nonzeros 5`],
    ],
    [
      "bits after the last element of a slice",
      (p) => {
        // Element 12 of filter 1, which has elements 0 to 11.
        p.stored["w.mask"].bytes[3] += 2 ** 4;
        p.manifest.tensors[2].nonzeros += 1;
      },
      ['tensor "w": bits beyond the end of slice 1 are set'],
    ],
    [
      "a top-k mask that keeps a natural zero",
      (p) => {
        // Element 0 of image 0 is a natural zero: (0 · 7 + 0) mod 3 = 0.
        p.stored["xs.mask"].bytes[0] += 1;
        p.manifest.tensors[1].nonzeros += 1;
      },
      ['tensor "xs": 1 elements are kept that are zero in "x"'],
    ],
    [
      "a dense selection of a tensor with natural zeros",
      (p) => {
        p.manifest.tensors[1] = { id: "xs", role: "savedActivation", shape: [2, 3, 3, 3], nonzeros: 54, within: "x" };
      },
      ['tensor "xs": 18 elements are kept that are zero in "x"'],
    ],
  ])("%s", async (_, damage, faults) => {
    const found = await verifyTrace(await open(damaged(damage)));
    expect(found).toEqual(faults.map((fault) => `${NAME}: ${fault}`));
  });
});

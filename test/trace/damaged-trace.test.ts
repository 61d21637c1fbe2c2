import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { InputError } from "../../src/io/faults.ts";
import { openTrace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { faultsOf } from "../support/folder.ts";
import { damaged, dense, fileBytes, handMade, macOp, NAME, type Parts } from "../support/hand-made.ts";

const open = (bytes: Uint8Array) => openTrace(memorySource(NAME, bytes));

/** Faults of opening what `damage` leaves, each without the file's name, with which it has to begin. */
async function openingFaults(damage: (parts: Parts) => void): Promise<string[]> {
  const lines = await faultsOf(() => open(damaged(damage)));
  for (const line of lines) expect(line.startsWith(`${NAME}: `), line).toBe(true);
  return lines.map((line) => line.slice(NAME.length + 2));
}

describe("a damaged trace is refused when it is opened", () => {
  it.each<[string, (parts: Parts) => void, string | RegExp]>([
    ["no manifest", (p) => (p.metadata = {}), 'is not a trace: __metadata__ has no "swat-sim" string'],
    ["no metadata", (p) => (p.metadata = 3), 'is not a trace: __metadata__ has no "swat-sim" string'],
    ["a manifest that is no JSON", (p) => (p.metadata = { "swat-sim": "{\n\n" }), /^manifest is not JSON: /],
    [
      "a manifest that is null",
      (p) => (p.metadata = { "swat-sim": "null" }),
      /^manifest: unknown version, got nothing; known: 1\.0/,
    ],
    [
      "an unknown major version",
      (p) => (p.manifest.version = "2.0"),
      'manifest: unknown version, got "2.0"; known: 1.0 to 1.3',
    ],
    [
      "a version without a minor one",
      (p) => (p.manifest.version = "1"),
      /^manifest: unknown version, got "1"; known: 1\.0 to 1\.3$/,
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
      /^manifest: ops\.0: kind: unknown value, got 3; known: conv, /,
    ],
    ...(["N", "C", "H", "W", "K", "R", "S", "groups"] as const).map((extent): [string, (p: Parts) => void, string] => [
      `a geometry whose ${extent} is 0`,
      (p) => Object.assign(macOp(p, 0).geometry, { [extent]: 0 }),
      `manifest: ops.0: geometry.${extent}: must be >= 1, got 0`,
    ]),
    [
      "a stride of 0",
      (p) => Object.assign(macOp(p, 0).geometry, { stride: [1, 0] }),
      "manifest: ops.0: geometry.stride.1: must be >= 1, got 0",
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

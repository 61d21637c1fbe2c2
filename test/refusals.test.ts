/** The promise on errors: whatever a verb or a reader of files refuses is refused with an `InputError` that lists its faults. */

import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import * as library from "../src/index.ts";
import * as sim from "../src/sim/index.ts";
import * as trace from "../src/trace/index.ts";
import { temporaryFolder } from "./support/folder.ts";
import { READERS } from "./support/readers.ts";

const { InputError } = library;
const TRACE = resolve(import.meta.dirname, "../traces/resnet8-swat-u90.safetensors");

/** What JavaScript may hand to a function by mistake, or on purpose. */
const hostile = (): unknown[] => [
  ...[undefined, null, 0, -1, Number.NaN, 2 ** 53, "", "nothing", "a\0b", true, Symbol("s"), 1n],
  ...[[], [null], [[]], ["nothing"], [1], {}, { traces: {} }, { network: 1 }, () => 1, new Map(), new Uint8Array(3)],
  ...[
    { machines: [{}], traces: [{}] },
    { results: [{}], points: [] },
    { results: [], points: [{}] },
  ],
  ...[{ machines: [{ accelerator: {} }], traces: [{ trace: {} }] }, { out: 1 }, { spec: null, out: "out" }],
  ...[{ shape: [2 ** 40, 2 ** 40], bytes: new Uint8Array(1) }, { manifest: {}, masks: {} }, [1, -1], [Number.NaN]],
  { manifest: { tensors: [null], ops: [null] }, container: {}, tensor: () => null, mask: () => null },
  { config: {}, accelerator: {}, params: {}, memory: {} },
  { name: "x", sizeBytes: 64, read: () => null },
  Object.assign(Object.create(null), { a: 1 }),
  {
    toString() {
      throw new Error("no text");
    },
  },
  new Proxy(
    {},
    {
      get() {
        throw new Error("no field");
      },
      ownKeys() {
        throw new Error("no keys");
      },
    },
  ),
];

/** Fails where `call` throws anything but an `InputError` with faults. */
async function expectRefusal(call: () => unknown, at: string): Promise<void> {
  try {
    await call();
  } catch (error) {
    const stack = error instanceof Error ? error.stack : String(error);
    expect(error instanceof InputError, `${at} threw ${stack}`).toBe(true);
    const { faults, message } = error as InstanceType<typeof InputError>;
    expect(faults.length, at).toBeGreaterThan(0);
    for (const fault of faults) expect(fault, at).not.toMatch(/[\n\r]|(^|\s)--[a-z]/);
    expect(message).not.toMatch(
      /Maximum call stack|primitive value|is not a function|is not iterable|of undefined|of null/,
    );
  }
}

describe.each(Object.entries({ library, sim, trace }))("a verb of %s", (_, entry) => {
  const verbs = Object.entries(entry).flatMap(([name, value]) =>
    typeof value === "function" && value !== InputError
      ? [[name, value as (...args: unknown[]) => unknown] as const]
      : [],
  );

  it("is there", () => expect(verbs.length).toBeGreaterThan(5));

  it.each(verbs)("%s refuses what it cannot read with an InputError", async (name, verb) => {
    for (const first of hostile()) {
      for (const rest of [[], [null], [first], [{}, {}, {}], ["x", 1]]) {
        await expectRefusal(() => verb(first, ...rest), `${name}(${typeof first}, …${rest.length})`);
      }
    }
  });

  it.each(verbs)("%s never takes a value that it cannot use for one that it can", async (name, verb) => {
    const takesAnything = ["shippedMachines", "isMacOp"];
    if (takesAnything.includes(name)) return;
    await expect((async () => verb(null))()).rejects.toBeInstanceOf(InputError);
  });
});

describe("an order", () => {
  const { simulate, train, recordStep, sweep, synthesizeTrace, writeTrace, loadMachines } = library;
  const data = "generated:8x8x1";
  const orders: [string, (out: string) => unknown][] = [
    ["an unknown network", () => recordStep({ network: "nope", data })],
    ["data that is not there", () => recordStep({ network: "resnet8", data: "mnist:nowhere" })],
    ["pictures that are not there", () => recordStep({ network: "resnet8", data: "images:nowhere" })],
    ["images that are too small", () => recordStep({ network: "resnet8", data: "generated:4x4x1" })],
    ["a kernel build that is not there", () => recordStep({ network: "resnet8", data, kernels: "cuda" })],
    ["a sparsity of 1", () => recordStep({ network: "resnet8", data, sparsity: 1 })],
    ["a sparsity that is no number", () => synthesizeTrace({ network: "lenet5", sparsity: Number.NaN })],
    ["steps that are no selection", (out) => train({ out, data, record: "first" })],
    ["swat-m without momentum", (out) => train({ out, data, settings: { method: "swat-m", momentum: 0 } })],
    [
      "weights to share that are not dropped",
      (out) => train({ out, data, settings: { method: "swat-m", drop: ["inputs:backward"] } }),
    ],
    ["variations of generated images", (out) => train({ out, data, settings: { augment: ["resized-crop"] } })],
    ["a machine that is not there", () => simulate({ traces: [TRACE], machines: ["./nowhere.json"] })],
    ["a module that is not there", () => simulate({ traces: [TRACE], accelerators: ["./nowhere.js"] })],
    ["an energy table that is not there", () => simulate({ traces: [TRACE], energy: "6nm" })],
    ["a trace that is a folder", () => simulate({ traces: ["."] })],
    [
      "traces of different networks",
      () => simulate({ traces: [TRACE, synthesizeTrace({ network: "lenet5", batch: 1 })], machines: ["ideal-4096"] }),
    ],
    ["an unequal baseline", () => simulate({ traces: [TRACE], machines: ["scnn"], baseline: "dadiannao-4096" })],
    ["a folder that is a file", () => writeTrace(`${TRACE}/x`, synthesizeTrace({ network: "lenet5", batch: 1 }))],
    [
      "a sweep without points",
      (out) =>
        sweep({
          out,
          spec: { machines: ["ideal-4096"], traces: [TRACE], grid: { clock: ["1 GHz"] }, constraints: ["1 > 2"] },
        }),
    ],
    ["machines that are a word", () => loadMachines("all" as never)],
  ];

  it.each(orders)("of %s is refused with an InputError", async (_, call) => {
    const out = await temporaryFolder();
    await expect((async () => call(out))()).rejects.toBeInstanceOf(InputError);
    await expectRefusal(() => call(out), "order");
  });
});

describe.each(Object.entries(READERS))("a file in place of a %s", (format, read) => {
  const text = (content: string) => new TextEncoder().encode(content);
  const header = (json: string, data = 0) => {
    const bytes = text(json);
    const file = new Uint8Array(8 + bytes.length + data);
    new DataView(file.buffer).setBigUint64(0, BigInt(bytes.length), true);
    file.set(bytes, 8);
    return file;
  };
  const files: Readonly<Record<string, Uint8Array>> = {
    nothing: new Uint8Array(0),
    zeros: new Uint8Array(100),
    ones: new Uint8Array(100).fill(255),
    ...Object.fromEntries(
      ["null", "[]", "{}", "1", '"x"', "{", '{"a":1,"a":2}', '{"toString":1}', '{"name":{"toString":1}}'].map(
        (json) => [json, text(json)],
      ),
    ),
    "many levels": text("[".repeat(1e5) + "]".repeat(1e5)),
    "many levels of objects": text(`${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}`),
    lines: text('a,b\nc,d\n"\n'),
    "a header of null": header("null"),
    "a header without metadata": header("{}"),
    "metadata of null": header('{"__metadata__":{"swat-sim":"null","swat-sim-checkpoint":"null"}}'),
    "metadata that is no object": header('{"__metadata__":1}'),
    "a manifest of numbers": header('{"__metadata__":{"swat-sim":"1","swat-sim-checkpoint":"1"}}'),
    "ops of null": header(
      `{"__metadata__":{"swat-sim":${JSON.stringify('{"version":"1.0","network":"n","method":{"name":"dense"},"step":0,"tensors":[null],"ops":[null]}')}}}`,
    ),
    "a NumPy archive": Uint8Array.of(0x50, 0x4b, 3, 4, ...new Array<number>(22).fill(0), 5, 0, 0, 0, ...text("a.npy")),
    "half a PNG": Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0),
    "half a JPEG": Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0xff, 0xda, 0xff, 0xd9),
    "half an array": Uint8Array.of(0x93, ...text("NUMPY"), 1, 0, 200, 0),
    "half a gzip file": Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1),
    "other letters": Uint8Array.of(0xff, 0xfe, 0x41, 0xd8, 0x41),
  };

  it.each(Object.entries(files))("is refused with an InputError: %s", async (name, bytes) => {
    await expectRefusal(() => read(bytes), `${format}: ${name}`);
    // An empty configuration says nothing, and is whole.
    const isWhole = format === "run configuration" && ["{}"].includes(name);
    if (!isWhole) await expect((async () => read(bytes))()).rejects.toBeInstanceOf(InputError);
  });
});

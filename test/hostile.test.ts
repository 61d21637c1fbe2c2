/**
 * Files that were made to hang, crash or mislead the program, each standing for a kind: every one ends soon, in little memory, with a
 * right answer or with an InputError. Those that are large are made here.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { loadMachines, resultTable, type SimulationResult, sweep, tracePatterns } from "../src/index.ts";
import { memorySource } from "../src/io/byte-source.ts";
import { InputError } from "../src/io/faults.ts";
import { parseJson } from "../src/io/json.ts";
import { accelerators } from "../src/sim/arrays/index.ts";
import { resolveMachine } from "../src/sim/hardware/machine.ts";
import { simulate } from "../src/sim/simulate.ts";
import { encodeContainer } from "../src/trace/safetensors.ts";
import { openTrace } from "../src/trace/trace.ts";
import { verifyTrace } from "../src/trace/verify.ts";
import { temporaryFolder } from "./support/folder.ts";
import { makeTrace, SWAT_DENSITIES } from "./support/make-trace.ts";
import { npyFile } from "./support/npy-file.ts";
import { READERS } from "./support/readers.ts";
import { greyJpegFile } from "./swat/data/pictures.ts";

const SECONDS = 5;
const FOLDER = join(import.meta.dirname, "hostile");
const machines = await loadMachines(["all"]);

/** What `action` ends with: its value, or the faults of an InputError. Any other error, and more CPU time than allowed, fail. */
async function outcome<T>(action: () => T | Promise<T>): Promise<{ value?: T; faults: readonly string[] }> {
  const before = process.cpuUsage();
  try {
    return { value: await action(), faults: [] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const fault of error.faults) expect(fault.length).toBeLessThan(5000);
    return { faults: error.faults };
  } finally {
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(SECONDS);
  }
}

const bytesOf = (name: string) => readFile(join(FOLDER, name));

/** All that is done with a trace. */
async function useTrace(name: string, bytes: Uint8Array) {
  const trace = await openTrace(memorySource(name, bytes));
  const faults = await verifyTrace(trace);
  await tracePatterns(trace);
  return { faults, result: await simulate({ traces: [{ trace, name, sha256: "" }], machines }) };
}

describe("a trace", () => {
  it.each<[string, RegExp | undefined]>([
    ["evil-trace.safetensors", undefined],
    ["trace-348.safetensors", undefined],
    ["slice-2pow32.safetensors", /mask is too large, got 536870913 bytes; valid: at most 536870912$/],
    ["trace-14291.safetensors", /manifest: has the key "toString", which no field may have$/],
    [
      "trace-hang-140.safetensors",
      /geometry: stride\.0: too large, got 1000000000; valid: at most 64 for a side of 1$/,
    ],
  ])("%s", async (name, fault) => {
    const { value, faults } = await outcome(async () => useTrace(name, await bytesOf(name)));
    if (fault === undefined) expect(value?.result.machines).toHaveLength(machines.length);
    else
      expect(
        faults.some((each) => fault.test(each) && each.startsWith(name)),
        faults.join("\n"),
      ).toBe(true);
  });

  const manifest = (change: object) =>
    encodeContainer([], {
      "swat-sim": JSON.stringify({
        version: "1.0",
        network: "n",
        method: { name: "dense" },
        step: 0,
        tensors: [],
        ops: [],
        ...change,
      }),
    });
  const conv = { kind: "conv", pass: "forward", layer: "l", operands: { input: "i", weight: "w" } };
  const geometry = {
    N: 1,
    C: 1,
    H: 4,
    W: 4,
    K: 1,
    R: 1,
    S: 1,
    stride: [1, 1],
    padding: [0, 0, 0, 0],
    dilation: [1, 1],
    groups: 1,
  };
  const tensors = [
    { id: "i", role: "activation", shape: [1, 1, 4, 4], nonzeros: 16 },
    { id: "w", role: "weight", shape: [1, 1, 1, 1], nonzeros: 1 },
  ];
  const reaching = (change: object) => manifest({ tensors, ops: [{ ...conv, geometry: { ...geometry, ...change } }] });

  it.each<[string, () => Uint8Array, RegExp]>([
    ["settings of 50,000 levels", () => manifest({}).map((byte) => byte), /./],
    [
      "a million faults",
      () =>
        manifest({ ops: [{ kind: "relu", pass: "forward", layer: "l", reads: new Array(3e5).fill(""), writes: [] }] }),
      /reads\.0: must NOT/,
    ],
    ["ten thousand ops of null", () => manifest({ ops: new Array(1e4).fill(null) }), /ops\.0: must be object/],
    [
      "many keys that no op has",
      () => manifest({ ops: [Object.fromEntries(Array.from({ length: 5e4 }, (_, i) => [`k${i}`, 1]))] }),
      /kind: unknown value, got nothing/,
    ],
    [
      "a hundred and forty thousand ops",
      () => manifest({ ops: new Array(140_000).fill(conv) }),
      /ops: too many, got 140000; valid: at most 131072$/,
    ],
    ["a stride of 2^53 − 1", () => reaching({ stride: [Number.MAX_SAFE_INTEGER, 1] }), /stride\.0: too large/],
    ["a stride of 2^53", () => reaching({ stride: [2 ** 53, 1] }), /stride\.0: must be <= 9007199254740991/],
    ["a dilation of 1e9", () => reaching({ dilation: [1, 1e9] }), /dilation\.1: too large/],
    ["a padding of 1e9", () => reaching({ padding: [0, 0, 1e9, 0] }), /padding\.2: too large/],
    [
      "a shape of 2^53",
      () => manifest({ tensors: [{ ...tensors[0], shape: [2 ** 53, 1], nonzeros: 1 }] }),
      /shape\.0: must be <=/,
    ],
  ])("with %s", async (title, bytes, fault) => {
    const file =
      title === "settings of 50,000 levels"
        ? encodeContainer([], { "swat-sim": `{"version":"1.0","settings":${"[".repeat(5e4)}${"]".repeat(5e4)}}` })
        : bytes();
    const { faults } = await outcome(() => useTrace("file", file));
    expect(faults[0]).toMatch(fault);
    expect(faults.length).toBeLessThanOrEqual(101);
  });
});

it("a trace without ops takes no time", async () => {
  const none = encodeContainer([], {
    "swat-sim": JSON.stringify({
      ...{ version: "1.0", network: "n", method: { name: "dense" }, step: 0, ops: [] },
      tensors: [{ id: "w", role: "weight", shape: [2, 2], nonzeros: 4 }],
    }),
  });
  const { value } = await outcome(() => useTrace("file", none));
  expect(value?.result.machines[0]).toMatchObject({ rows: [], totals: { training: { cycles: 0 } } });
});

describe("a machine", () => {
  it.each<[string, RegExp | undefined]>([
    ["config-2194.json", /memory\.levels\.0\.writeLatency: must be <= 4294967296, got 9007199254740992$/],
    ["config-2812.json", /memory\.levels\.0\.writeLatency: must be <= 4294967296, got 1e\+300$/],
    ["tostring.json", /has the key "toString", which no field may have$/],
  ])("%s", async (name, fault) => {
    const { faults } = await outcome(async () =>
      resolveMachine(parseJson(String(await bytesOf(name))), name, accelerators),
    );
    expect(faults).toEqual([expect.stringMatching(fault as RegExp)]);
  });

  it("with the longest latency of all memories is simulated, or its cycles are too many to count", async () => {
    const config = parseJson(String(await bytesOf("config-2194.json"))) as { memory: { levels: object[] } };
    config.memory.levels[0] = { ...config.memory.levels[0], writeLatency: 2 ** 32 };
    const machine = resolveMachine(config, "file", accelerators);
    const { value } = await outcome(async () =>
      simulate({ traces: [await makeTrace(SWAT_DENSITIES)], machines: [machine] }),
    );
    for (const row of value?.machines[0].rows ?? []) expect(Number.isSafeInteger(row.cycles.total)).toBe(true);
  });

  it.each<[string, object, RegExp]>([
    ["a clock of hardly any hertz", { clock: "1e-320 Hz" }, /too many seconds to count, got Infinity/],
    [
      "a bandwidth of hardly any bytes",
      { memory: { dram: { bandwidth: "1 B/s" } } },
      /too many cycles to count exactly/,
    ],
  ])("with %s is refused before a result is written that could not be read", async (_, change, fault) => {
    const config = parseJson(String(await readFile("hw-configs/ideal-4096.json"))) as { memory: object };
    const memory = { ...config.memory, ...("memory" in change ? (change.memory as object) : {}) };
    const machine = resolveMachine({ ...config, ...change, memory }, "file", accelerators);
    const { faults } = await outcome(async () =>
      simulate({ traces: [await makeTrace(SWAT_DENSITIES)], machines: [machine] }),
    );
    expect(faults).toEqual([expect.stringMatching(fault)]);
  });

  it.each(["lanes", "rows", "columns", "tiles", "lookahead", "banks"])("with a billion %s", async (param) => {
    const config = parseJson(String(await readFile("hw-configs/tensordash-4096.json"))) as { params: object };
    const change = { ...config, params: { ...config.params, [param]: 1e9 } };
    const { faults } = await outcome(() => resolveMachine(change, "file", accelerators));
    expect(faults).toContainEqual(expect.stringMatching(new RegExp(`^file: params\\.${param}: (too large|must be)`)));
  });
});

it("a result whose notes drive a terminal becomes a table that does not", async () => {
  const { value } = await outcome(async () =>
    simulate({ traces: [await makeTrace(SWAT_DENSITIES)], machines: machines.slice(0, 1) }),
  );
  const evil = { ...(value as SimulationResult), notCharged: ["\u001b]0;x\u0007", "a\nb"] };
  evil.machines = evil.machines.map((machine) => ({ ...machine, notCharged: ["\u001b[2J"] }));
  const table = resultTable(evil);
  expect(table).toContain("\\u001b]0;x\\u0007, a\\u000ab");
  for (const harmful of ["\u0007", "\u001b[2J", "a\nb"]) expect(table).not.toContain(harmful);
});

describe("a sweep", () => {
  const run = async (spec: unknown) => sweep({ spec, where: "spec.json", out: await temporaryFolder() } as never);
  const specOf = async (name: string) => parseJson(String(await bytesOf(name))) as { grid: Record<string, unknown[]> };

  it("that would poison units gives the others what they give without it", async () => {
    const clean = await outcome(async () => run(await specOf("clean-sweep.json")));
    const poisoned = await specOf("poison-sweep.json");
    poisoned.grid.energy[0] = join(FOLDER, "evil.json");
    const { value } = await outcome(() => run(poisoned));
    const points = (lines: readonly string[] = []) => lines.map((line) => JSON.parse(line));
    const [expected, actual] = [points(clean.value?.lines), points(value?.lines)];
    expect(actual.filter(({ error }) => error === undefined)).toEqual(expected);
    expect(actual.filter(({ error }) => error !== undefined)).toHaveLength(2);
  });

  it.each<[string, (spec: { grid: Record<string, unknown[]> }) => unknown, RegExp]>([
    ["sweep-808.json", (spec) => spec, /^spec\.json: has the key "valueOf"/],
    [
      "clean-sweep.json",
      (spec) => ({ ...spec, grid: { clock: Array.from({ length: 1e5 }, (_, i) => ({ i })) } }),
      /must have at most 10000 items/,
    ],
    ["clean-sweep.json", (spec) => ({ ...spec, constraints: ["sum(ones(20000,20000)) > 1"] }), /the function sum\(\)/],
  ])("%s, changed", async (name, change, fault) => {
    const { faults } = await outcome(async () => run(change(await specOf(name))));
    expect(faults[0]).toMatch(fault);
  });
});

describe("a file", () => {
  const zeros = gzipSync(new Uint8Array(2 ** 26));
  const image = (...chunks: readonly [string, Uint8Array][]) =>
    Buffer.concat([
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      ...chunks.flatMap(([type, data]) => {
        const head = Buffer.alloc(8);
        head.writeUInt32BE(data.length);
        head.write(type, 4, "latin1");
        return [head, data, Buffer.alloc(4)];
      }),
    ]);
  const extents = (width: number, height: number) => {
    const data = Buffer.alloc(13);
    data.writeUInt32BE(width);
    data.writeUInt32BE(height, 4);
    data.set([8, 2], 8);
    return data;
  };
  const jpegNaming = (component: number) => {
    const file = Buffer.from(greyJpegFile());
    file[file.indexOf(Buffer.of(0xff, 0xda)) + 5] = component;
    return file;
  };
  const longHeader = (header: string) => npyFile([1], [1], { dtype: "|u1", version: 2, header });

  it.each<[string, string, () => Uint8Array | Promise<Uint8Array>, RegExp]>([
    ["bomb.yaml", "run configuration", () => bytesOf("bomb.yaml"), /too many aliases/],
    ["evil.json", "energy table", () => bytesOf("evil.json"), /is not allowed in a formula, got the character \[/],
    ["jpeg-scans.jpg", "picture", () => bytesOf("jpeg-scans.jpg"), /81 megapixels, at most 64 are read/],
    ["png-2ihdr.png", "picture", () => bytesOf("png-2ihdr.png"), /chunk 1 is another IHDR/],
    ["png-bomb.png", "picture", () => bytesOf("png-bomb.png"), /3600 megapixels/],
    [
      "a PNG that cannot hold its pixels",
      "picture",
      () => image(["IHDR", extents(8000, 8000)], ["IEND", Buffer.alloc(0)]),
      /cannot be in/,
    ],
    [
      "a header of a million blanks",
      "array",
      () => longHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (1,)${" ".repeat(1e6)}`),
      /header must have/,
    ],
    [
      "a header of many commas",
      "array",
      () => longHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${",".repeat(1e6)}`),
      /header must have|shape/,
    ],
    [
      "a shape of a million sizes",
      "array",
      () => longHeader(`{'descr': '|u1', 'fortran_order': False, 'shape': (${"1,".repeat(5e5)})}`),
      /./,
    ],
    ["gzip data of 600 MB", "IDX in gzip", () => Buffer.concat(new Array(9).fill(zeros)), /unpacks to too many bytes/],
    ["a topology of one endless line", "topology", () => Buffer.from(`a,b\n${"x".repeat(2e6)}`), /./],
    ["a topology of many faults", "topology", () => Buffer.from(`name,M,N,K\n${"a,0,0,0\n".repeat(1e5)}`), /./],
    [
      "a topology of more layers than a trace may have ops",
      "topology",
      () => Buffer.from(`name,M,N,K\n${"a,1,1,1\n".repeat(131_073)}`),
      /^file\.csv: has too many ops, got over 131072; valid: at most 131072$/,
    ],
    [
      "a JPEG whose scan names tables and components that are not there",
      "picture",
      () => jpegNaming(7),
      /^file\.png: picture is damaged, got "its parts do not fit together"$/,
    ],
    [
      "a tag that its parser would only warn of",
      "run configuration",
      () => Buffer.from("nesterov: !!js/function x\n"),
      /^file\.yaml: Unresolved tag: tag:yaml\.org,2002:js\/function/,
    ],
    [
      "a topology whose stride reaches far beyond its image",
      "topology",
      () => Buffer.from("name,h,w,kh,kw,c,f,stride\na,8,8,3,3,3,4,1000000\n"),
      /^file\.csv: layer "a": geometry: /,
    ],
    [
      "a topology of more weights to choose from than are drawn",
      "topology",
      () => Buffer.from(`name,M,N,K\na,1,32768,16384,1:2\n`),
      /has too many weights for a mask, got 536870912 with those of the layers before/,
    ],
    [
      "a topology of tensors beyond counting",
      "topology",
      () => Buffer.from("name,M,N,K\na,1000000000,1,1000000000\n"),
      /^file\.csv: tensor "a:input" is too large to count/,
    ],
    [
      "points of a sweep of endless points",
      "points",
      () => Buffer.from(`{"sweep":"1.1","sha256":"","points":${Number.MAX_SAFE_INTEGER}}\n`),
      /line 1: points: must be <= 250000, got 9007199254740991$/,
    ],
    ["a topology of endless weights", "topology", () => Buffer.from("name,M,N,K\na,1e300,9007199254740993,4\n"), /./],
  ])("%s", async (_, reader, bytes, fault) => {
    const content = await bytes();
    const { faults } = await outcome(() => READERS[reader](content));
    expect(faults[0]).toMatch(fault);
    expect(faults.length).toBeLessThanOrEqual(101);
  });
});

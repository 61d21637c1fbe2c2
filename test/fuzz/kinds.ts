/** Every kind of file that is read: valid ones as trees, how a tree becomes a file, and what is done with what was read. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, inflateSync } from "node:zlib";
import { InvalidArgumentError } from "commander";
import { loadMachines } from "../../src/api/open.ts";
import { scheduleOrFile } from "../../src/cli/options/options.ts";
import { parseFormula } from "../../src/core/input/formula.ts";
import { InputError } from "../../src/core/input/input-error.ts";
import { energyFormula, quantity } from "../../src/core/input/units.ts";
import { resumeTraining, train } from "../../src/index.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { decodeText, parseJson } from "../../src/io/json.ts";
import { reportPage } from "../../src/report/html/page.ts";
import { isMeasured, type SweepPoint } from "../../src/report/sweep/sweep-points.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { type Machine, resolveMachine } from "../../src/sim/hardware/machine.ts";
import { type CheckFile, formatCheck, readCheck } from "../../src/studies/check.ts";
import { compareWithCheck } from "../../src/studies/check-comparison.ts";
import { FUNCTIONS, parseConstraint } from "../../src/studies/sweep/constraints.ts";
import { pointsOf } from "../../src/studies/sweep/points.ts";
import { writeSweep } from "../../src/studies/sweep/points-file.ts";
import type { SweepSpec } from "../../src/studies/sweep/spec.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../src/swat/checkpoint.ts";
import { loadIdx } from "../../src/swat/data/idx.ts";
import { DivergenceError } from "../../src/swat/divergence-error.ts";
import { recordSelection } from "../../src/swat/record-selection.ts";
import type { RunConfiguration } from "../../src/swat/run-configuration.ts";
import { trainSettings } from "../../src/swat/settings.ts";
import { importNpyFolder } from "../../src/trace/import/npy-folder.ts";
import { checkFileOf } from "../support/check-file.ts";
import { fileBytes, handMade } from "../support/hand-made.ts";
import { SWAT_DENSITIES, traceBytes } from "../support/make-trace.ts";
import { npyFile } from "../support/npy-file.ts";
import { READERS } from "../support/readers.ts";
import { resultOf, sweepPoint } from "../support/report-input.ts";
import { greyJpegFile, jpegFile, pngFile } from "../swat/data/pictures.ts";
import * as binary from "./binary-formats.ts";
import type { Draw } from "./draw.ts";
import * as laws from "./laws.ts";
import { ensure, must } from "./outcome.ts";
import * as repair from "./repair.ts";
import { csvLines, jsonLines, jsonText, plainText, yamlText } from "./text-formats.ts";
import { type Tree, treeOf } from "./tree.ts";

/** A kind of file. */
export interface Kind {
  /** Valid files. */
  readonly samples: () => Promise<readonly Tree[]>;
  /** The file of a tree, whatever became of it. */
  readonly encode: (tree: Tree) => Uint8Array | string;
  /** Makes sizes fit again what was mutated, so that a reader gets to it. */
  readonly repair?: (tree: Tree) => Tree;
  /** Whether every file is refused for what it is, valid ones too. */
  readonly isForeign?: true;
  /** Reads a file and checks the answer. @throws InputError for what is refused. */
  readonly read: (bytes: Uint8Array, draw: Draw) => unknown;
}

const ROOT = join(import.meta.dirname, "../..");
const jsonOf = async (...paths: readonly string[]) =>
  Promise.all(paths.map(async (path) => treeOf(JSON.parse(await readFile(join(ROOT, path), "utf8")))));
const decoder = new TextDecoder();

/** The reader of a format, and what must be true of what it gives. */
function reading<Answer>(format: string, check: (answer: Answer, draw: Draw) => unknown): Kind["read"] {
  return async (bytes, draw) => check((await READERS[format](bytes)) as Answer, draw);
}

/** A container as a tree; what its metadata hold as JSON is part of it. */
function containerTree(bytes: Uint8Array): Tree {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(decoder.decode(bytes.subarray(8, 8 + length)));
  for (const [key, value] of Object.entries(header.__metadata__)) {
    if (String(value).startsWith("{")) header.__metadata__[key] = JSON.parse(String(value));
  }
  return treeOf({ header, data: bytes.slice(8 + length) });
}

/** Runs `work` in a folder of its own. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "swat-sim-fuzz-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const CHECKPOINT = "checkpoint.safetensors";
const NETWORK = { network: "resnet8", data: "generated:8x8x1", limit: 4, testLimit: 2 };

/** The checkpoint of a run that was stopped after its first step. */
async function interruptedRun(): Promise<Uint8Array> {
  return inFolder(async (out) => {
    const settings = { epochs: 2, batchSize: 2, schedule: [{ epoch: 0, rate: 0.1 }] };
    await train({ ...NETWORK, settings, threads: 1, out }, { signal: AbortSignal.abort() });
    return new Uint8Array(await readFile(join(out, CHECKPOINT)));
  });
}

/** Resuming takes a while: one of so many is. */
const RESUMED = 1 / 20;

async function checkpointLaws(bytes: Uint8Array, draw: Draw): Promise<void> {
  const checkpoint: Checkpoint = await decodeCheckpoint(memorySource("file", bytes));
  const again = await must("reading what was written", () =>
    decodeCheckpoint(memorySource("file", encodeCheckpoint(checkpoint))),
  );
  ensure(
    JSON.stringify(again.run) === JSON.stringify(checkpoint.run),
    "a checkpoint that was written is the one that was read",
  );
  if (!draw.chance(RESUMED)) return;
  await inFolder(async (folder) => {
    await writeFile(join(folder, CHECKPOINT), bytes);
    await resumeTraining(folder, { signal: AbortSignal.abort() }).catch((error: Error) => {
      // Finite numbers may still be too large to compute with.
      if (!(error.cause instanceof DivergenceError)) throw error;
    });
  });
}

function configLaws(machine: Machine, draw: Draw) {
  return laws.machineLaws(machine, draw);
}

const MOST_POINTS = 100_000;

async function sweepLaws(spec: SweepSpec): Promise<void> {
  const machines = await loadMachines(spec.machines);
  const points = pointsOf(spec, machines, "file");
  ensure(points.length > 0, "a sweep has points");
  if (points.length > MOST_POINTS) return;
  ensure(
    points.every(({ index }, i) => index === i),
    "points have their places",
  );
}

let checked: Promise<{ file: CheckFile; result: Awaited<ReturnType<typeof resultOf>> }> | undefined;
const checkSample = () => {
  checked ??= resultOf({ 100: 0.5 }).then((result) => ({ file: checkFileOf(result, ["trace.safetensors"]), result }));
  return checked;
};

async function checkLaws(check: CheckFile): Promise<void> {
  const again = await must("reading what was written", () =>
    readCheck(parseJson([...formatCheck(check)].join("")), "again"),
  );
  ensure(JSON.stringify(again) === JSON.stringify(check), "a check file that was written is the one that was read");
  const { result } = await checkSample();
  for (const { config } of check.machines) resolveMachine(config, "file", accelerators);
  if (check.machines.length === result.machines.length) await must("comparing", () => compareWithCheck(check, result));
}

const POINTS = [
  { sweep: "1.1", sha256: "ab".repeat(32), points: 2 },
  { index: 1, ...sweepPoint(2, null) },
  { index: 0, ...sweepPoint(3, 5) },
];

async function pointsLaws(lines: readonly string[]): Promise<void> {
  await must("reading merged points", () =>
    inFolder(async (folder) => {
      const path = join(folder, "sweep.jsonl");
      await writeSweep(path, lines);
      return READERS.sweep(await readFile(path));
    }),
  );
}

const npyTree = (descr: string, shape: readonly number[], data: Uint8Array): Tree =>
  treeOf({ version: 1, header: { descr, fortran_order: false, shape }, data });
const ARRAYS = new Map([
  ["conv.weight.npy", npyFile([1, 0, 0, 2, 3, 0, 1, 1], [2, 1, 2, 2])],
  ["conv.input.npy", npyFile([1, 0, 2, 0, 0, 1, 1, 1, 0], [1, 1, 3, 3], { dtype: "|u1" })],
  ["conv.outputGrad.npy", npyFile([1, 0, 0, 1, 1, 0, 1, 1], [1, 2, 2, 2])],
  ["packed.npy", npyFile([170], [1], { dtype: "|u1" })],
]);
const DESCRIPTION = {
  network: "net",
  layers: [
    {
      name: "conv",
      stride: 1,
      padding: [0, 0],
      dilation: 1,
      groups: 1,
      inputGrad: true,
      weight: ["conv.weight.npy"],
      input: "conv.input.npy",
      outputGrad: "conv.outputGrad.npy",
    },
    {
      name: "packed",
      weight: "packed.npy",
      input: "conv.input.npy",
      shapes: { weight: [2, 1, 2, 2] },
      bitorder: "little",
    },
  ],
};

/** An archive without compression: signature, sizes, name, content. */
function zip(tree: Tree): Uint8Array {
  const [title, content] = ["name", "data"].map((key) => binary.bytesOf(binary.field(tree, key)));
  const head = Buffer.alloc(30);
  head.write("PK\u0003\u0004", "latin1");
  head.writeUInt32LE(content.length, 18);
  head.writeUInt32LE(content.length, 22);
  head.writeUInt16LE(title.length & 0xffff, 26);
  return Buffer.concat([head, title, content]);
}

const readArray = reading<Parameters<typeof laws.importLaws>[0]>("array", laws.importLaws);
const colour = (y: number, x: number) => [y * 40, x * 30, 99, 200];

/** A PNG as chunks, its scanlines unpacked. */
function pngTree(file: Uint8Array): Tree {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const chunks: unknown[] = [];
  for (let at = 8; at < file.length; at += 12 + view.getUint32(at)) {
    const type = Buffer.from(file.subarray(at + 4, at + 8)).toString("latin1");
    const data = file.slice(at + 8, at + 8 + view.getUint32(at));
    const [depth, colourType, compression, filter, interlace] = data.subarray(8);
    const sizes = () => ({ width: view.getUint32(at + 8), height: view.getUint32(at + 12) });
    chunks.push(
      type === "IHDR"
        ? { type, header: { ...sizes(), depth, colour: colourType, compression, filter, interlace } }
        : type === "IDAT"
          ? { type, pixels: new Uint8Array(inflateSync(data)) }
          : { type, data },
    );
  }
  return treeOf(chunks);
}

const idxTree = (count: number) =>
  treeOf({ magic: 0x803, extents: [count, 2, 3], data: new Uint8Array(count * 6).map((_, i) => i * 7) });
const labelsTree = treeOf({ magic: 0x801, extents: [2], data: Uint8Array.of(1, 9) });
const cifarTree = (labels: number) =>
  treeOf({ labels: new Uint8Array(labels).fill(3), pixels: new Uint8Array(3072).map((_, i) => i) });

function cifar(tree: Tree): Uint8Array {
  return Buffer.concat(["labels", "pixels"].map((key) => binary.bytesOf(binary.field(tree, key))));
}

type Splits = {
  readonly train: Parameters<typeof laws.datasetLaws>[0];
  readonly test: Parameters<typeof laws.datasetLaws>[0];
};
const splitLaws = ({ train: one, test: other }: Splits) => {
  laws.datasetLaws(one);
  laws.datasetLaws(other);
};

/** A parser of the command line refuses as its library asks it to. */
function option(parse: (text: string) => unknown): Kind["read"] {
  return (bytes) => {
    try {
      return parse(decoder.decode(bytes));
    } catch (error) {
      if (error instanceof InvalidArgumentError) throw new InputError([error.message]);
      throw error;
    }
  };
}

const FORMULAS = [
  "2 pJ * (kilobytes / 8) ^ 0.5",
  "0.9 pJ",
  "1 GHz",
  "51.2 GB/s",
  "256 KiB",
  "lanes * rows == 4 and mod(rows, 2) != 1",
  "max(1, log2(rows)) <= 3",
];

function readFormula(text: string): void {
  const attempts = [
    () => parseFormula(text, { functions: FUNCTIONS }).evaluate(new Map([["rows", 4]])),
    () =>
      parseConstraint(text).holds(
        new Map([
          ["rows", 4],
          ["lanes", 1],
        ]),
      ),
    () => energyFormula(text, { kilobytes: 1 }, "file")({ kilobytes: 1000 }),
    ...(["frequency", "size", "bandwidth"] as const).map((dimension) => () => quantity(dimension, text, "file")),
  ];
  const refused = attempts.flatMap((attempt) => {
    try {
      attempt();
      return [];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.faults;
    }
  });
  if (refused.length >= attempts.length) throw new InputError(refused);
}

const joined = (tree: Tree) => (Array.isArray(tree) ? tree.map(plainText).join("") : plainText(tree));
const tokens = (texts: readonly string[]) => texts.map((text) => treeOf(text.match(/\w+|\W/g) ?? []));

const YAML = {
  lr_schedule: [{ 0: 0.1 }, { 50: 0.01 }],
  ...{ total_epoch: 3, train_batch_size: 8, test_batch_size: 8, weight_decay: 5e-4, momentum: 0.9, nesterov: true },
  ...{ sparsity: 0.9, topk_period: 4, warmup: -1, num_conv_layer: 7, pruning_type: "unstructured" },
  ...{ pruning_mode: "momentum", sparsify_first_layer: false, evaluation: "last-step", keep_filters: true },
};

/** By the name of the kind, as `--kind` takes it. */
export const KINDS: Readonly<Record<string, Kind>> = {
  trace: {
    samples: async () => [containerTree(fileBytes(handMade())), containerTree(traceBytes(SWAT_DENSITIES))],
    encode: binary.safetensors,
    repair: repair.repairedContainer,
    read: reading("trace", laws.traceLaws),
  },
  checkpoint: {
    samples: async () => [containerTree(await interruptedRun())],
    encode: (tree) => binary.hashedSafetensors(tree, "swat-sim-checkpoint"),
    repair: repair.repairedContainer,
    read: checkpointLaws,
  },
  config: {
    samples: () =>
      jsonOf(
        ...[
          "tensordash",
          "scnn",
          "sigma",
          "two-sided",
          "dadiannao",
          "mesh-4096",
          "systolic",
          "bit-tactical-lines",
          "procrustes",
          "weight-queue",
          "sparse-tensor-core",
          "activation-queue",
          "ideal-4096",
        ].map((name) => `hw-configs/${name}.json`),
      ),
    encode: jsonText,
    read: reading("config", configLaws),
  },
  "energy-table": {
    samples: () => jsonOf("hw-configs/energy/45nm.json", "hw-configs/energy/7nm.json"),
    encode: jsonText,
    read: reading("energy table", laws.energyLaws),
  },
  "sweep-spec": {
    samples: async () => [
      ...(await jsonOf("examples/sweep.json", "examples/sweep-sparsity.json")),
      treeOf({
        machines: ["scnn"],
        traces: ["a"],
        list: [{ clock: "1 GHz", "params.peRows": 4 }, { clock: "2 GHz" }],
        constraints: ["peRows > 2"],
      }),
    ],
    encode: jsonText,
    read: reading("sweep spec", sweepLaws),
  },
  "check-file": {
    samples: async () => [treeOf(JSON.parse(JSON.stringify((await checkSample()).file)))],
    encode: jsonText,
    read: reading("check file", checkLaws),
  },
  result: {
    samples: async () => [treeOf(JSON.parse(JSON.stringify(await resultOf({ 100: 0.5 }))))],
    encode: jsonText,
    read: reading<{ result: Parameters<typeof laws.renderingLaws>[0] }>("result", ({ result }, draw) =>
      laws.renderingLaws(result, draw),
    ),
  },
  points: { samples: async () => [treeOf(POINTS)], encode: jsonLines, read: reading("points", pointsLaws) },
  sweep: {
    samples: async () => [treeOf([sweepPoint(2, null), sweepPoint(3, 5)])],
    encode: jsonLines,
    read: reading<SweepPoint[]>("sweep", async (points, draw) => {
      if (draw.chance(1 / 40))
        await must("a page", () => reportPage({ results: [], points: points.filter(isMeasured) }));
    }),
  },
  npy: {
    samples: async () => [
      npyTree("<f4", [1, 1, 2, 1], new Uint8Array(8).fill(1)),
      npyTree("|u1", [2, 3], Uint8Array.of(1, 0, 0, 1, 1, 0)),
      npyTree(">i8", [1, 1], new Uint8Array(8)),
    ],
    encode: binary.npy,
    repair: repair.repairedNpy,
    read: (bytes, draw) =>
      laws.importLaws(
        importNpyFolder(
          new Map([
            ["fc.weight.npy", bytes],
            ["fc.input.npy", bytes],
          ]),
          { where: "folder", network: "net", stride: 1, padding: 0 },
        ),
        draw,
      ),
  },
  npz: {
    samples: async () => [treeOf({ name: "conv.weight.npy", data: npyFile([1], [1]) })],
    encode: zip,
    isForeign: true,
    read: readArray,
  },
  layers: {
    samples: async () => [treeOf(DESCRIPTION)],
    encode: jsonText,
    read: (bytes, draw) => {
      const description = { path: "layers.json", content: parseNamed(bytes) };
      return laws.importLaws(
        importNpyFolder(ARRAYS, { where: "folder", network: "net", stride: 1, padding: 0, description }),
        draw,
      );
    },
  },
  topology: {
    samples: async () => [
      treeOf([
        [
          "Layer",
          "IFMAP Height",
          "IFMAP Width",
          "Filter Height",
          "Filter Width",
          "Channels",
          "Num Filter",
          "Strides",
          "",
        ],
        ["conv1", "8", "8", "3", "3", "3", "4", "1", "2:4"],
        ["convDP", "6", "6", "3", "3", "4", "1", "2", ""],
      ]),
      treeOf([
        ["Layer", "M", "N", "K", ""],
        ["fc", "4", "8", "16", "1:4"],
        ["title", "", "", ""],
      ]),
    ],
    encode: csvLines,
    read: reading("topology", laws.importLaws),
  },
  yaml: {
    samples: async () => [treeOf(YAML)],
    encode: yamlText,
    read: reading<RunConfiguration>("run configuration", ({ settings }) => trainSettings(settings)),
  },
  idx: {
    samples: async () => [idxTree(2), labelsTree],
    encode: binary.idx,
    repair: repair.repairedIdx,
    read: (bytes) => readIdx(bytes, false),
  },
  "idx-gzip": {
    samples: async () => [idxTree(2)],
    encode: (tree) => gzipSync(binary.idx(tree)),
    repair: repair.repairedIdx,
    read: (bytes) => readIdx(bytes, true),
  },
  cifar10: {
    samples: async () => [cifarTree(1)],
    encode: cifar,
    repair: (tree) => repair.repairedRecord(tree, 1),
    read: reading("CIFAR", splitLaws),
  },
  cifar100: {
    samples: async () => [cifarTree(2)],
    encode: cifar,
    repair: (tree) => repair.repairedRecord(tree, 2),
    read: reading("CIFAR-100", splitLaws),
  },
  png: {
    samples: async () => [
      pngTree(pngFile(5, 4, colour)),
      ...([0, 2, 4, 6] as const).map((colorType) => pngTree(pngFile(3, 7, colour, { colorType, inputHasAlpha: true }))),
      pngTree(pngFile(3, 3, colour, { colorType: 2, bitDepth: 16, inputHasAlpha: true })),
    ],
    encode: binary.png,
    repair: repair.repairedPng,
    read: reading("picture", laws.pictureLaws),
  },
  jpeg: {
    samples: async () => [binary.jpegTree(greyJpegFile()), binary.jpegTree(jpegFile(17, 9, colour))],
    encode: binary.jpeg,
    repair: repair.repairedJpeg,
    read: reading("picture", laws.pictureLaws),
  },
  schedule: {
    samples: async () => tokens(["0:0.05,2:0.005,10:1e-4", "a.yaml"]),
    encode: joined,
    read: option(scheduleOrFile),
  },
  selection: {
    samples: async () => tokens(["steps:1,5,9", "every:3", "last"]),
    encode: joined,
    read: option(recordSelection),
  },
  formula: {
    samples: async () => tokens(FORMULAS),
    encode: joined,
    read: (bytes) => readFormula(decoder.decode(bytes)),
  },
};

const IDX_IMAGES = "train-images-idx3-ubyte";
const IDX_FILES: Readonly<Record<string, Uint8Array>> = {
  [IDX_IMAGES]: binary.idx(idxTree(2)),
  "train-labels-idx1-ubyte": binary.idx(labelsTree),
  "t10k-images-idx3-ubyte": binary.idx(idxTree(2)),
  "t10k-labels-idx1-ubyte": binary.idx(labelsTree),
};

/** A set of which one file is replaced: images, or what says that it holds labels. */
function readIdx(bytes: Uint8Array, packed: boolean): Promise<void> {
  return inFolder(async (folder) => {
    const replaced = bytes[3] === 1 && !packed ? "train-labels-idx1-ubyte" : IDX_IMAGES;
    for (const [name, content] of Object.entries(IDX_FILES))
      if (name !== replaced) await writeFile(join(folder, name), content);
    await writeFile(join(folder, packed ? `${replaced}.gz` : replaced), bytes);
    splitLaws(await loadIdx("mnist", folder));
  });
}

function parseNamed(bytes: Uint8Array): unknown {
  return parseJson(decodeText(bytes));
}

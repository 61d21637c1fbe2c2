/** Every format of file that the program reads, each as a function of the file's bytes. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memorySource } from "../../src/io/byte-source.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import { decodeText } from "../../src/io/json.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { resolveEnergyTable } from "../../src/sim/energy/table.ts";
import { resolveMachine } from "../../src/sim/hardware/machine.ts";
import { readResult } from "../../src/sim/result/read-result.ts";
import { readCheck } from "../../src/studies/check.ts";
import { mergedPoints, readSweep } from "../../src/studies/sweep/points-file.ts";
import { checkSweepSpec } from "../../src/studies/sweep/spec.ts";
import { decodeCheckpoint } from "../../src/swat/checkpoint.ts";
import { loadCifar10 } from "../../src/swat/data/cifar10.ts";
import { loadCifar100 } from "../../src/swat/data/cifar100.ts";
import { loadIdx } from "../../src/swat/data/idx.ts";
import { decodePicture } from "../../src/swat/data/picture.ts";
import { parseRunConfiguration } from "../../src/swat/run-configuration.ts";
import { importNpyFolder } from "../../src/trace/import/npy-folder.ts";
import { importScalesim } from "../../src/trace/import/scalesim.ts";
import { openTrace } from "../../src/trace/trace.ts";

type Reader = (bytes: Uint8Array) => unknown;

/** Reads `bytes` as a file of the name `name` in a folder of its own, beside copies under `others`. */
function inFolder(
  name: string,
  read: (path: string, folder: string) => unknown,
  others: readonly string[] = [],
): Reader {
  return async (bytes) => {
    const folder = await mkdtemp(join(tmpdir(), "swat-sim-read-"));
    try {
      for (const each of [name, ...others]) await writeFile(join(folder, each), bytes);
      return await read(join(folder, name), folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}

const json = (read: (value: unknown, where: string) => unknown): Reader =>
  inFolder("file.json", async (path) => read(await readJsonFile(path), path));

const IDX = ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
const CIFAR = ["data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"];

const DENSELY = { stride: 1, padding: 0 };

/** By the name of the format. */
export const READERS: Readonly<Record<string, Reader>> = {
  trace: (bytes) => openTrace(memorySource("file.safetensors", bytes)),
  checkpoint: (bytes) => decodeCheckpoint(memorySource("file.safetensors", bytes)),
  config: json((value, path) => resolveMachine(value, path, accelerators)),
  "energy table": json(resolveEnergyTable),
  "sweep spec": json(checkSweepSpec),
  "check file": json(readCheck),
  result: json(readResult),
  points: inFolder("points.jsonl", (_, folder) => mergedPoints([folder])),
  sweep: inFolder("sweep.jsonl", readSweep),
  array: (bytes) =>
    importNpyFolder(new Map([["conv.weight.npy", bytes]]), { where: "folder", network: "network", ...DENSELY }),
  topology: (bytes) => importScalesim(decodeText(bytes), "file.csv", { network: "network" }),
  "run configuration": (bytes) => parseRunConfiguration(decodeText(bytes), "file.yaml"),
  picture: (bytes) => decodePicture({ path: "file.png", bytes }),
  IDX: inFolder("train-images-idx3-ubyte", (_, folder) => loadIdx("mnist", folder), IDX),
  "IDX in gzip": inFolder(
    "train-images-idx3-ubyte.gz",
    (_, folder) => loadIdx("mnist", folder),
    IDX.map((name) => `${name}.gz`),
  ),
  CIFAR: inFolder("data_batch_1.bin", (_, folder) => loadCifar10(folder), CIFAR),
  "CIFAR-100": inFolder("train.bin", (_, folder) => loadCifar100(folder), ["test.bin"]),
};

/** `swat-sim trace import npy` and `trace import scalesim`: traces from what other programs keep. */
import { basename, join, resolve } from "node:path";
import type { Command } from "commander";
import { writeTrace } from "../../api/open.ts";
import { InputError } from "../../io/faults.ts";
import { readJsonFile } from "../../io/file-source.ts";
import { foreignFormat } from "../../io/foreign-format.ts";
import { decodeText } from "../../io/json.ts";
import { listDirectory, readBytes } from "../../io/read-file.ts";
import type { ImportedTrace } from "../../trace/import/imported.ts";
import { DESCRIPTION_FILE } from "../../trace/import/npy-description.ts";
import { importNpyFolder } from "../../trace/import/npy-folder.ts";
import { importScalesim } from "../../trace/import/scalesim.ts";
import { integer } from "../options/options.ts";
import { note } from "../terminal/warnings.ts";

interface NpyOptions {
  out: string;
  network?: string;
  description?: string;
  stride: number;
  padding: number;
}

interface ScalesimOptions {
  out: string;
  network?: string;
  batch?: number;
  seed?: number;
}

/** Adds the commands below `trace`. */
export function addTraceImportCommand(trace: Command): void {
  const command = trace.command("import").description("Import a trace from files of another program.");
  command.addHelpText("after", "\nExample:\n  $ swat-sim trace import npy masks/ -o masks.safetensors --padding 1");
  command
    .command("npy")
    .description("Import a folder of NumPy arrays: values or masks of weights, inputs and output gradients.")
    .argument("<dir>", "folder of .npy files")
    .requiredOption("-o, --out <file>", "trace to write (.safetensors)")
    .option(
      "--description <file>",
      `layers in order, with what shapes do not say (default: ${DESCRIPTION_FILE} in the folder)`,
    )
    .option("--stride <n>", "stride of every layer that is not described", integer(1), 1)
    .option("--padding <n>", "padding of every layer that is not described, all sides", integer(0), 0)
    .option("--network <name>", "name of the network (default: that of the folder)")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim trace import npy masks/ -o masks.safetensors --padding 1

Files of a layer:
  weight      LAYER.weight.npy      LAYER.wgt.npy    wgt-LAYER.npy          [K, C/groups, R, S] or [K, C]
  input       LAYER.input.npy       LAYER.act.npy    act-LAYER[-BATCH].npy  [N, C, H, W] or [N, C]
  outputGrad  LAYER.outputGrad.npy  LAYER.grad.npy   grad-LAYER[-BATCH].npy [N, K, P, Q] or [N, K]; optional
Zeros are what counts: arrays may be boolean, integer or float, little-endian. Layers with outputGrad have backward passes.`,
    )
    .action(importNpy);
  command
    .command("scalesim")
    .description("Import a SCALE-Sim topology as forward passes: convolutions and matrix products, N:M weights.")
    .argument("<topology>", "CSV file, its first line a header")
    .requiredOption("-o, --out <file>", "trace to write (.safetensors)")
    .option("--batch <n>", "images of every layer (default: those of a batch column, else 1)", integer(1))
    .option("--seed <n>", "draw which N of M weights are kept (default: the first ones, as SCALE-Sim)", integer(0))
    .option("--network <name>", "name of the network (default: that of the file)")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim trace import scalesim topologies/resnet18.csv -o resnet18.safetensors --batch 4

Lines: name, input height, input width, kernel height, kernel width, channels, filters, stride[, N:M],
   or: name, M, N, K[, N:M],
Further columns by their names in the header: stride height, stride width, sparsity, batch size.`,
    )
    .action(importTopology);
}

async function importNpy(directory: string, options: NpyOptions): Promise<void> {
  const names = await listDirectory(directory);
  const files = new Map<string, Uint8Array>();
  for (const name of names.filter((entry) => /\.npy(\.gz)?$/.test(entry))) {
    files.set(name.replace(/\.gz$/, ""), (await readBytes(join(directory, name))).bytes);
  }
  const path =
    options.description ?? (names.includes(DESCRIPTION_FILE) ? join(directory, DESCRIPTION_FILE) : undefined);
  const described = path === undefined ? {} : { description: { path, content: await readJsonFile(path) } };
  const { stride, padding, network = basename(resolve(directory)) } = options;
  await write(importNpyFolder(files, { where: directory, network, stride, padding, ...described }), options.out);
}

async function importTopology(path: string, { out, network, ...options }: ScalesimOptions): Promise<void> {
  const { bytes } = await readBytes(path);
  const foreign = foreignFormat(bytes);
  if (foreign !== undefined) throw new InputError([`${path}: is not a topology but ${foreign}`]);
  const name = network ?? basename(path).replace(/\.csv$/i, "");
  await write(importScalesim(decodeText(bytes), path, { network: name, ...options }), out);
}

async function write({ manifest, masks, notes }: ImportedTrace, path: string): Promise<void> {
  for (const line of notes) note(line);
  await writeTrace(path, { manifest, masks });
  const layers = new Set(manifest.ops.map(({ layer }) => layer)).size;
  console.log(`${path}: ${layers} layers, ${manifest.ops.length} ops, ${masks.size} masks`);
}

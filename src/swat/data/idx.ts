/**
 * MNIST and Fashion-MNIST from their four IDX files, plain or gzipped. Format: big-endian 32-bit magic number (0x00000801
 * labels, 0x00000803 images), one 32-bit extent for each dimension, then bytes; LeCun, Cortes and Burges, "The MNIST
 * database of handwritten digits". Fashion-MNIST: Xiao, Rasul and Vollgraf, arXiv:1708.07747.
 */
import { MOST_IDX_BYTES } from "../../core/input/limits.ts";
import { faultsOf, InputError } from "../../io/faults.ts";
import { type FileBytes, listDirectory, readFirstOf } from "../../io/read-file.ts";
import { byteDataset, type DataSplits, type Dataset, type Normalization } from "./dataset.ts";

/** The data sets that come as IDX files. */
export type IdxName = "mnist" | "fashion-mnist";

const CLASSES = 10;
const LABELS_MAGIC = 0x00000801;
const IMAGES_MAGIC = 0x00000803;

/**
 * Fashion-MNIST: computed over its 60,000 training images. MNIST: the constants of the PyTorch examples
 * (pytorch/examples, mnist/main.py), the same statistic.
 */
const NORMALIZATION: Readonly<Record<IdxName, Normalization>> = {
  mnist: { mean: [0.1307], std: [0.3081] },
  "fashion-mnist": { mean: [0.2860406], std: [0.3530242] },
};

/** Reads both splits from `directory`. Throws all faults of its files at once, one line each. */
export async function loadIdx(name: IdxName, directory: string): Promise<DataSplits> {
  await listDirectory(directory);
  const settled = await Promise.allSettled([readSplit(name, directory, "train"), readSplit(name, directory, "t10k")]);
  const splits: Dataset[] = [];
  const faults: string[] = [];
  for (const outcome of settled) {
    if (outcome.status === "fulfilled") splits.push(outcome.value);
    else faults.push(...faultsOf(outcome.reason));
  }
  if (faults.length > 0) throw new InputError(faults);
  const [train, test] = splits;
  if (train.height !== test.height || train.width !== test.width) {
    throw new InputError([
      `${directory}: training and test images differ in size, got ${train.height}x${train.width} and ${test.height}x${test.width}`,
    ]);
  }
  return { name, train, test };
}

async function readSplit(name: IdxName, directory: string, prefix: "train" | "t10k"): Promise<Dataset> {
  const settled = await Promise.allSettled([
    readFirstOf(directory, spellings(`${prefix}-images`, "idx3-ubyte"), MOST_IDX_BYTES).then(parseImages),
    readFirstOf(directory, spellings(`${prefix}-labels`, "idx1-ubyte"), MOST_IDX_BYTES).then(parseLabels),
  ]);
  const [images, labels] = settled;
  if (images.status === "rejected" || labels.status === "rejected") {
    const faults = settled.flatMap((outcome) => (outcome.status === "rejected" ? faultsOf(outcome.reason) : []));
    throw new InputError(faults);
  }
  const { path, count, height, width, bytes, first } = images.value;
  if (labels.value.length !== count) {
    throw new InputError([`${path}: images and labels differ in number, got ${count} and ${labels.value.length}`]);
  }
  const stride = height * width;
  return byteDataset(
    { name, channels: 1, height, width, classes: CLASSES, bytes, first, stride, labels: labels.value },
    NORMALIZATION[name],
  );
}

/** As the files are called in the archive, and as they are called where a dot was not replaced. */
function spellings(stem: string, suffix: string): string[] {
  return [`${stem}-${suffix}`, `${stem}.${suffix}`];
}

function parseImages(file: FileBytes) {
  const { first, extents } = parseHeader(file, IMAGES_MAGIC, 3);
  const [count, height, width] = extents;
  return { path: file.path, count, height, width, bytes: file.bytes, first };
}

function parseLabels(file: FileBytes): Uint8Array {
  const { first } = parseHeader(file, LABELS_MAGIC, 1);
  const labels = file.bytes.subarray(first);
  const bad = labels.findIndex((label) => label >= CLASSES);
  if (bad >= 0) throw new InputError([`${file.path}: label ${bad} is out of range, got ${labels[bad]}; known: 0..9`]);
  return labels;
}

/** Checks magic number and file size; returns the extents and where the elements start. */
function parseHeader(file: FileBytes, magic: number, dimensions: number): { first: number; extents: number[] } {
  const { path, bytes } = file;
  const first = 4 * (1 + dimensions);
  if (bytes.length < first) {
    throw new InputError([`${path}: file is cut, expected a header of ${first} bytes, got ${bytes.length}`]);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = view.getUint32(0);
  if (found !== magic) throw new InputError([`${path}: wrong magic number, expected ${hex(magic)}, got ${hex(found)}`]);
  const extents = Array.from({ length: dimensions }, (_, dimension) => view.getUint32(4 + 4 * dimension));
  if (extents.includes(0)) throw new InputError([`${path}: file holds no data, got extents ${extents.join("x")}`]);
  const expected = extents.reduce((product, extent) => product * extent, 1) + first;
  if (bytes.length !== expected) {
    const fault = bytes.length < expected ? "file is cut" : "file is too long";
    throw new InputError([`${path}: ${fault}, expected ${expected} bytes, got ${bytes.length}`]);
  }
  return { first, extents };
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

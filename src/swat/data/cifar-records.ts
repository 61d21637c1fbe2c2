/**
 * What CIFAR-10 and CIFAR-100 share in their official binary form: records of one or two label bytes and 3,072 pixel
 * bytes [3, 32, 32]. The number of records comes from each file's size, so shortened files work. Source: Krizhevsky,
 * "Learning multiple layers of features from tiny images", 2009, and the data sets' page, "Binary version".
 */
import { foreignFormat } from "../../io/foreign-format.ts";
import type { FileBytes } from "../../io/read-file.ts";
import { byteDataset, type Dataset, type Normalization } from "./dataset.ts";

const CHANNELS = 3;
const SIDE = 32;
const PIXEL_BYTES = CHANNELS * SIDE * SIDE;

/** How the records of one of the two data sets begin, and how its pixels are normalised. */
export interface CifarFormat {
  readonly name: string;
  /** The label bytes in their order; the last one is the class to learn. */
  readonly labels: readonly { readonly field: string; readonly classes: number }[];
  readonly normalization: Normalization;
}

/** What is wrong with a file of records, one line for a fault; nothing for a whole one. */
export function cifarFaults(format: CifarFormat, file: FileBytes): string[] {
  const faults = recordFaults(format, file);
  // Not before: a batch may begin with any bytes.
  const foreign = faults.length > 0 ? foreignFormat(file.bytes) : undefined;
  return foreign === undefined ? faults : [`${file.path}: is not a batch of images but ${foreign}`];
}

function recordFaults({ labels }: CifarFormat, { path, bytes }: FileBytes): string[] {
  const size = bytes.length;
  const recordBytes = labels.length + PIXEL_BYTES;
  if (size === 0) return [`${path}: file is empty, expected records of ${recordBytes} bytes, got 0 bytes`];
  if (size % recordBytes !== 0) {
    return [
      `${path}: file is cut, expected records of ${recordBytes} bytes, got ${size} bytes (${size % recordBytes} left over)`,
    ];
  }
  for (let record = 0; record * recordBytes < size; record++) {
    for (const [place, { field, classes }] of labels.entries()) {
      const label = bytes[record * recordBytes + place];
      if (label < classes) continue;
      return [`${path}: ${field} of record ${record} is out of range, got ${label}; known: 0..${classes - 1}`];
    }
  }
  return [];
}

/** The versions that the data sets' page offers beside the binary one, and what lies around before it is unpacked. */
const OTHER_FORMS: readonly { readonly names: RegExp; readonly form: string }[] = [
  {
    names: /^(data_batch_\d+|test_batch|batches\.meta|train|test|meta)(\.(pkl|pickle))?$/,
    form: "the Python version (pickles)",
  },
  { names: /^(data_batch_\d+|test_batch|batches\.meta|train|test|meta)\.mat$/, form: "the MATLAB version" },
  { names: /^cifar-100?-binary\.(tar|tar\.gz|tgz)$/, form: "the archive, not unpacked" },
  { names: /^cifar-100?-(python|matlab)\.(tar|tar\.gz|tgz)$/, form: "the archive of another version" },
  { names: /^cifar-10-batches-bin$|^cifar-100-binary$/, form: "the folder of the binary version one level down" },
  { names: /^cifar-10-batches-(py|mat)$|^cifar-100-(python|matlab)$/, form: "the folder of another version" },
];

/** A line that says in which form a directory holds a data set whose binary files are missing; undefined where in none. */
export function otherForm(directory: string, present: readonly string[], valid: string): string | undefined {
  for (const { names, form } of OTHER_FORMS) {
    const found = present.filter((name) => names.test(name));
    if (found.length > 0)
      return `${directory}: holds ${form}, got ${found.join(", ")}; valid: the binary version, ${valid}`;
  }
  return undefined;
}

/** The images of `files`, one file after the other; the files must be free of faults. */
export function cifarDataset(format: CifarFormat, files: readonly FileBytes[]): Dataset {
  const bytes = files.length === 1 ? files[0].bytes : concatenate(files);
  const first = format.labels.length;
  const stride = first + PIXEL_BYTES;
  const labels = Uint8Array.from({ length: bytes.length / stride }, (_, record) => bytes[record * stride + first - 1]);
  const { classes } = format.labels[first - 1];
  const { name, normalization } = format;
  return byteDataset(
    { name, channels: CHANNELS, height: SIDE, width: SIDE, classes, bytes, first, stride, labels },
    normalization,
  );
}

function concatenate(files: readonly FileBytes[]): Uint8Array {
  const whole = new Uint8Array(files.reduce((size, file) => size + file.bytes.length, 0));
  let at = 0;
  for (const { bytes } of files) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

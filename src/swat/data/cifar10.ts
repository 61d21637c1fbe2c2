/**
 * CIFAR-10 in its official binary form: records of one label byte and 3,072 pixel bytes [3, 32, 32]. The number of
 * records comes from each file's size, so shortened batches work. Source: Krizhevsky, "Learning multiple layers of
 * features from tiny images", 2009, and the data set's page, "Binary version".
 */
import { join } from "node:path";
import { type FileBytes, listDirectory, readBytes } from "../../io/read-file.ts";
import { byteDataset, type DataSplits, type Dataset, type Normalization } from "./dataset.ts";

const CHANNELS = 3;
const SIDE = 32;
const CLASSES = 10;
const RECORD_BYTES = 1 + CHANNELS * SIDE * SIDE;
const TRAIN_BATCH = /^data_batch_\d+\.bin$/;
const TEST_BATCH = "test_batch.bin";

/**
 * The constants of the official SWAT code (SWAT-code/cifar10-100-code). Its deviations are means over images of each image's own
 * deviation, a widespread slip; the deviation over all pixels is near 0.25, so normalised data has one of 1.2 to 1.3.
 */
const NORMALIZATION: Normalization = { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] };

/** Reads every `data_batch_N.bin` and `test_batch.bin` of `directory`. Throws all faults at once, one line each. */
export async function loadCifar10(directory: string): Promise<DataSplits> {
  const present = await listDirectory(directory);
  const batches = present.filter((name) => TRAIN_BATCH.test(name)).sort(byNumber);
  const missing: string[] = [];
  if (batches.length === 0) missing.push(`${directory}: training batches are missing, got no data_batch_N.bin`);
  if (!present.includes(TEST_BATCH)) missing.push(`${directory}: test batch is missing, got no ${TEST_BATCH}`);
  if (missing.length > 0) throw new Error(missing.join("\n"));

  const test = await readBytes(join(directory, TEST_BATCH));
  const train = await Promise.all(batches.map((name) => readBytes(join(directory, name))));
  const faults = [...train, test].flatMap(faultsOf);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  return { name: "cifar10", train: datasetOf(train), test: datasetOf([test]) };
}

/** data_batch_10 comes after data_batch_2. */
function byNumber(a: string, b: string): number {
  return Number(a.replace(/\D/g, "")) - Number(b.replace(/\D/g, ""));
}

function faultsOf({ path, bytes }: FileBytes): string[] {
  const size = bytes.length;
  if (size === 0) return [`${path}: file is empty, expected records of ${RECORD_BYTES} bytes, got 0 bytes`];
  if (size % RECORD_BYTES !== 0) {
    return [
      `${path}: file is cut, expected records of ${RECORD_BYTES} bytes, got ${size} bytes (${size % RECORD_BYTES} left over)`,
    ];
  }
  for (let record = 0; record * RECORD_BYTES < size; record++) {
    const label = bytes[record * RECORD_BYTES];
    if (label >= CLASSES) return [`${path}: label of record ${record} is out of range, got ${label}; known: 0..9`];
  }
  return [];
}

function datasetOf(files: readonly FileBytes[]): Dataset {
  const bytes = files.length === 1 ? files[0].bytes : concatenate(files);
  const labels = Uint8Array.from({ length: bytes.length / RECORD_BYTES }, (_, record) => bytes[record * RECORD_BYTES]);
  return byteDataset(
    {
      name: "cifar10",
      channels: CHANNELS,
      height: SIDE,
      width: SIDE,
      classes: CLASSES,
      bytes,
      first: 1,
      stride: RECORD_BYTES,
      labels,
    },
    NORMALIZATION,
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

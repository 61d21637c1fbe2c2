/** CIFAR-10 from its binary batches `data_batch_N.bin` and `test_batch.bin`; records as in cifar-records.ts. */
import { join } from "node:path";
import { InputError } from "../../io/faults.ts";
import { listDirectory, readBytes } from "../../io/read-file.ts";
import { type CifarFormat, cifarDataset, cifarFaults, otherForm } from "./cifar-records.ts";
import type { DataSplits } from "./dataset.ts";

const TRAIN_BATCH = /^data_batch_\d+\.bin$/;
const TEST_BATCH = "test_batch.bin";

/**
 * The constants are those of the official SWAT code (SWAT-code/cifar10-100-code). Its deviations are means over images of
 * each image's own deviation, a widespread slip; the deviation over all pixels is near 0.25, so normalised data has one of
 * 1.2 to 1.3.
 */
const FORMAT: CifarFormat = {
  name: "cifar10",
  labels: [{ field: "label", classes: 10 }],
  normalization: { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
};

/** Reads every `data_batch_N.bin` and `test_batch.bin` of `directory`. Throws all faults at once, one line each. */
export async function loadCifar10(directory: string): Promise<DataSplits> {
  const present = await listDirectory(directory);
  const batches = present.filter((name) => TRAIN_BATCH.test(name)).sort(byNumber);
  const missing: string[] = [];
  if (batches.length === 0) missing.push(`${directory}: training batches are missing, got no data_batch_N.bin`);
  if (!present.includes(TEST_BATCH)) missing.push(`${directory}: test batch is missing, got no ${TEST_BATCH}`);
  if (missing.length > 0) {
    const other = otherForm(directory, present, `data_batch_N.bin and ${TEST_BATCH} of cifar-10-binary.tar.gz`);
    throw new InputError(other === undefined ? missing : [other]);
  }

  const test = await readBytes(join(directory, TEST_BATCH));
  const train = await Promise.all(batches.map((name) => readBytes(join(directory, name))));
  const faults = [...train, test].flatMap((file) => cifarFaults(FORMAT, file));
  if (faults.length > 0) throw new InputError(faults);
  return { name: FORMAT.name, train: cifarDataset(FORMAT, train), test: cifarDataset(FORMAT, [test]) };
}

/** data_batch_10 comes after data_batch_2. */
function byNumber(a: string, b: string): number {
  return Number(a.replace(/\D/g, "")) - Number(b.replace(/\D/g, ""));
}

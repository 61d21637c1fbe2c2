/**
 * CIFAR-100 from `train.bin` and `test.bin`; records as in cifar-records.ts, with a coarse label (20 superclasses, checked
 * and left alone) before the fine one (100 classes), which is learned.
 */
import { join } from "node:path";
import { InputError } from "../../io/faults.ts";
import { listDirectory, readBytes } from "../../io/read-file.ts";
import { type CifarFormat, cifarDataset, cifarFaults, otherForm } from "./cifar-records.ts";
import type { DataSplits } from "./dataset.ts";

const TRAIN = "train.bin";
const TEST = "test.bin";

/** The constants are those of weiaicunzai/pytorch-cifar100 (conf/global_settings.py), the usual ones. */
const FORMAT: CifarFormat = {
  name: "cifar100",
  labels: [
    { field: "coarse label", classes: 20 },
    { field: "fine label", classes: 100 },
  ],
  normalization: { mean: [0.5071, 0.4867, 0.4408], std: [0.2675, 0.2565, 0.2761] },
};

/** Reads `train.bin` and `test.bin` of `directory`. Throws all faults at once, one line each. */
export async function loadCifar100(directory: string): Promise<DataSplits> {
  const present = await listDirectory(directory);
  const missing: string[] = [];
  if (!present.includes(TRAIN)) missing.push(`${directory}: training images are missing, got no ${TRAIN}`);
  if (!present.includes(TEST)) missing.push(`${directory}: test images are missing, got no ${TEST}`);
  if (missing.length > 0) {
    const other = otherForm(directory, present, `${TRAIN} and ${TEST} of cifar-100-binary.tar.gz`);
    throw new InputError(other === undefined ? missing : [other]);
  }

  const [train, test] = await Promise.all([TRAIN, TEST].map((name) => readBytes(join(directory, name))));
  const faults = [train, test].flatMap((file) => cifarFaults(FORMAT, file));
  if (faults.length > 0) throw new InputError(faults);
  return { name: FORMAT.name, train: cifarDataset(FORMAT, [train]), test: cifarDataset(FORMAT, [test]) };
}

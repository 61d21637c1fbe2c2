/** CIFAR-10's binary batches: the real (shortened) ones where present, small written ones, and the ways to be damaged. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCifar10 } from "../../../src/swat/data/cifar10.ts";
import { directoryWith, faultOf, realData } from "./files.ts";
import { channelStatistics } from "./statistics.ts";

const real = realData("cifar-10-batches-bin");

/** Records of which every pixel byte of record i is labels[i] · 10 + channel. */
function batch(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  labels.forEach((label, record) => {
    bytes[record * 3073] = label;
    for (let channel = 0; channel < 3; channel++) {
      const first = record * 3073 + 1 + channel * 1024;
      bytes.fill(label * 10 + channel, first, first + 1024);
    }
  });
  return bytes;
}

describe("CIFAR-10 itself", () => {
  it.skipIf(real.absent)("has the images of its files, first labels, mean near 0 and deviation near 1.2", async () => {
    const { train, test } = await loadCifar10(real.directory);
    expect([train.size, test.size]).toEqual([4000 + 4 * 1017, 1017]);
    // The first labels of data_batch_1 and, behind its 4,000 records, of data_batch_2; frog and truck come first in the original too.
    expect(Array.from({ length: 8 }, (_, i) => train.label(i))).toEqual([6, 9, 9, 4, 1, 1, 2, 7]);
    expect(Array.from({ length: 4 }, (_, i) => train.label(4000 + i))).toEqual([1, 6, 6, 8]);
    const { mean, std } = channelStatistics(train, train.size);
    for (const value of mean) expect(Math.abs(value)).toBeLessThan(0.05);
    // The constants are below the deviation over all pixels (see cifar10.ts): 0.247 / 0.2023, 0.2435 / 0.1994, 0.2616 / 0.201.
    for (const [channel, value] of [1.221, 1.221, 1.301].entries())
      expect(Math.abs(std[channel] - value)).toBeLessThan(0.02);
  });
});

describe("loadCifar10", () => {
  it("joins the batches in the order of their numbers, whatever their sizes", async () => {
    const directory = await directoryWith({
      "data_batch_10.bin": batch([9]),
      "data_batch_2.bin": batch([4, 3]),
      "test_batch.bin": batch([7]),
      "batches.meta.txt": new Uint8Array(5),
    });
    const { train, test } = await loadCifar10(directory);
    expect([train.size, test.size, train.channels, train.height, train.width]).toEqual([3, 1, 3, 32, 32]);
    expect([0, 1, 2].map((i) => train.label(i))).toEqual([4, 3, 9]);
    const target = new Float32Array(3072);
    train.loadImage(1, target, 0);
    expect(target[1023]).toBeCloseTo((30 / 255 - 0.4914) / 0.2023, 5);
    expect(target[1024]).toBeCloseTo((31 / 255 - 0.4822) / 0.1994, 5);
    expect(target[3071]).toBeCloseTo((32 / 255 - 0.4465) / 0.201, 5);
  });

  const cases: { title: string; files: Record<string, Uint8Array>; file: string; message: string }[] = [
    {
      title: "a size that is no multiple of a record",
      files: { "data_batch_1.bin": batch([1, 2]).subarray(0, 5000), "test_batch.bin": batch([1]) },
      file: "data_batch_1.bin",
      message: "file is cut, expected records of 3073 bytes, got 5000 bytes (1927 left over)",
    },
    {
      title: "a label above 9",
      files: { "data_batch_1.bin": batch([1]), "test_batch.bin": batch([3, 10]) },
      file: "test_batch.bin",
      message: "label of record 1 is out of range, got 10; known: 0..9",
    },
    {
      title: "an empty batch",
      files: { "data_batch_3.bin": new Uint8Array(0), "test_batch.bin": batch([3]) },
      file: "data_batch_3.bin",
      message: "file is empty, expected records of 3073 bytes, got 0 bytes",
    },
    {
      title: "no training batch",
      files: { "test_batch.bin": batch([3]) },
      file: "",
      message: "training batches are missing, got no data_batch_N.bin",
    },
    {
      title: "no test batch",
      files: { "data_batch_1.bin": batch([3]) },
      file: "",
      message: "test batch is missing, got no test_batch.bin",
    },
  ];
  it.each([
    ["the Python version (pickles)", { data_batch_1: Uint8Array.of(0x80, 2), test_batch: Uint8Array.of(0x80, 2) }],
    ["the Python version (pickles)", { data_batch_3: Uint8Array.of(0x80, 2), "test_batch.bin": batch([3]) }],
    ["the MATLAB version", { "data_batch_1.mat": new Uint8Array(9) }],
    ["the archive, not unpacked", { "cifar-10-binary.tar.gz": new Uint8Array(9) }],
  ])("says in one line that a directory holds %s", async (form, files) => {
    const directory = await directoryWith(files);
    const got = Object.keys(files).filter((name) => !name.endsWith(".bin"));
    expect(await faultOf(loadCifar10(directory))).toBe(
      `${directory}: holds ${form}, got ${got.join(", ")}; valid: the binary version, data_batch_N.bin and test_batch.bin of cifar-10-binary.tar.gz`,
    );
  });

  it("knows a renamed pickle, but takes records that begin like one of another format", async () => {
    const pickle = Uint8Array.of(0x80, 2, 0x7d, 0x71, 0);
    const directory = await directoryWith({ "data_batch_1.bin": pickle, "test_batch.bin": batch([3]) });
    expect(await faultOf(loadCifar10(directory))).toMatch(
      /data_batch_1\.bin: is not a batch of images but a Python pickle/,
    );
    // Label 8 and pixels 3, 18: the first bytes of an ONNX model.
    const images = batch([8]);
    images.set([3, 18], 1);
    const valid = await directoryWith({ "data_batch_1.bin": images, "test_batch.bin": batch([3]) });
    expect((await loadCifar10(valid)).train.size).toBe(1);
  });

  it.each(cases)("names the file and the fault: $title", async ({ files, file, message }) => {
    const directory = await directoryWith(files);
    expect(await faultOf(loadCifar10(directory))).toBe(
      `${file === "" ? directory : join(directory, file)}: ${message}`,
    );
  });

  it("says all faults at once", async () => {
    const directory = await directoryWith({ "data_batch_1.bin": batch([12]), "test_batch.bin": new Uint8Array(1) });
    expect((await faultOf(loadCifar10(directory))).split("\n").length).toBe(2);
  });

  it("names a missing directory", async () => {
    expect(await faultOf(loadCifar10("/no/such/place"))).toBe(
      "/no/such/place: cannot read this directory, got no such file or directory",
    );
  });
});

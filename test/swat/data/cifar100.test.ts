/** CIFAR-100's binary files: small written ones, and the ways to be damaged. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCifar100 } from "../../../src/swat/data/cifar100.ts";
import { directoryWith, faultOf } from "./files.ts";

/** Records of coarse and fine labels; every pixel byte of record i is its fine label + channel. */
function records(labels: readonly (readonly [coarse: number, fine: number])[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3074);
  labels.forEach(([coarse, fine], record) => {
    bytes.set([coarse, fine], record * 3074);
    for (let channel = 0; channel < 3; channel++) {
      const first = record * 3074 + 2 + channel * 1024;
      bytes.fill(fine + channel, first, first + 1024);
    }
  });
  return bytes;
}

describe("loadCifar100", () => {
  it("learns the fine labels of 100 classes and normalises each channel", async () => {
    const directory = await directoryWith({
      "train.bin": records([
        [3, 42],
        [19, 99],
      ]),
      "test.bin": records([[0, 7]]),
      "fine_label_names.txt": new Uint8Array(5),
    });
    const { name, train, test } = await loadCifar100(directory);
    expect([name, train.size, test.size, train.classes]).toEqual(["cifar100", 2, 1, 100]);
    expect([train.channels, train.height, train.width]).toEqual([3, 32, 32]);
    expect([train.label(0), train.label(1), test.label(0)]).toEqual([42, 99, 7]);
    const target = new Float32Array(3072 + 1);
    train.loadImage(1, target, 1);
    expect(target[1]).toBeCloseTo((99 / 255 - 0.5071) / 0.2675, 5);
    expect(target[1024]).toBe(target[1]);
    expect(target[1025]).toBeCloseTo((100 / 255 - 0.4867) / 0.2565, 5);
    expect(target[3072]).toBeCloseTo((101 / 255 - 0.4408) / 0.2761, 5);
  });

  const whole = records([[1, 1]]);
  const cases: { title: string; files: Record<string, Uint8Array>; file: string; message: string }[] = [
    {
      title: "records of CIFAR-10",
      files: { "train.bin": new Uint8Array(2 * 3073), "test.bin": whole },
      file: "train.bin",
      message: "file is cut, expected records of 3074 bytes, got 6146 bytes (3072 left over)",
    },
    {
      title: "a coarse label above 19",
      files: { "train.bin": whole, "test.bin": records([[20, 1]]) },
      file: "test.bin",
      message: "coarse label of record 0 is out of range, got 20; known: 0..19",
    },
    {
      title: "a fine label above 99",
      files: {
        "train.bin": records([
          [1, 1],
          [1, 100],
        ]),
        "test.bin": whole,
      },
      file: "train.bin",
      message: "fine label of record 1 is out of range, got 100; known: 0..99",
    },
    {
      title: "an empty file",
      files: { "train.bin": new Uint8Array(0), "test.bin": whole },
      file: "train.bin",
      message: "file is empty, expected records of 3074 bytes, got 0 bytes",
    },
    {
      title: "no test images",
      files: { "train.bin": whole },
      file: "",
      message: "test images are missing, got no test.bin",
    },
  ];
  it.each(cases)("names the file and the fault: $title", async ({ files, file, message }) => {
    const directory = await directoryWith(files);
    expect(await faultOf(loadCifar100(directory))).toBe(
      `${file === "" ? directory : join(directory, file)}: ${message}`,
    );
  });

  it("says all faults at once", async () => {
    const directory = await directoryWith({ "train.bin": records([[33, 1]]), "test.bin": new Uint8Array(1) });
    expect((await faultOf(loadCifar100(directory))).split("\n").length).toBe(2);
    expect((await faultOf(loadCifar100(await directoryWith({})))).split("\n").length).toBe(2);
  });
});

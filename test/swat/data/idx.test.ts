/** MNIST-style files: the real Fashion-MNIST where it is present, small written ones, and one test for each way to be damaged. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { loadIdx } from "../../../src/swat/data/idx.ts";
import { directoryWith, faultOf, idxFile, realData } from "./files.ts";
import { channelStatistics } from "./statistics.ts";

const real = realData("fashion-mnist");

/** Three training images and two test images of 2 × 3 pixels. */
function smallFiles(): Record<string, Uint8Array> {
  const pixels = (count: number) => Uint8Array.from({ length: 6 * count }, (_, i) => (i * 37) % 256);
  return {
    "train-images-idx3-ubyte": idxFile([3, 2, 3], pixels(3)),
    "train-labels-idx1-ubyte": idxFile([3], [9, 0, 4]),
    "t10k-images-idx3-ubyte": idxFile([2, 2, 3], pixels(2)),
    "t10k-labels-idx1-ubyte": idxFile([2], [1, 2]),
  };
}

describe("Fashion-MNIST itself", () => {
  it.skipIf(real.absent)(
    "has 60,000 and 10,000 images, the published first labels, mean 0 and deviation 1",
    async () => {
      const { train, test } = await loadIdx("fashion-mnist", real.directory);
      expect([train.size, test.size]).toEqual([60_000, 10_000]);
      expect([train.channels, train.height, train.width, train.classes]).toEqual([1, 28, 28, 10]);
      expect(Array.from({ length: 8 }, (_, i) => train.label(i))).toEqual([9, 0, 0, 3, 0, 2, 7, 2]);
      const { mean, std } = channelStatistics(train, train.size);
      expect(mean[0]).toBeCloseTo(0, 5);
      expect(std[0]).toBeCloseTo(1, 5);
    },
  );
});

describe("loadIdx", () => {
  it("normalises pixels and puts images where it is told", async () => {
    const { train, test } = await loadIdx("mnist", await directoryWith(smallFiles()));
    expect([train.size, train.height, train.width, test.size]).toEqual([3, 2, 3, 2]);
    expect([train.label(0), train.label(1), train.label(2), test.label(1)]).toEqual([9, 0, 4, 2]);
    const target = new Float32Array(8);
    train.loadImage(1, target, 1);
    for (let i = 0; i < 6; i++) {
      const byte = ((6 + i) * 37) % 256;
      expect(target[1 + i]).toBeCloseTo((byte / 255 - 0.1307) / 0.3081, 6);
    }
    expect([target[0], target[7]]).toEqual([0, 0]);
  });

  it("reads packed files and dotted names as the plain ones", async () => {
    const files = smallFiles();
    const renamed = Object.fromEntries(
      Object.entries(files).map(([name, bytes], i) => [
        i % 2 === 0 ? `${name}.gz` : `${name.replace(/-(idx\d)/, ".$1")}${i === 3 ? ".gz" : ""}`,
        bytes,
      ]),
    );
    expect(Object.keys(renamed)[1]).toBe("train-labels.idx1-ubyte");
    const plain = await loadIdx("mnist", await directoryWith(files));
    const packed = await loadIdx("mnist", await directoryWith(renamed));
    for (const split of ["train", "test"] as const) {
      expect(packed[split].size).toBe(plain[split].size);
      for (let i = 0; i < plain[split].size; i++) {
        const [a, b] = [new Float32Array(6), new Float32Array(6)];
        plain[split].loadImage(i, a, 0);
        packed[split].loadImage(i, b, 0);
        expect(b).toEqual(a);
        expect(packed[split].label(i)).toBe(plain[split].label(i));
      }
    }
  });
});

describe("a damaged IDX directory", () => {
  const cases: { title: string; change: (files: Record<string, Uint8Array>) => void; file: string; message: string }[] =
    [
      {
        title: "a wrong magic number",
        change: (files) => {
          files["train-images-idx3-ubyte"] = idxFile([18], new Uint8Array(18));
        },
        file: "train-images-idx3-ubyte",
        message: "wrong magic number, expected 0x00000803, got 0x00000801",
      },
      {
        title: "a cut file",
        change: (files) => {
          files["t10k-images-idx3-ubyte"] = files["t10k-images-idx3-ubyte"].subarray(0, 20);
        },
        file: "t10k-images-idx3-ubyte",
        message: "file is cut, expected 28 bytes, got 20",
      },
      {
        title: "a cut header",
        change: (files) => {
          files["train-labels-idx1-ubyte"] = new Uint8Array(5);
        },
        file: "train-labels-idx1-ubyte",
        message: "file is cut, expected a header of 8 bytes, got 5",
      },
      {
        title: "bytes that follow the last image",
        change: (files) => {
          files["t10k-images-idx3-ubyte"] = Uint8Array.from([...files["t10k-images-idx3-ubyte"], 0]);
        },
        file: "t10k-images-idx3-ubyte",
        message: "file is too long, expected 28 bytes, got 29",
      },
      {
        title: "a file without images",
        change: (files) => {
          files["train-images-idx3-ubyte"] = idxFile([0, 2, 3], []);
        },
        file: "train-images-idx3-ubyte",
        message: "file holds no data, got extents 0x2x3",
      },
      {
        title: "a label out of range",
        change: (files) => {
          files["train-labels-idx1-ubyte"] = idxFile([3], [1, 2, 10]);
        },
        file: "train-labels-idx1-ubyte",
        message: "label 2 is out of range, got 10; known: 0..9",
      },
      {
        title: "other numbers of images and labels",
        change: (files) => {
          files["train-labels-idx1-ubyte"] = idxFile([2], [1, 2]);
        },
        file: "train-images-idx3-ubyte",
        message: "images and labels differ in number, got 3 and 2",
      },
      {
        title: "test images of another size",
        change: (files) => {
          files["t10k-images-idx3-ubyte"] = idxFile([2, 3, 3], new Uint8Array(18));
        },
        file: "",
        message: "training and test images differ in size, got 2x3 and 3x3",
      },
    ];
  it.each(cases)("names the file and the fault: $title", async ({ change, file, message }) => {
    const files = smallFiles();
    change(files);
    const directory = await directoryWith(files);
    expect(await faultOf(loadIdx("mnist", directory))).toBe(
      `${file === "" ? directory : join(directory, file)}: ${message}`,
    );
  });

  it("names a file whose gzip data is cut, and one that is no gzip data", async () => {
    const { "t10k-labels-idx1-ubyte": labels, ...files } = smallFiles();
    const directory = await directoryWith(files);
    const path = join(directory, "t10k-labels-idx1-ubyte.gz");
    await writeFile(path, gzipSync(labels).subarray(0, 15));
    expect(await faultOf(loadIdx("mnist", directory))).toBe(
      `${path}: gzip data is damaged, got unexpected end of file`,
    );
    await writeFile(path, labels);
    expect(await faultOf(loadIdx("mnist", directory))).toBe(
      `${path}: gzip data is damaged, got incorrect header check`,
    );
  });

  it("lists the spellings of a missing file", async () => {
    const { "t10k-labels-idx1-ubyte": _, ...files } = smallFiles();
    const directory = await directoryWith(files);
    expect(await faultOf(loadIdx("mnist", directory))).toBe(
      `${directory}: file is missing, got none of t10k-labels-idx1-ubyte, t10k-labels-idx1-ubyte.gz, t10k-labels.idx1-ubyte, t10k-labels.idx1-ubyte.gz`,
    );
  });

  it("says one line for each faulty file", async () => {
    const files = smallFiles();
    files["train-images-idx3-ubyte"] = new Uint8Array(3);
    files["t10k-labels-idx1-ubyte"] = idxFile([2], [1, 99]);
    const lines = (await faultOf(loadIdx("mnist", await directoryWith(files)))).split("\n");
    expect(lines.length).toBe(2);
    expect(lines[0]).toContain("train-images");
    expect(lines[1]).toContain("label 1 is out of range, got 99");
  });

  it("names a missing directory once", async () => {
    const directory = join(await directoryWith({}), "nowhere");
    expect(await faultOf(loadIdx("mnist", directory))).toBe(
      `${directory}: cannot read this directory, got no such file or directory`,
    );
  });
});

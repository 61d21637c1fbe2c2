/** Folders of pictures: layouts, order, centre crop, normalisation, faults, and memory that does not grow with the set. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../../src/swat/data/dataset.ts";
import { loadImages } from "../../../src/swat/data/images.ts";
import { directoryWith, faultOf } from "./files.ts";
import { jpegFile, pngFile } from "./pictures.ts";

const SIDE = 8;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

const plain = (value: number) => pngFile(2, 3, () => [value, value, value]);

/** What all red pixels of image `index` were, 0 … 255; the image must be plain. */
function redOf(dataset: Dataset, index: number): number {
  const image = new Float32Array(3 * SIDE * SIDE);
  dataset.loadImage(index, image, 0);
  expect(Math.abs(image[0] - image[SIDE * SIDE - 1])).toBeLessThan(1e-5);
  return Math.round(Math.abs(image[0] * STD[0] + MEAN[0]) * 255);
}

function contents(dataset: Dataset): [label: number, value: number][] {
  return Array.from({ length: dataset.size }, (_, i) => [dataset.label(i), redOf(dataset, i)]);
}

describe("loadImages", () => {
  it("takes classes in the order of their names, pictures in turns, val before test, and leaves the rest alone", async () => {
    const directory = await directoryWith({
      "train/b/2.png": plain(22),
      "train/b/1.PNG": plain(21),
      "train/b/notes.txt": plain(0),
      "train/a/z.JPEG": plain(13),
      "train/a/x.png": plain(11),
      "train/a/y.jpg": plain(12),
      "train/a/._x.png": plain(0),
      "train/.cache/x.png": plain(0),
      "val/b/1.png": plain(31),
      "test/a/1.png": plain(41),
      "readme.md": plain(0),
    });
    const { train, test } = await loadImages(directory, SIDE);
    expect([train.classes, test.classes, train.channels, train.height, train.width]).toEqual([2, 2, 3, SIDE, SIDE]);
    expect(contents(train)).toEqual([
      [0, 11],
      [1, 21],
      [0, 12],
      [1, 22],
      [0, 13],
    ]);
    expect(contents(test)).toEqual([[1, 31]]);
  });

  it("takes test where there is no val", async () => {
    const directory = await directoryWith({ "train/a/1.png": plain(1), "test/a/1.png": plain(2) });
    expect(contents((await loadImages(directory, SIDE)).test)).toEqual([[0, 2]]);
  });

  it("tests on every fifth picture of a class where nothing is split", async () => {
    const names = ["a", "b"].flatMap((name, label) =>
      Array.from({ length: 6 - label }, (_, i) => [`${name}/${i}.png`, plain(10 * label + i)] as const),
    );
    const { train, test } = await loadImages(await directoryWith(Object.fromEntries(names)), SIDE);
    expect(contents(test)).toEqual([
      [0, 4],
      [1, 14],
    ]);
    expect(contents(train).filter(([label]) => label === 0)).toEqual([0, 1, 2, 3, 5].map((value) => [0, value]));
    expect(train.size).toBe(9);
  });

  it("cuts the centre square, resizes and normalises it, into its place in the target", async () => {
    // 8 × 12: columns 2 to 9 are the centre; red counts columns, green counts rows.
    const wide = pngFile(8, 12, (y, x) => [10 * x, 20 * y, 255]);
    const { train } = await loadImages(await directoryWith({ "train/a/1.png": wide, "val/a/1.png": wide }), SIDE);
    const target = new Float32Array(5 + 3 * 64 + 1);
    train.loadImage(0, target, 5);
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        const at = 5 + y * 8 + x;
        expect(target[at]).toBeCloseTo(((10 * (x + 2)) / 255 - 0.485) / 0.229, 5);
        expect(target[at + 64]).toBeCloseTo(((20 * y) / 255 - 0.456) / 0.224, 5);
        expect(target[at + 128]).toBeCloseTo((1 - 0.406) / 0.225, 5);
      }
    }
    expect([...target.subarray(0, 5), target[197]]).toEqual([0, 0, 0, 0, 0, 0]);
    for (const [channel, black] of train.black.entries()) expect(black).toBeCloseTo(-MEAN[channel] / STD[channel], 12);
  });

  it("says which file is damaged or gone when it is loaded", async () => {
    const cut = jpegFile(16, 16, () => [1, 2, 3]).subarray(0, 400);
    const directory = await directoryWith({ "train/a/1.jpg": cut, "train/a/2.png": plain(1), "val/a/1.png": plain(1) });
    const { train } = await loadImages(directory, SIDE);
    const target = new Float32Array(3 * 64);
    const path = join(directory, "train/a/1.jpg");
    expect(() => train.loadImage(0, target, 0)).toThrow(`${path}: picture is damaged, got `);
    await rm(join(directory, "train/a/2.png"));
    expect(() => train.loadImage(1, target, 0)).toThrow("2.png: cannot be read, got no such file or directory");
  });

  const cases: { title: string; names: string[]; messages: string[] }[] = [
    { title: "no folder", names: ["a.png"], messages: [": class folders are missing, got no folder"] },
    {
      title: "classes without pictures",
      names: ["train/a/1.gif", "train/b/1.txt", "train/c/1.png", "val/c/1.png"],
      messages: ["/train/a: class has no pictures, got no .png, .jpg or .jpeg", "/train/b: class has no pictures"],
    },
    {
      title: "a test class that is not trained",
      names: ["train/a/1.png", "val/b/1.png"],
      messages: ['/val: class is unknown, got "b"; known: folders of '],
    },
    {
      title: "no test folder",
      names: ["train/a/1.png"],
      messages: [": test images are missing, got folder train without val or test"],
    },
    {
      title: "no training folder",
      names: ["val/a/1.png"],
      messages: [": training images are missing, got folder val without train"],
    },
    {
      title: "too few pictures to split",
      names: ["a/1.png", "a/2.png", "b/1.png"],
      messages: [": test images are missing: every 5th picture of a class is one, got at most 2 in a class"],
    },
  ];
  it.each(cases)("refuses $title", async ({ names, messages }) => {
    const directory = await directoryWith(Object.fromEntries(names.map((name) => [name, plain(1)])));
    const lines = (await faultOf(loadImages(directory, SIDE))).split("\n");
    expect(lines.length).toBe(messages.length);
    for (const [i, message] of messages.entries()) expect(lines[i]).toContain(`${directory}${message}`);
  });

  it("needs no more memory for many pictures than for few", async () => {
    // 600 pictures of 128 × 128: 29 MB as bytes, 39 MB with alpha; what is kept is a name and a label of each.
    const file = pngFile(128, 128, (y, x) => [y, x, 7]);
    const many = Array.from({ length: 600 }, (_, i) => [`train/a/${i}.png`, file] as const);
    const directory = await directoryWith({ ...Object.fromEntries(many), "val/a/1.png": file });
    const { train } = await loadImages(directory, 32);
    const target = new Float32Array(3 * 32 * 32);
    const load = (from: number, to: number) => {
      for (let i = from; i < to; i++) train.loadImage(i, target, 0);
      return memoryInUse();
    };
    const few = load(0, 20);
    expect(load(20, 600) - few).toBeLessThan(1e7);
  });
});

/** Bytes after a full collection, on the heap and outside it. */
function memoryInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Augmentation: what a crop may be, in equal shares; streams that depend on seed, epoch and index alone; boxes in their ranges. */
import { describe, expect, it } from "vitest";
import { createBackend } from "../../../src/kernels/index.ts";
import { networkNamed } from "../../../src/networks/index.ts";
import { type Augmentation, augmentation } from "../../../src/swat/data/augment.ts";
import { type Box, byteDataset, type Dataset } from "../../../src/swat/data/dataset.ts";
import { generatedData } from "../../../src/swat/data/generated.ts";
import { loadImages } from "../../../src/swat/data/images.ts";
import { evaluate } from "../../../src/swat/evaluate.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../../src/swat/settings.ts";
import { train } from "../../../src/swat/train.ts";
import { directoryWith } from "./files.ts";
import { pngFile } from "./pictures.ts";

const CHANNELS = 2;
const HEIGHT = 6;
const WIDTH = 5;
const PADDING = 4;
const NORMALIZATION = { mean: [0.25, 0.5], std: [0.5, 0.25] };
const COUNT = 3000;
const pixels = CHANNELS * HEIGHT * WIDTH;
/** All pixels of an image differ and none is 0, so that a crop tells where it was cut. */
const raw = Uint8Array.from({ length: pixels }, (_, i) => i + 1);

/** So many times the same image. */
function repeated(count: number): Dataset {
  const shape = { channels: CHANNELS, height: HEIGHT, width: WIDTH };
  const labels = new Uint8Array(count);
  return byteDataset({ name: "raw", ...shape, classes: 1, bytes: raw, first: 0, stride: 0, labels }, NORMALIZATION);
}

function imageOf(dataset: Dataset, index: number): Float32Array {
  const image = new Float32Array(dataset.channels * dataset.height * dataset.width);
  dataset.loadImage(index, image, 0);
  return image;
}

/** Pads raw bytes with 0, cuts, mirrors, then normalises: the order of torchvision. */
function expectedImage(top: number, left: number, flipped: boolean): number[] {
  return Array.from({ length: pixels }, (_, i) => {
    const channel = Math.floor(i / (HEIGHT * WIDTH));
    const y = (Math.floor(i / WIDTH) % HEIGHT) + top - PADDING;
    const x = (flipped ? WIDTH - 1 - (i % WIDTH) : i % WIDTH) + left - PADDING;
    const inside = y >= 0 && y < HEIGHT && x >= 0 && x < WIDTH;
    const byte = inside ? raw[(channel * HEIGHT + y) * WIDTH + x] : 0;
    return Math.fround((byte / 255 - NORMALIZATION.mean[channel]) / NORMALIZATION.std[channel]);
  });
}

/** How often each of the possible images came; fails on any other. */
function tally(asked: readonly Augmentation[]): Map<string, number> {
  const counts = new Map<string, number>();
  const possible = new Map<string, string>();
  const places = asked.includes("crop") ? Array.from({ length: 2 * PADDING + 1 }, (_, i) => i) : [PADDING];
  for (const flipped of asked.includes("flip") ? [false, true] : [false])
    for (const top of places)
      for (const left of places) possible.set(expectedImage(top, left, flipped).join(), `${top} ${left} ${flipped}`);
  for (const name of possible.values()) counts.set(name, 0);
  const dataset = augmentation(repeated(COUNT), asked, 7)(0);
  for (let i = 0; i < COUNT; i++) {
    const name = possible.get(imageOf(dataset, i).join()) ?? expect.fail(`image ${i} is no such crop`);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

describe("augmentation", () => {
  it("pads raw pixels with 0, and every crop and flip comes, in equal shares", () => {
    // Some crops of the far corner show no pixel of the image's other side, but all 162 differ.
    const counts = [...tally(["crop", "flip"]).values()];
    expect(counts.length).toBe(2 * 81);
    const expected = COUNT / counts.length;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 161 degrees of freedom: mean 161, deviation √322 = 17.9; five deviations.
    expect(chiSquare).toBeLessThan(161 + 5 * 17.9);
  });

  it("flips about half of the images, the same ones with and without crops", () => {
    const counts = tally(["flip"]);
    // Deviation √(3000 / 4) = 27.4; five of them.
    expect(Math.abs((counts.get("4 4 true") ?? 0) - COUNT / 2)).toBeLessThan(5 * 27.4);
    const both = tally(["flip", "crop"]);
    const flipped = [...both].filter(([name]) => name.endsWith("true")).reduce((sum, [, count]) => sum + count, 0);
    expect(flipped).toBe(counts.get("4 4 true"));
  });

  it("depends on seed, epoch and index alone, not on the order of loading or the size of the set", () => {
    const images = augmentation(repeated(40), ["crop", "flip"], 3);
    const forward = Array.from({ length: 40 }, (_, i) => imageOf(images(2), i));
    const fresh = augmentation(repeated(999), ["flip", "crop"], 3);
    fresh(1).loadImage(5, new Float32Array(pixels), 0);
    const late = fresh(2);
    for (let i = 39; i >= 0; i--) expect(imageOf(late, i)).toEqual(forward[i]);
    const differs = (other: Dataset) => forward.filter((image, i) => image.join() !== imageOf(other, i).join()).length;
    expect(differs(images(3))).toBeGreaterThan(30);
    expect(differs(augmentation(repeated(40), ["crop", "flip"], 4)(2))).toBeGreaterThan(30);
  });

  it("writes into its place alone and keeps labels and sizes", () => {
    const { train } = generatedData({ seed: 1, height: 8, width: 9, channels: 2, trainSize: 30 });
    const dataset = augmentation(train, ["crop", "flip"], 3)(0);
    expect([dataset.size, dataset.label(13)]).toEqual([30, 3]);
    const target = new Float32Array(3 + 144 + 2);
    dataset.loadImage(13, target, 3);
    expect(target.subarray(3, 147)).toEqual(imageOf(dataset, 13));
    expect([...target.subarray(0, 3), ...target.subarray(147)]).toEqual([0, 0, 0, 0, 0]);
  });

  it("is the data set itself where nothing is asked for", () => {
    const dataset = repeated(3);
    expect(augmentation(dataset, [], 1)(5)).toBe(dataset);
  });

  it("refuses resized crops of images that are no pictures", () => {
    expect(() => augmentation(repeated(3), ["resized-crop"], 1)).toThrow(
      "augment: resized-crop needs pictures, got raw; known: images:DIR, or crop and flip",
    );
  });
});

describe("resized crops", () => {
  /** The boxes that `count` images are cut from, of pictures of one size. */
  function boxesOf(count: number, height: number, width: number): Box[] {
    const boxes: Box[] = [];
    const loadBox: Dataset["loadBox"] = (_, choose) => void boxes.push(choose(height, width));
    const dataset = augmentation({ ...repeated(count), loadBox }, ["resized-crop"], 1)(0);
    for (let i = 0; i < count; i++) imageOf(dataset, i);
    return boxes;
  }

  it("cover 8 to 100 % of a picture with sides of 3:4 to 4:3, inside it", () => {
    const boxes = boxesOf(2000, 300, 400);
    for (const { top, left, height, width } of boxes) {
      expect(Math.min(top, left)).toBeGreaterThanOrEqual(0);
      expect(top + height).toBeLessThanOrEqual(300);
      expect(left + width).toBeLessThanOrEqual(400);
      // Sides are rounded: half a pixel either way, of 80 and more.
      expect(height * width).toBeGreaterThan(0.08 * 120_000 * 0.98);
      expect(Math.max(height / width, width / height)).toBeLessThan((4 / 3) * 1.02);
    }
    const areas = boxes.map(({ height, width }) => (height * width) / 120_000);
    expect(Math.min(...areas)).toBeLessThan(0.1);
    expect(Math.max(...areas)).toBeGreaterThan(0.9);
    const tops = new Set(boxes.map(({ top }) => top));
    expect(tops.has(0) && Math.max(...tops) > 150).toBe(true);
  });

  it("are the centre of a picture that no such box fits into", () => {
    for (const [height, width] of [
      [4, 4000],
      [4000, 4],
    ]) {
      for (const box of boxesOf(20, height, width)) {
        expect([box.height, box.width].sort((a, b) => a - b)).toEqual([4, 5]);
        expect(Math.abs(box.top + box.height / 2 - height / 2)).toBeLessThan(1);
        expect(Math.abs(box.left + box.width / 2 - width / 2)).toBeLessThan(1);
      }
    }
  });

  it("are cut from the picture itself, before it is resized", async () => {
    // Red counts columns over 160, green counts rows over 120: slopes of the image are those of its box.
    const file = pngFile(120, 160, (y, x) => [x, y, 0]);
    const directory = await directoryWith({ "train/a/1.png": file, "val/a/1.png": file });
    const { train } = await loadImages(directory, 16);
    let box: Box | undefined;
    const watched: Dataset = {
      ...train,
      loadBox: (index, choose, target, offset) =>
        train.loadBox?.(index, (height, width) => (box = choose(height, width)), target, offset),
    };
    const image = imageOf(augmentation(watched, ["resized-crop"], 9)(0), 0);
    if (box === undefined) expect.fail("no box was chosen");
    const red = (y: number, x: number) => (image[y * 16 + x] * 0.229 + 0.485) * 255;
    const green = (y: number, x: number) => (image[256 + y * 16 + x] * 0.224 + 0.456) * 255;
    // Pixel p of the image lies (p + ½) / 16 into the box; the ramp has x at x + ½. Weights of a sampled triangle are even to a few hundredths.
    expect(Math.abs(red(8, 8) - (box.left + (8.5 / 16) * box.width - 0.5))).toBeLessThan(0.1);
    expect(Math.abs(green(8, 8) - (box.top + (8.5 / 16) * box.height - 0.5))).toBeLessThan(0.1);
    expect(Math.abs(red(8, 12) - red(8, 4) - box.width / 2)).toBeLessThan(0.2);
    expect(Math.abs(green(12, 8) - green(4, 8) - box.height / 2)).toBeLessThan(0.2);
    expect(imageOf(train, 0)).not.toEqual(image);
  });
});

describe("training with augmentation", () => {
  const { rate, ...defaults } = TRAIN_DEFAULTS;
  const settings: TrainSettings = { ...defaults, method: "dense", epochs: 2, schedule: [{ epoch: 0, rate }] };
  const data = generatedData({ seed: 1, height: 28, width: 28, channels: 1, trainSize: 48, testSize: 40 });
  const network = networkNamed("lenet5").build([1, 28, 28], 10);

  it("learns from other images than without, and is evaluated on the plain ones", async () => {
    const plain = await train(network, data, settings, createBackend("js"));
    const augmented = await train(network, data, { ...settings, augment: ["crop", "flip"] }, createBackend("js"));
    expect(augmented.epochLosses).not.toEqual(plain.epochLosses);
    expect(augmented.testAccuracy).toBe(evaluate(augmented.model, data.test, settings.batchSize));
  });
});

/** Generated images: the same from the same seed, balanced, normalised, useless to a linear classifier, plain to a matched filter. */
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../../src/swat/data/dataset.ts";
import { generatedData } from "../../../src/swat/data/generated.ts";
import { PATTERNS } from "../../../src/swat/data/patterns.ts";
import { channelStatistics } from "./statistics.ts";

function imageOf(dataset: Dataset, index: number): Float32Array {
  const image = new Float32Array(dataset.channels * dataset.height * dataset.width);
  dataset.loadImage(index, image, 0);
  return image;
}

describe("generated images", () => {
  it("depend on seed, split and index alone, not on the order of loading or the size of the set", () => {
    const a = generatedData({ seed: 5 });
    const b = generatedData({ seed: 5, trainSize: 17 });
    const late = imageOf(a.train, 16);
    const early = imageOf(a.train, 3);
    expect(imageOf(b.train, 3)).toEqual(early);
    expect(imageOf(b.train, 16)).toEqual(late);
    expect(imageOf(a.test, 3)).not.toEqual(early);
    expect(imageOf(generatedData({ seed: 6 }).train, 3)).not.toEqual(early);
  });

  it("go where they are told and touch nothing else", () => {
    const { train } = generatedData({ seed: 5, height: 8, width: 10, channels: 2 });
    const target = new Float32Array(2 + 160 + 3);
    train.loadImage(4, target, 2);
    expect(target.subarray(2, 162)).toEqual(imageOf(train, 4));
    expect([target[0], target[1], target[162], target[164]]).toEqual([0, 0, 0, 0]);
  });

  it("are balanced over ten classes and have about mean 0 and deviation 1", () => {
    const { train } = generatedData({ seed: 5 });
    const counts = new Uint32Array(train.classes);
    for (let i = 0; i < 1000; i++) counts[train.label(i)]++;
    expect(Array.from(counts)).toEqual(new Array(10).fill(100));
    const { mean, std } = channelStatistics(train, 3000);
    for (const value of mean) expect(Math.abs(value)).toBeLessThan(0.03);
    for (const value of std) expect(Math.abs(value - 1)).toBeLessThan(0.05);
  });

  it("refuse sides below 8 and sizes that are no positive integers", () => {
    expect(() => generatedData({ seed: 1, height: 7 })).toThrow(
      "height must be an integer of at least 8 and at most 1024, got 7",
    );
    expect(() => generatedData({ seed: 1, channels: 1.5 })).toThrow(
      "channels must be an integer of at least 1 and at most 1024, got 1.5",
    );
    expect(() => generatedData({ seed: 1, testSize: 0 })).toThrow("testSize must be an integer of at least 1, got 0");
  });
});

describe("what can be learned from generated images", () => {
  const side = 16;
  const { train, test } = generatedData({ seed: 21, height: side, width: side, channels: 1 });

  it("next to nothing by a linear softmax classifier", () => {
    const weight = trainLinear(train, 2000, 5, 5e-4);
    const accuracy = accuracyOf(test, 1000, (image) => argmax(logitsOf(image, weight)));
    // Chance is 0.1.
    expect(accuracy).toBeLessThan(0.25);
  });

  it("most of the classes by the best-matching template at any place and size", () => {
    const templates = allTemplates(side);
    const accuracy = accuracyOf(test, 100, (image) => bestTemplate(image, templates));
    expect(accuracy).toBeGreaterThan(0.7);
  });
});

function accuracyOf(dataset: Dataset, count: number, classify: (image: Float32Array) => number): number {
  let right = 0;
  for (let i = 0; i < count; i++) if (classify(imageOf(dataset, i)) === dataset.label(i)) right++;
  return right / count;
}

/** Gradient descent on the cross-entropy, image by image; rows of weights end in a bias. */
function trainLinear(dataset: Dataset, count: number, epochs: number, rate: number): Float32Array[] {
  const images = Array.from({ length: count }, (_, i) => imageOf(dataset, i));
  const features = images[0].length;
  const weight = Array.from({ length: dataset.classes }, () => new Float32Array(features + 1));
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const [index, image] of images.entries()) {
      const logits = logitsOf(image, weight);
      const top = Math.max(...logits);
      const powers = logits.map((logit) => Math.exp(logit - top));
      const sum = powers.reduce((total, power) => total + power, 0);
      for (const [k, row] of weight.entries()) {
        const step = rate * (powers[k] / sum - (k === dataset.label(index) ? 1 : 0));
        for (let i = 0; i < features; i++) row[i] -= step * image[i];
        row[features] -= step;
      }
    }
  }
  return weight;
}

function logitsOf(image: Float32Array, weight: readonly Float32Array[]): number[] {
  return weight.map((row) => row[image.length] + dot(row, image));
}

interface Template {
  readonly label: number;
  readonly values: Float32Array;
}

/** Every pattern at five sizes and at half-pixel places, without its best-fitting slope, of length 1. */
function allTemplates(side: number): Template[] {
  const templates: Template[] = [];
  const removeSlope = slopeRemover(side);
  for (const [label, pattern] of PATTERNS.entries()) {
    for (const part of [0.335, 0.36, 0.39, 0.42, 0.445]) {
      const radius = part * side;
      for (let y = 0.85 * radius; y <= side - 0.85 * radius; y += 0.5) {
        for (let x = 0.85 * radius; x <= side - 0.85 * radius; x += 0.5) {
          const values = Float32Array.from({ length: side * side }, (_, i) => {
            const u = ((i % side) + 0.5 - x) / radius;
            const v = (Math.floor(i / side) + 0.5 - y) / radius;
            return u * u + v * v <= 1 ? pattern.value(u, v) : 0;
          });
          removeSlope(values);
          const norm = Math.sqrt(dot(values, values));
          templates.push({ label, values: values.map((value) => value / norm) });
        }
      }
    }
  }
  return templates;
}

/** Projects out the constant and the slopes in x and y, which are orthogonal on a centred grid. */
function slopeRemover(side: number): (values: Float32Array) => void {
  const centre = (side - 1) / 2;
  const bases = [() => 1, (x: number) => x - centre, (_x: number, y: number) => y - centre].map((base) => {
    const values = Float32Array.from({ length: side * side }, (_, i) => base(i % side, Math.floor(i / side)));
    const norm = Math.sqrt(dot(values, values));
    return values.map((value) => value / norm);
  });
  return (values) => {
    for (const base of bases) {
      const along = dot(values, base);
      for (let i = 0; i < values.length; i++) values[i] -= along * base[i];
    }
  };
}

/** Templates have no slope, so the background of an image does not count; nor does the sign of the contrast. */
function bestTemplate(image: Float32Array, templates: readonly Template[]): number {
  let best = 0;
  let label = -1;
  for (const template of templates) {
    const match = Math.abs(dot(image, template.values));
    if (match > best) {
      best = match;
      label = template.label;
    }
  }
  return label;
}

/** Over the length of `b`. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i];
  return sum;
}

function argmax(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

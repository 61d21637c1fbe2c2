/** Resizing: hand-computed weights, a direct sum over the whole picture, and what holds for every picture. */
import { describe, expect, it } from "vitest";
import { randomStream } from "../../../src/core/random.ts";
import type { Box } from "../../../src/swat/data/dataset.ts";
import type { Picture } from "../../../src/swat/data/picture.ts";
import { resample } from "../../../src/swat/data/resample.ts";

function randomPicture(height: number, width: number, step: number): Picture {
  const stream = randomStream(3, "test picture", height, width, step);
  return { height, width, step, bytes: Uint8Array.from({ length: height * width * step }, () => stream.int(256)) };
}

function resampled(picture: Picture, box: Box, height: number, width: number): number[] {
  const target = new Float32Array(3 * height * width + 2).fill(-1);
  resample(picture, box, [height, width], target, 1);
  expect([target[0], target.at(-1)]).toEqual([-1, -1]);
  return Array.from(target.subarray(1, -1));
}

/** A grey row as a picture of one line. */
function row(values: readonly number[]): Picture {
  return { height: 1, width: values.length, step: 3, bytes: Uint8Array.from(values.flatMap((v) => [v, v, v])) };
}

/** By definition: the triangle of the box's scale, over all pixels of the picture, both ways at once. */
function direct(picture: Picture, box: Box, height: number, width: number): number[] {
  const triangle = (at: number, centre: number, scale: number) =>
    Math.max(0, 1 - Math.abs(at + 0.5 - centre) / Math.max(1, scale));
  return Array.from({ length: 3 * height * width }, (_, i) => {
    const channel = Math.floor(i / (height * width));
    const scaleY = box.height / height;
    const scaleX = box.width / width;
    const centreY = box.top + (Math.floor((i % (height * width)) / width) + 0.5) * scaleY;
    const centreX = box.left + ((i % width) + 0.5) * scaleX;
    let sum = 0;
    let weights = 0;
    for (let y = 0; y < picture.height; y++) {
      for (let x = 0; x < picture.width; x++) {
        const weight = triangle(y, centreY, scaleY) * triangle(x, centreX, scaleX);
        sum += weight * picture.bytes[(y * picture.width + x) * picture.step + channel];
        weights += weight;
      }
    }
    return sum / weights;
  });
}

describe("resample", () => {
  it("interpolates where it enlarges and repeats the border", () => {
    const box = { top: 0, left: 0, height: 1, width: 2 };
    expect(resampled(row([0, 4]), box, 1, 4).slice(0, 4)).toEqual([0, 1, 3, 4]);
  });

  it("weighs all pixels where it shrinks: halving has weights 3, 3, 1 at the border", () => {
    const box = { top: 0, left: 0, height: 1, width: 4 };
    const [left, right] = resampled(row([70, 0, 0, 7]), box, 1, 2);
    expect(left).toBeCloseTo((3 * 70) / 7, 4);
    expect(right).toBeCloseTo((3 * 7) / 7, 4);
  });

  it("keeps the pixels of a box of the target's size, with or without alpha", () => {
    const box = { top: 2, left: 1, height: 3, width: 4 };
    for (const step of [3, 4]) {
      const picture = randomPicture(6, 7, step);
      const expected = [0, 1, 2].flatMap((channel) =>
        Array.from(
          { length: 12 },
          (_, i) => picture.bytes[((2 + Math.floor(i / 4)) * 7 + 1 + (i % 4)) * step + channel],
        ),
      );
      expect(resampled(picture, box, 3, 4)).toEqual(expected);
    }
  });

  it.each([
    { box: { top: 0, left: 2.5, height: 9, width: 9 }, height: 4, width: 4 },
    { box: { top: 0, left: 0, height: 9, width: 14 }, height: 20, width: 3 },
    { box: { top: 3.25, left: 5, height: 2.5, width: 9 }, height: 7, width: 8 },
  ])("is the sum over the whole picture: $height x $width of $box", ({ box, height, width }) => {
    const picture = randomPicture(9, 14, 3);
    const expected = direct(picture, box, height, width);
    for (const [i, value] of resampled(picture, box, height, width).entries())
      expect(value).toBeCloseTo(expected[i], 3);
  });
});

/** Mean and standard deviation of a data set's channels, over its first `count` images. */
import type { Dataset } from "../../../src/swat/data/dataset.ts";

export function channelStatistics(dataset: Dataset, count: number): { mean: number[]; std: number[] } {
  const pixels = dataset.height * dataset.width;
  const image = new Float32Array(dataset.channels * pixels);
  const sums = new Float64Array(dataset.channels);
  const squares = new Float64Array(dataset.channels);
  for (let index = 0; index < count; index++) {
    dataset.loadImage(index, image, 0);
    for (let i = 0; i < image.length; i++) {
      const channel = Math.floor(i / pixels);
      sums[channel] += image[i];
      squares[channel] += image[i] * image[i];
    }
  }
  const mean = Array.from(sums, (sum) => sum / (count * pixels));
  const std = Array.from(squares, (square, channel) => Math.sqrt(square / (count * pixels) - mean[channel] ** 2));
  return { mean, std };
}

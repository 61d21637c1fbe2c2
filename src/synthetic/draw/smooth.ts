/** Smooth random fields: autoregressions of second order along rows and along columns (../patterns.ts). */
import type { Smoothness } from "../patterns.ts";

/** x_t = first·x_(t−1) + second·x_(t−2) + own·e_t, whose variance is 1; x_1 = correlation·x_0 + start·e_1. */
interface Autoregression {
  readonly correlation: number;
  readonly start: number;
  readonly first: number;
  readonly second: number;
  readonly own: number;
}

/** By the equations of Yule and Walker. */
function autoregression({ correlation, curvature }: Smoothness): Autoregression {
  const start = Math.sqrt(1 - correlation ** 2);
  const own = start * Math.sqrt(1 - curvature ** 2);
  return { correlation, start, first: correlation * (1 + curvature), second: -curvature, own };
}

/** Makes independent standard normal deviates a field of the same distribution; correlations along both axes multiply. */
export function smooth(field: Float32Array, width: number, smoothness: Smoothness): void {
  if (smoothness.correlation === 0) return;
  const { correlation, start, first, second, own } = autoregression(smoothness);
  for (let row = 0; row < field.length; row += width) {
    const end = row + width;
    if (width > 1) field[row + 1] = correlation * field[row] + start * field[row + 1];
    for (let i = row + 2; i < end; i++) field[i] = first * field[i - 1] + second * field[i - 2] + own * field[i];
  }
  const [one, two] = [width, 2 * width];
  for (let i = one; i < Math.min(two, field.length); i++) field[i] = correlation * field[i - one] + start * field[i];
  for (let i = two; i < field.length; i++) {
    field[i] = first * field[i - one] + second * field[i - two] + own * field[i];
  }
}

/** Mean correlation of all pairs of pixels of a plane, and of those of different ones. */
export function meanCorrelation(
  smoothness: Smoothness,
  height: number,
  width: number,
): { readonly all: number; readonly different: number } {
  const all = meanAlong(smoothness, height) * meanAlong(smoothness, width);
  const pixels = height * width;
  return { all, different: pixels > 1 ? (all * pixels - 1) / (pixels - 1) : 0 };
}

function meanAlong(smoothness: Smoothness, extent: number): number {
  const { correlation, first, second } = autoregression(smoothness);
  let sum = extent;
  let [before, at] = [1, correlation];
  for (let apart = 1; apart < extent; apart++) {
    sum += 2 * (extent - apart) * at;
    [before, at] = [at, first * at + second * before];
  }
  return sum / extent ** 2;
}

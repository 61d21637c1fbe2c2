/** Draws the numbers whose zeros a synthetic trace has: weights, and activations as they enter and leave a ReLU. */
import { sizeOf } from "../../kernels/geometry.ts";
import { inverseNormal, philox4x32, type RandomStream } from "../../kernels/random.ts";
import type { SyntheticSettings } from "./settings.ts";

/** Weights of `shape` [filters, channels, …]; the last of three substreams is that of the weights themselves. */
export function drawWeights(shape: readonly number[], settings: SyntheticSettings, stream: RandomStream): Float32Array {
  const [filters, channels] = shape;
  const taps = sizeOf(shape.slice(2));
  const scalesOf = (part: number, count: number, spread: number) => {
    const normals = stream.substream(part);
    return Float64Array.from({ length: count }, () => Math.exp(spread * normals.normal()));
  };
  const filterScales = scalesOf(0, filters, settings.filterSpread);
  const channelScales = scalesOf(1, channels, settings.channelSpread);
  const weights = new Float32Array(sizeOf(shape));
  fillNormal(weights, stream.substream(2), 0);
  let at = 0;
  for (let filter = 0; filter < filters; filter++) {
    for (let channel = 0; channel < channels; channel++) {
      const scale = filterScales[filter] * channelScales[channel];
      for (let tap = 0; tap < taps; tap++) weights[at++] *= scale;
    }
  }
  return weights;
}

/** Outputs of a ReLU, of `shape` [N, C, H, W], whose inputs are as settings.ts says. */
export function drawRectified(
  shape: readonly number[],
  settings: SyntheticSettings,
  stream: RandomStream,
): Float32Array {
  const values = drawFields(shape, settings, stream);
  const threshold = -inverseNormal(settings.naturalDensity);
  for (let i = 0; i < values.length; i++) values[i] = Math.max(0, values[i] - threshold);
  return values;
}

/** Magnitudes of a tensor of `shape` [N, C, H, W] without natural zeros. */
export function drawMagnitudes(
  shape: readonly number[],
  settings: SyntheticSettings,
  stream: RandomStream,
): Float32Array {
  const values = drawFields(shape, settings, stream);
  for (let i = 0; i < values.length; i++) values[i] = Math.abs(values[i]);
  return values;
}

/** Standard normal deviates with the correlations of settings.ts. */
function drawFields(
  [images, channels, height, width]: readonly number[],
  { offsets, common, correlation }: SyntheticSettings,
  stream: RandomStream,
): Float32Array {
  const pixels = height * width;
  const ofChannel = new Float32Array(channels);
  fillNormal(ofChannel, stream.substream(0), 0);
  const ofImage = new Float32Array(pixels);
  const values = new Float32Array(images * channels * pixels);
  const shared = Math.sqrt((1 - offsets) * common);
  const own = Math.sqrt((1 - offsets) * (1 - common));
  const [planes, commons] = [stream.substream(1), stream.substream(2)];
  for (let image = 0; image < images; image++) {
    fillNormal(ofImage, commons, image);
    smooth(ofImage, width, correlation);
    for (let channel = 0; channel < channels; channel++) {
      const plane = image * channels + channel;
      const field = values.subarray(plane * pixels, (plane + 1) * pixels);
      fillNormal(field, planes, plane);
      smooth(field, width, correlation);
      const offset = Math.sqrt(offsets) * ofChannel[channel];
      for (let i = 0; i < pixels; i++) field[i] = own * field[i] + shared * ofImage[i] + offset;
    }
  }
  return values;
}

/**
 * Makes independent deviates a field of the same distribution whose correlation is r^(|x| + |y|): an autoregression
 * along rows of one along columns, in one sweep.
 */
function smooth(field: Float32Array, width: number, r: number): void {
  if (r === 0) return;
  const own = Math.sqrt(1 - r * r);
  const inner = 1 - r * r;
  for (let x = 1; x < width; x++) field[x] = r * field[x - 1] + own * field[x];
  for (let row = width; row < field.length; row += width) {
    field[row] = r * field[row - width] + own * field[row];
    for (let i = row + 1; i < row + width; i++) {
      field[i] = r * (field[i - 1] + field[i - width] - r * field[i - width - 1]) + inner * field[i];
    }
  }
}

const NORMALS_PER_BLOCK = 8;
const LEVELS = 1 << 16;
const block = new Uint32Array(4);
let quantiles: Float32Array | undefined;

/**
 * Fills `target` with standard normal deviates of 16 bits each, eight from a block of the generator; `run` tells fills
 * from one stream apart, whose targets have the same length.
 */
function fillNormal(target: Float32Array, stream: RandomStream, run: number): void {
  quantiles ??= Float32Array.from({ length: LEVELS }, (_, i) => inverseNormal((i + 0.5) / LEVELS));
  const { key, counter } = stream.origin;
  let index = run * Math.ceil(target.length / NORMALS_PER_BLOCK);
  for (let i = 0; i < target.length; i += NORMALS_PER_BLOCK) {
    philox4x32(block, index++, counter[0], counter[1], counter[2], key[0], key[1]);
    const end = Math.min(NORMALS_PER_BLOCK, target.length - i);
    for (let k = 0; k < end; k++) target[i + k] = quantiles[(block[k >> 1] >>> ((k & 1) << 4)) & (LEVELS - 1)];
  }
}

/** Geometries that the laws of conformance draw from a seed: small, and as odd as is legal. */
import { denseMacs } from "../../core/dense-macs.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";
import { type RandomStream, randomStream } from "../../core/random.ts";

/** Laws run each of them several times. */
const MOST_MACS = 3000;
const MOST_CHANNELS = 5;
/** More than the lanes or rows of most arrays, and no multiple of any. */
const MANY_CHANNELS = 37;

/** `count` geometries, always the same for the same seed. */
export function drawnGeometries(seed: number, count: number): ConvGeometry[] {
  return Array.from({ length: count }, (_, index) => {
    const random = randomStream(seed, "conformance", index);
    let geometry = drawn(random);
    while (!isSmall(geometry)) geometry = drawn(random);
    return geometry;
  });
}

/** Strides beyond the kernel, padding beyond the image and on one side, dilation of a single tap, groups, single pixels. */
function drawn(random: RandomStream): ConvGeometry {
  const groups = often1(random, 3);
  const channels = () => groups * (random.int(8) === 0 ? MANY_CHANNELS : often1(random, MOST_CHANNELS));
  const pair = (most: number): [number, number] => [often1(random, most), often1(random, most)];
  const [[H, W], [R, S]] = [pair(9), pair(5)];
  const side = () => (random.int(2) === 0 ? 0 : random.int(6));
  return {
    ...{ N: often1(random, 3), C: channels(), H, W, K: channels(), R, S, groups },
    ...{ stride: pair(6), dilation: pair(5), padding: [side(), side(), side(), side()] },
  };
}

/** 1 half of the time, so that single pixels, kernels of one tap and plain strides meet everything else. */
function often1(random: RandomStream, most: number): number {
  return random.int(2) === 0 ? 1 : 1 + random.int(most);
}

function isSmall(geometry: ConvGeometry): boolean {
  return outputHeight(geometry) >= 1 && outputWidth(geometry) >= 1 && denseMacs(geometry) <= MOST_MACS;
}

/** The size of images as people write it: height x width x channels, as 32x32x3. */
import type { ImageShape } from "./graph.ts";

/** What such a text looks like, as a regular expression. */
export const IMAGE_SHAPE = "^([1-9]\\d*)x([1-9]\\d*)x([1-9]\\d*)$";

/** The shape [C, H, W] that `text` means; undefined where it means none. */
export function parseImageShape(text: string): ImageShape | undefined {
  const sides = new RegExp(IMAGE_SHAPE).exec(text);
  if (sides === null) return undefined;
  const [, height, width, channels] = sides.map(Number);
  return [channels, height, width];
}

/** The text that means `shape`. */
export function imageShapeText([channels, height, width]: ImageShape): string {
  return `${height}x${width}x${channels}`;
}

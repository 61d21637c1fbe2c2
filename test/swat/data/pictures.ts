/** Pictures that the tests write: PNG and JPEG files from a function of the place. */
import jpeg from "jpeg-js";
import { PNG, type PNGOptions } from "pngjs";

/** Red, green, blue and, where it is not 255, alpha. */
export type Colour = (y: number, x: number) => readonly number[];

/** A PNG of `height` × `width` pixels; `options` choose another colour type or depth than 8-bit RGBA. */
export function pngFile(height: number, width: number, colour: Colour, options: PNGOptions = {}): Uint8Array {
  const png = new PNG({ width, height });
  png.data.set(rgba(height, width, colour));
  return PNG.sync.write(png, options);
}

/** A JPEG in colour, of quality 100. */
export function jpegFile(height: number, width: number, colour: Colour): Uint8Array {
  return jpeg.encode({ width, height, data: rgba(height, width, colour) }, 100).data;
}

/**
 * A grey JPEG (one component) of 8 × 8 pixels, all 192, written by hand after ITU-T T.81: quantisation by 8, so that the
 * DC coefficient 64 · 8 is 64 above the middle; DC codes 00 (category 0) and 01 (category 7); AC code 0 (end of block). With
 * restart markers after every second block, of which the picture has but one.
 */
export function greyJpegFile(): Uint8Array {
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...[0xff, 0xdb, 0, 67, 0, ...new Array<number>(64).fill(8)],
    ...[0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
    ...[0xff, 0xc4, 0, 21, 0x00, 0, 2, ...new Array<number>(14).fill(0), 0, 7],
    ...[0xff, 0xc4, 0, 20, 0x10, 1, ...new Array<number>(15).fill(0), 0],
    ...[0xff, 0xdd, 0, 4, 0, 2],
    ...[0xff, 0xda, 0, 8, 1, 1, 0x00, 0, 63, 0],
    ...[0b01100000, 0b00111111],
    ...[0xff, 0xd9],
  ]);
}

function rgba(height: number, width: number, colour: Colour): Buffer {
  const bytes = Buffer.alloc(height * width * 4, 255);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) bytes.set(colour(y, x), (y * width + x) * 4);
  return bytes;
}

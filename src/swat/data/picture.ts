/**
 * PNG and JPEG files as pixels. What a file is, its first bytes say, not its name: ImageNet has a PNG called `.JPEG`. Grey,
 * palette, 16-bit and CMYK pictures become 8-bit RGB, and alpha is dropped, as Pillow's `convert("RGB")` does.
 * Neither gamma nor the orientation in EXIF is applied.
 */

import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { InputError } from "../../io/faults.ts";
import type { FileBytes } from "../../io/read-file.ts";

/** A decoded picture: pixel (y, x) has R, G, B at bytes[(y · width + x) · step …]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
  /** Bytes a pixel: 3, or 4 with an alpha to be left alone. */
  readonly step: number;
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff];
/** A file of a few bytes may claim any size; the largest of ImageNet's has about 60 megapixels. */
const MAX_MEGAPIXELS = 100;
const MAX_MEGABYTES = 2048;
const MEGA = 1e6;
/** Signature, length and type come before the width of a PNG, which is in its first chunk. */
const PNG_WIDTH_AT = 16;
const PNG_HEIGHT_AT = 20;
/** Length 0 and type IEND. */
const END_OF_PNG = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44);
const START_OF_SCAN = Uint8Array.of(0xff, 0xda);
const END_OF_IMAGE = Uint8Array.of(0xff, 0xd9);

/** Decodes a file. Throws one line that names it where it is neither PNG nor JPEG, cut or damaged, or above 100 megapixels. */
export function decodePicture({ path, bytes }: FileBytes): Picture {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const decode = startsWith(file, PNG_SIGNATURE)
    ? decodePng
    : startsWith(file, JPEG_SIGNATURE)
      ? decodeJpeg
      : undefined;
  if (decode === undefined) {
    const start = [...file.subarray(0, PNG_SIGNATURE.length)].map((byte) => byte.toString(16).padStart(2, "0"));
    const got = start.length === 0 ? "an empty file" : `a file that starts with ${start.join(" ")}`;
    throw new InputError([`${path}: is no picture, got ${got}; known: PNG, JPEG`]);
  }
  try {
    const picture = decode(file);
    if (picture.width * picture.height > 0) return picture;
    throw new InputError([`${picture.width}x${picture.height} pixels`]);
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new InputError([`${path}: picture is damaged, got "${reason.replace(/\s+/g, " ").trim()}"`]);
  }
}

/** A whole file has its last chunk, which is empty, and its type before its checksum. */
function decodePng(file: Buffer): Picture {
  if (file.lastIndexOf(END_OF_PNG) < 0) throw new InputError(["no IEND chunk: file is cut"]);
  const megapixels = (file.readUInt32BE(PNG_WIDTH_AT) * file.readUInt32BE(PNG_HEIGHT_AT)) / MEGA;
  if (megapixels > MAX_MEGAPIXELS)
    throw new InputError([`${megapixels} megapixels, at most ${MAX_MEGAPIXELS} are read`]);
  const { width, height, data } = PNG.sync.read(file);
  return { width, height, bytes: data, step: 4 };
}

/** The decoder fills what is missing of a cut file with grey; a whole file has its end marker behind its last scan. */
function decodeJpeg(file: Buffer): Picture {
  if (file.lastIndexOf(END_OF_IMAGE) < file.lastIndexOf(START_OF_SCAN))
    throw new InputError(["no end of image: file is cut"]);
  const { width, height, data } = jpeg.decode(file, {
    useTArray: true,
    formatAsRGBA: false,
    maxResolutionInMP: MAX_MEGAPIXELS,
    maxMemoryUsageInMB: MAX_MEGABYTES,
  });
  return { width, height, bytes: data, step: 3 };
}

function startsWith(file: Buffer, signature: readonly number[]): boolean {
  return signature.every((byte, i) => file[i] === byte);
}

/**
 * PNG and JPEG files as pixels. What a file is, its first bytes say, not its name: ImageNet has a PNG called `.JPEG`. Grey,
 * palette, 16-bit and CMYK pictures become 8-bit RGB, and alpha is dropped, as Pillow's `convert("RGB")` does.
 * Neither gamma nor the orientation in EXIF is applied.
 */

import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { MOST_MEGAPIXELS, MOST_SCANNED_MEGAPIXELS } from "../../core/input/limits.ts";
import { InputError, reasonOf } from "../../io/faults.ts";
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
const MEGA = 1e6;
const MAX_MEGABYTES = 1024;
/** Where a PNG has its first chunk, which holds the extents, and how long each chunk's length, type and checksum are. */
const PNG_CHUNKS_AT = 8;
const CHUNK_WORD = 4;
const CHUNK_BYTES = 12;
/** Length 0 and type IEND. */
const END_OF_PNG = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44);
const END_OF_IMAGE = Uint8Array.of(0xff, 0xd9);
/** Deflate makes at most so many bytes of one (zlib, "Maximum Compression Factor"); rows of PNG have at least a bit a pixel. */
const MOST_DEFLATED_PIXELS_A_BYTE = 1032 * 8;
/** A block of 8 × 8 pixels takes a bit at least, of one component that may be halved in both directions. */
const MOST_JPEG_PIXELS_A_BYTE = 8 * 64 * 4;
const START_OF_SCAN = 0xda;
const START_OF_FRAME = { first: 0xc0, last: 0xcf, not: [0xc4, 0xc8, 0xcc] } as const;

/** Decodes a file. Throws one line that names it where it is neither PNG nor JPEG, cut or damaged, or above 64 megapixels. */
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
    throw new InputError([`${path}: is not a picture, got ${got}; known: PNG, JPEG`]);
  }
  try {
    const picture = decode(file);
    if (picture.width * picture.height > 0) return picture;
    throw new InputError([`${picture.width}x${picture.height} pixels`]);
  } catch (fault) {
    // The decoders look for tables and components that a segment names, whether they are there or not.
    const isOfDecoder = fault instanceof TypeError || fault instanceof RangeError;
    const reason = isOfDecoder ? "its parts do not fit together" : reasonOf(fault).replace(/\s+/g, " ").trim();
    throw new InputError([`${path}: picture is damaged, got "${reason}"`], { cause: fault });
  }
}

/** A whole file has its last chunk, which is empty, and its type before its checksum. */
function decodePng(file: Buffer): Picture {
  if (file.lastIndexOf(END_OF_PNG) < 0) throw new InputError(["no IEND chunk: file is cut"]);
  checkPngChunks(file);
  const { width, height, data } = PNG.sync.read(file);
  return { width, height, bytes: data, step: 4 };
}

/** The extents come first and once: the decoder would take memory for those of another such chunk. */
function checkPngChunks(file: Buffer): void {
  for (let at = PNG_CHUNKS_AT, index = 0; at + CHUNK_BYTES <= file.length; index++) {
    const isHeader = file.toString("latin1", at + CHUNK_WORD, at + 2 * CHUNK_WORD) === "IHDR";
    if (isHeader !== (index === 0)) throw new InputError([`chunk ${index} is ${isHeader ? "another" : "no"} IHDR`]);
    if (isHeader && at + CHUNK_BYTES + CHUNK_BYTES <= file.length) {
      checkPixels(file.readUInt32BE(at + 2 * CHUNK_WORD), file.readUInt32BE(at + 3 * CHUNK_WORD), {
        bytes: file.length,
        pixelsAByte: MOST_DEFLATED_PIXELS_A_BYTE,
      });
    }
    at += CHUNK_BYTES + file.readUInt32BE(at);
  }
}

/** A file of a few bytes may claim any size. */
function checkPixels(
  width: number,
  height: number,
  { bytes, pixelsAByte }: { readonly bytes: number; readonly pixelsAByte: number },
): number {
  const megapixels = (width * height) / MEGA;
  if (megapixels > MOST_MEGAPIXELS) {
    throw new InputError([`${megapixels} megapixels, at most ${MOST_MEGAPIXELS} are read`]);
  }
  if (width * height > bytes * pixelsAByte) {
    throw new InputError([`${width}x${height} pixels cannot be in ${bytes} bytes`]);
  }
  return megapixels;
}

/** The decoder fills what is missing of a cut file with grey; a whole file has its end marker behind its last scan. */
function decodeJpeg(file: Buffer): Picture {
  checkJpegSegments(file);
  const { width, height, data } = jpeg.decode(file, {
    useTArray: true,
    formatAsRGBA: false,
    maxResolutionInMP: MOST_MEGAPIXELS,
    maxMemoryUsageInMB: MAX_MEGABYTES,
  });
  return { width, height, bytes: data, step: 3 };
}

/** Each scan goes over the whole picture, however few bytes it has. */
function checkJpegSegments(file: Buffer): void {
  let megapixels = 0;
  let scanned = 0;
  let lastScan = -1;
  for (let at = file.indexOf(0xff); at >= 0 && at + 1 < file.length; at = file.indexOf(0xff, at + 1)) {
    const marker = file[at + 1];
    const { first, last, not } = START_OF_FRAME;
    if (marker >= first && marker <= last && !not.some((each) => each === marker) && at + 9 <= file.length) {
      const extents = { bytes: file.length, pixelsAByte: MOST_JPEG_PIXELS_A_BYTE };
      megapixels = Math.max(megapixels, checkPixels(file.readUInt16BE(at + 7), file.readUInt16BE(at + 5), extents));
    } else if (marker === START_OF_SCAN) {
      lastScan = at;
      scanned += megapixels;
    }
  }
  if (file.lastIndexOf(END_OF_IMAGE) < lastScan) throw new InputError(["no end of image: file is cut"]);
  if (scanned > MOST_SCANNED_MEGAPIXELS) {
    throw new InputError([`${scanned} megapixels in all its scans, at most ${MOST_SCANNED_MEGAPIXELS} are read`]);
  }
}

function startsWith(file: Buffer, signature: readonly number[]): boolean {
  return signature.every((byte, i) => file[i] === byte);
}

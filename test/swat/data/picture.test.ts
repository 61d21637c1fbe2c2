/** Decoding: every kind of pixel becomes RGB, the content decides the format, and damaged files say so in one line. */
import { describe, expect, it } from "vitest";
import { decodePicture } from "../../../src/swat/data/picture.ts";
import { type Colour, greyJpegFile, jpegFile, pngFile } from "./pictures.ts";

const slope: Colour = (y, x) => [10 * y, 20 * x, 100];
const half: Colour = () => [200, 40, 90, 128];

function pixelsOf(bytes: Uint8Array): number[][] {
  const picture = decodePicture({ path: "p", bytes });
  return Array.from({ length: picture.width * picture.height }, (_, i) =>
    Array.from(picture.bytes.subarray(i * picture.step, i * picture.step + 3)),
  );
}

/** A grey JPEG that claims 8000 × 8000 pixels and repeats its one scan, with room for the blocks that it claims. */
function manyScans(): Uint8Array {
  const one = Buffer.from(greyJpegFile());
  const frame = one.indexOf(Buffer.of(0xff, 0xc0));
  one.writeUInt16BE(8000, frame + 5);
  one.writeUInt16BE(8000, frame + 7);
  const scan = one.indexOf(Buffer.of(0xff, 0xda));
  const end = one.length - 2;
  const scans = Array.from({ length: 5 }, () => [one.subarray(scan, end), Buffer.alloc(8000)]).flat();
  return Buffer.concat([one.subarray(0, scan), ...scans, one.subarray(end)]);
}

describe("decodePicture", () => {
  it("reads PNG exactly", () => {
    expect(pixelsOf(pngFile(2, 2, slope))).toEqual([
      [0, 0, 100],
      [0, 20, 100],
      [10, 0, 100],
      [10, 20, 100],
    ]);
  });

  it("drops alpha and keeps the colour below it", () => {
    expect(pixelsOf(pngFile(1, 1, half))).toEqual([[200, 40, 90]]);
  });

  it.each([
    { title: "grey", colorType: 0 as const },
    { title: "grey with alpha", colorType: 4 as const },
  ])("makes three equal channels of a PNG in $title", ({ colorType }) => {
    const file = pngFile(1, 2, (_, x) => [90 * x, 90 * x, 90 * x], { colorType, inputHasAlpha: true });
    expect(pixelsOf(file)).toEqual([
      [0, 0, 0],
      [90, 90, 90],
    ]);
  });

  it("reads JPEG to within its loss", () => {
    const pixels = pixelsOf(jpegFile(16, 8, () => [200, 40, 90]));
    expect(pixels.length).toBe(128);
    for (const pixel of pixels)
      for (const [c, value] of [200, 40, 90].entries()) expect(Math.abs(pixel[c] - value)).toBeLessThan(4);
  });

  it("makes three equal channels of a grey JPEG", () => {
    expect(pixelsOf(greyJpegFile())).toEqual(new Array(64).fill([192, 192, 192]));
  });

  const png = pngFile(8, 8, slope);
  const jpg = jpegFile(32, 32, slope);
  const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 0xff : byte));
  const huge = Uint8Array.from(png);
  huge.set([0, 1, 0, 0, 0, 1, 0, 0], 16);
  const lineless = Uint8Array.from(greyJpegFile());
  lineless.set([0, 0], lineless.indexOf(0xc0) + 4);
  it.each([
    { title: "a JPEG without lines", bytes: lineless, message: "damaged" },
    { title: "an empty file", bytes: new Uint8Array(0), message: "an empty file" },
    { title: "a GIF", bytes: new TextEncoder().encode("GIF89a.."), message: "47 49 46 38 39 61" },
    { title: "a PNG of eight bytes", bytes: png.subarray(0, 8), message: "file is cut" },
    { title: "a cut PNG", bytes: png.subarray(0, png.length - 20), message: "file is cut" },
    { title: "a PNG with a wrong byte", bytes: flipped(png, 45), message: "damaged" },
    {
      title: "a JPEG of five scans over 64 megapixels",
      bytes: manyScans(),
      message: "320 megapixels in all its scans",
    },
    { title: "a PNG of 4,295 megapixels", bytes: huge, message: "at most 64 are read" },
    { title: "a JPEG without an end", bytes: jpg.subarray(0, jpg.length - 200), message: "file is cut" },
    { title: "a JPEG of four bytes", bytes: jpg.subarray(0, 4), message: "damaged" },
    {
      title: "a JPEG without tables",
      bytes: Uint8Array.from([...jpg.subarray(0, 20), 0xff, 0xd9]),
      message: "damaged",
    },
  ])("names the file in one line: $title", ({ bytes, message }) => {
    const fault = (() => {
      try {
        decodePicture({ path: "some/picture.png", bytes });
        return "no fault";
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(fault).toMatch(/^some\/picture\.png: (is not a picture|picture is damaged), got /);
    expect(fault).toContain(message);
    expect(fault).not.toContain("\n");
  });
});

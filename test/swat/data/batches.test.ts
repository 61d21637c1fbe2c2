/** Pictures from a thread: the built program, which has one, trains to the same bytes as its sources, which have none. */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";
import { batchLoader } from "../../../src/swat/data/batches.ts";
import { loadImages } from "../../../src/swat/data/images.ts";
import { directoryWith, faultOf } from "./files.ts";
import { pngFile } from "./pictures.ts";

const run = promisify(execFile);
const program = inject("program");
const SOURCES = resolve(import.meta.dirname, "../../../src/cli/main.ts");
const SIDE = 12;

/** Ten pictures of each of two classes; every fifth is a test image. */
async function pictures(): Promise<string> {
  const names = ["a", "b"].flatMap((name, label) =>
    Array.from({ length: 10 }, (_, i): [string, Uint8Array] => [
      `${name}/${i}.png`,
      pngFile(14 + i, 20 - i, (y, x) => [
        (97 * y + 31 * label + i) % 256,
        (53 * x + 11 * i) % 256,
        (17 * (x ^ y)) % 256,
      ]),
    ]),
  );
  return directoryWith(Object.fromEntries(names));
}

async function trainOn(data: string, out: string, start: readonly string[] = [program]): Promise<void> {
  const options = "--augment resized-crop,flip --epochs 2 --batch-size 5 --threads 1 --record every:3".split(" ");
  const env = { ...process.env, SWAT_SIM_KERNELS: "js" };
  await run(process.execPath, [...start, "train", "--data", data, ...options, "--out", out], { env });
}

describe("a batch loader", () => {
  it("gives the images of an epoch in the order that is asked for", async () => {
    const { train: images } = await loadImages(await pictures(), SIDE);
    const loader = batchLoader(images, ["flip"], 3);
    const size = 3 * SIDE * SIDE;
    const pixels = new Float32Array(2 * size);
    const [first, again] = [new Float32Array(size), new Float32Array(size)];
    await loader.load(1, Uint32Array.of(4, 2), pixels);
    first.set(pixels.subarray(0, size));
    await loader.load(1, Uint32Array.of(2, 4), pixels);
    again.set(pixels.subarray(size));
    expect(again).toEqual(first);
  });

  it("in a thread gives the same training, traces and weights", async () => {
    const data = `images:${await pictures()}@${SIDE}`;
    const [built, sources] = [await directoryWith({}), await directoryWith({})];
    await trainOn(data, built);
    await trainOn(data, sources, ["--import", "tsx", SOURCES]);
    for (const name of ["weights.safetensors", "step-000003.safetensors"]) {
      const [theirs, ours] = await Promise.all([built, sources].map((out) => readFile(join(out, name))));
      expect(theirs.equals(ours), name).toBe(true);
    }
  });

  it("in a thread refuses a damaged picture in the words of the sources", async () => {
    const folder = await pictures();
    await writeFile(join(folder, "a", "3.png"), "no picture");
    const { train: images } = await loadImages(folder, SIDE);
    const expected = await faultOf((async () => images.loadImage(6, new Float32Array(3 * SIDE * SIDE), 0))());
    expect(expected).toMatch(/a.3\.png: is not a picture/);
    const failed = await trainOn(`images:${folder}@${SIDE}`, await directoryWith({})).catch((error) => error);
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr).toContain(expected);
  });
});

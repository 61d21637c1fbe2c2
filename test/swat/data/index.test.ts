/** Data sets by name: what a specification means, limits, and what is refused. */
import { describe, expect, it } from "vitest";
import { loadData } from "../../../src/swat/data/index.ts";
import { directoryWith, faultOf, idxFile } from "./files.ts";
import { pngFile } from "./pictures.ts";

const grey = (value: number) => pngFile(4, 4, () => [value, value, value]);

async function smallIdx(): Promise<string> {
  return directoryWith({
    "train-images-idx3-ubyte": idxFile([3, 1, 1], [0, 128, 255]),
    "train-labels-idx1-ubyte": idxFile([3], [1, 2, 3]),
    "t10k-images-idx3-ubyte": idxFile([2, 1, 1], [5, 6]),
    "t10k-labels-idx1-ubyte": idxFile([2], [4, 5]),
  });
}

describe("loadData", () => {
  it("takes generated images of 16 x 16 x 3 or of the size that is asked for", async () => {
    const standard = await loadData("generated", { seed: 1 });
    expect([standard.train.height, standard.train.width, standard.train.channels]).toEqual([16, 16, 3]);
    expect([standard.train.size, standard.test.size, standard.train.classes]).toEqual([10_000, 2_000, 10]);
    const sized = await loadData("generated:8x12x1", { seed: 1, limit: 20_000, testLimit: 7 });
    expect([sized.train.height, sized.train.width, sized.train.channels]).toEqual([8, 12, 1]);
    expect([sized.train.size, sized.test.size]).toEqual([20_000, 7]);
  });

  it.each(["mnist", "fashion-mnist"])("reads %s from a directory and keeps the first images", async (name) => {
    const spec = `${name}:${await smallIdx()}`;
    const all = await loadData(spec, { seed: 1, limit: 99 });
    expect([all.name, all.train.size, all.test.size]).toEqual([name, 3, 2]);
    const limited = await loadData(spec, { seed: 1, limit: 2, testLimit: 1 });
    expect([limited.train.size, limited.test.size]).toEqual([2, 1]);
    expect([limited.train.label(0), limited.train.label(1), limited.test.label(0)]).toEqual([1, 2, 4]);
  });

  it("reads CIFAR-10, also from a directory with a colon in its name", async () => {
    expect(await faultOf(loadData("cifar10:/no/such:place", { seed: 1 }))).toContain("/no/such:place: cannot read");
  });

  it("reads CIFAR-100 and folders of pictures, of 224 pixels or of the side behind an @", async () => {
    expect(await faultOf(loadData("cifar100:/no/such", { seed: 1 }))).toContain("/no/such: cannot read");
    const directory = await directoryWith({ "train/a/1.png": grey(1), "val/a/1.png": grey(2) });
    const sides = await Promise.all(
      [directory, `${directory}@32`].map(
        async (where) => (await loadData(`images:${where}`, { seed: 1 })).train.height,
      ),
    );
    expect(sides).toEqual([224, 32]);
    expect(await faultOf(loadData(`images:${directory}@5@32`, { seed: 1 }))).toContain(`${directory}@5: cannot read`);
  });

  it.each(["7", "0", "2000"])("refuses pictures of side %s", async (side) => {
    expect(await faultOf(loadData(`images:DIR@${side}`, { seed: 1 }))).toBe(
      `data: images must have a side of 8 to 1024 pixels, got ${side}; known: images:DIR@SIDE`,
    );
  });

  it("refuses an unknown name, names the nearest and lists the known", async () => {
    expect(await faultOf(loadData("cifar:x", { seed: 1 }))).toBe(
      'data: unknown data set, got "cifar"; did you mean "cifar10"? known: generated, fashion-mnist, mnist, cifar10, cifar100, images; spelled generated or generated:HxWxC, fashion-mnist:DIR, mnist:DIR, cifar10:DIR, cifar100:DIR, images:DIR or images:DIR@SIDE',
    );
    expect(await faultOf(loadData("toString", { seed: 1 }))).toContain("unknown data set");
  });

  it.each(["mnist", "mnist:", "cifar10", "cifar100", "images:"])("refuses %s without a directory", async (spec) => {
    expect(await faultOf(loadData(spec, { seed: 1 }))).toContain("needs a directory");
  });

  it.each(["generated:16", "generated:16x16", "generated:axbxc", "generated:16x16x3x"])("refuses %s", async (spec) => {
    expect(await faultOf(loadData(spec, { seed: 1 }))).toContain("known: generated:16x16x3");
  });

  it.each(["generated:7x16x3", "generated:16x4x3", "generated:16x16x0"])("refuses the sizes of %s", async (spec) => {
    expect(await faultOf(loadData(spec, { seed: 1 }))).toMatch(
      /must be an integer of at least \d( and at most 1024)?, got \d/,
    );
  });

  it.each([0, -3, 1.5, Number.NaN])("refuses a limit of %s", async (limit) => {
    expect(await faultOf(loadData("generated", { seed: 1, limit }))).toBe(
      `data: limit must be a positive integer, got ${limit}`,
    );
    expect(await faultOf(loadData("generated", { seed: 1, testLimit: limit }))).toContain("testLimit");
  });
});

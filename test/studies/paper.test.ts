/** The page that holds machines against the paper: what it says that needs no simulation, and that its figures are those printed. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { networkNamed } from "../../src/networks/index.ts";
import { savedMarkdown } from "../../src/report/paper.ts";
import { publishedFigures } from "../../src/report/published-figures.ts";
import { paperMachines, savedOf } from "../../src/studies/paper.ts";

const page = await readFile("docs/paper.md", "utf8");

test("docs/paper.md holds FLOPs and memory as they are counted now", () => {
  const { image, classes, build } = networkNamed("resnet50-imagenet");
  const plan = { network: build(image, classes), method: "swat-u", batch: 1 } as const;
  expect(page).toContain(savedMarkdown(savedOf(plan)));
});

test("docs/paper.md holds every machine of equal peak but scnn, at three sparsities, below what was published", async () => {
  const machines = await paperMachines();
  expect(machines).toContain("tensordash-4096");
  expect(machines).not.toContain("scnn-4096");
  const cells = (row: string) => page.match(new RegExp(`^\\| ${row} \\| (\\d[^|]*) \\| (\\d[^|]*) \\|`, "gm"));
  for (const machine of machines) expect(cells(machine), machine).toHaveLength(2);
  expect(page.match(/^\| published \| 1\/3\.3\/5\.6 \| 1\/3\.4\/6\.3 \|/gm)).toHaveLength(2);
});

test("training FLOPs counted as published are those printed, to rounding", () => {
  for (const [name, sparsity] of [
    ["resnet50-imagenet", 0.8],
    ["resnet50-imagenet", 0.9],
    ["wrn50-2-imagenet", 0.8],
    ["wrn50-2-imagenet", 0.9],
    ["wrn16-8", 0.9],
    ["densenet121", 0.9],
  ] as const) {
    const { image, classes, build } = networkNamed(name);
    const { saved } = savedOf({ network: build(image, classes), method: "swat-u", batch: 1 });
    const ours = saved.find((point) => point.sparsity === sparsity)?.flops.published as number;
    expect(ours.toFixed(3)).toBe(publishedFigures(name, "swat-u", sparsity).flopsReduction?.toFixed(3));
  }
});

test("what was not published is absent", () => {
  expect(publishedFigures("resnet18", "swat-u", 0.8)).toEqual({});
  expect(publishedFigures("resnet50-imagenet", "swat-erk", 0.9).forwardSpeedup).toBeUndefined();
});

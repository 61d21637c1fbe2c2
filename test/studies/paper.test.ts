/** The comparison with the paper and its page: what needs no simulation, and that every machine stands beside the published figures. */
import { readdir, readFile } from "node:fs/promises";
import { expect, test, vi } from "vitest";
import { networkNamed } from "../../src/networks/index.ts";
import { savedMarkdown } from "../../src/report/paper/paper.ts";
import { publishedFigures } from "../../src/report/paper/published-figures.ts";
import { comparePaper, paperMachines, savedOf } from "../../src/studies/paper.ts";
import { temporaryFolder } from "../support/folder.ts";

const page = await readFile("docs/paper.md", "utf8");

test("docs/paper.md holds FLOPs and memory as they are counted now", () => {
  const { image, classes, build } = networkNamed("resnet50-imagenet");
  const batch = Number(/^Written by `swat-sim paper .* --batch (\d+) /m.exec(page)?.[1]);
  const plan = { network: build(image, classes), method: "swat-u", batch } as const;
  expect(page).toContain(savedMarkdown(savedOf(plan)));
});

test("docs/paper.md holds every machine of equal peak but scnn, at three sparsities, below the published figures", async () => {
  const machines = await paperMachines();
  expect(machines).toContain("tensordash-4096");
  expect(machines).not.toContain("scnn-4096");
  const rows = (name: string) =>
    page.match(new RegExp(`^\\| ${name}( \\(bound\\))? \\| \\d[^|]* \\| \\d[^|]* \\|`, "gm"));
  // Three sparsities over the common baseline, three over the own counterpart, and two over the own dense training.
  for (const machine of machines) expect(rows(machine), machine).toHaveLength(8);
  expect(page.match(/^\| published \| 3\.3 \| 3\.4 \|/gm)).toHaveLength(3);
  expect(page.match(/^\| published \| 5\.6 \| 6\.3 \|/gm)).toHaveLength(3);
  expect(page).toMatch(/^### Speed-up over dadiannao-4096 training densely, at 0 % sparsity$/m);
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

test("a comparison takes user accelerators, and leaves no trace behind when it is stopped", async () => {
  const { image, classes, build } = networkNamed("lenet5");
  const own = { hw: ["examples/broadcast-4096.json"], modules: ["examples/broadcast.js"] };
  const plan = {
    network: build(image, classes),
    method: "swat-u",
    batch: 1,
    seed: 1,
    positions: ["late"],
    ...own,
  } as const;
  const { machines } = await comparePaper(plan);
  expect(machines.map(({ name }) => name)).toEqual(["broadcast-4096"]);
  expect(machines[0].points[2].forward.arrayGainFromZeros).toBeGreaterThan(2);

  const folder = await temporaryFolder();
  vi.stubEnv("TMPDIR", folder);
  const abort = new AbortController();
  const { signal } = abort;
  const stopped = comparePaper(plan, { signal, onProgress: () => abort.abort() });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect(await readdir(folder)).toEqual([]);
  vi.unstubAllEnvs();
});

/** MACs of training against the figures that the SWAT authors published, and laws of counting. */
import { describe, expect, test } from "vitest";
import { layersOf, parameterShape } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { type FixedMethod, fixedSparsities } from "../../src/sparsity/methods.ts";
import { ACCOUNTINGS, type Accounting, type NetworkMacs, networkMacs } from "../../src/step/flops.ts";

function count(name: string, method: FixedMethod, sparsity: number, accounting: Accounting): NetworkMacs {
  const definition = networkNamed(name);
  const network = definition.build(definition.image, definition.classes);
  const sparsities = fixedSparsities(method, layersOf(network).map(parameterShape), sparsity);
  return networkMacs(
    network,
    sparsities.map((value) => ({ weight: value, input: value })),
    accounting,
  );
}

const PERCENT = 100;
const MEGA = 1e6;

/** Million MACs per image: forward, training counted exactly, training counted as published. */
const TOTALS: readonly (readonly [name: string, forward: number, exact: number, published: number])[] = [
  ["resnet18", 555.42, 1664.5, 1855.01],
  ["resnet34", 1159.4, 3476.44, 3666.95],
  ["resnet50", 1297.83, 3891.72, 4535.22],
  ["resnet101", 2509.98, 7528.18, 8171.68],
  ["vgg16", 332.11, 994.57, 996.34],
  ["wrn16-8", 1548.15, 4643.99, 5147.75],
  ["wrn28-10", 5243.33, 15729.54, 16516.42],
  ["densenet121", 888.35, 2663.28, 2665.05],
  ["resnet50-imagenet", 4089.18, 12149.54, 14586.89],
  ["wrn50-2-imagenet", 11398.02, 34076.05, 39634.75],
];

test.each(TOTALS)(
  "%s has %d million MACs forward, %d in training, %d as published",
  (name, forward, exact, published) => {
    const { dense } = count(name, "dense", 0, "exact");
    expect((dense.forward / MEGA).toFixed(2)).toBe(forward.toFixed(2));
    expect((dense.training / MEGA).toFixed(2)).toBe(exact.toFixed(2));
    expect((count(name, "dense", 0, "published").dense.training / MEGA).toFixed(2)).toBe(published.toFixed(2));
  },
);

/** Training FLOPs saved in percent, from the tables of Raihan & Aamodt 2020; structured rows are counted as swat-u. */
const SAVED: readonly (readonly [name: string, method: FixedMethod, sparsity: number, saved: number])[] = [
  ["wrn16-8", "swat-u", 0.9, 90.0],
  ["densenet121", "swat-u", 0.9, 89.8],
  ["resnet18", "swat-u", 0.5, 49.9],
  ["resnet18", "swat-u", 0.6, 59.8],
  ["resnet18", "swat-u", 0.7, 69.8],
  ["densenet121", "swat-u", 0.5, 49.9],
  ["densenet121", "swat-u", 0.6, 59.9],
  ["densenet121", "swat-u", 0.7, 69.9],
  ["resnet50-imagenet", "swat-u", 0.8, 76.1],
  ["resnet50-imagenet", "swat-u", 0.9, 85.6],
  ["wrn50-2-imagenet", "swat-u", 0.8, 78.6],
  ["wrn50-2-imagenet", "swat-u", 0.9, 88.4],
  ["resnet50-imagenet", "swat-u", 0.5, 47.6],
  ["resnet50-imagenet", "swat-u", 0.6, 57.1],
  ["resnet50-imagenet", "swat-u", 0.7, 66.6],
  ["wrn50-2-imagenet", "swat-u", 0.5, 49.1],
  ["wrn50-2-imagenet", "swat-u", 0.6, 58.9],
  ["wrn50-2-imagenet", "swat-u", 0.7, 68.7],
];

describe("the published accounting gives the published reductions", () => {
  test.each(SAVED)("%s %s at sparsity %d: %d percent", (name, method, sparsity, saved) => {
    const { trainingReduction } = count(name, method, sparsity, "published");
    expect((PERCENT * trainingReduction).toFixed(1)).toBe(saved.toFixed(1));
  });

  test.each([
    ["vgg16", 0.95, 89.5],
    ["wrn16-8", 0.95, 91.4],
    ["densenet121", 0.9, 89.7],
  ])("%s swat-erk at sparsity %d: %d percent, to 0.11", (name, sparsity, saved) => {
    const { trainingReduction } = count(name, "swat-erk", sparsity, "published");
    const inHundredths = Math.round(PERCENT * PERCENT * trainingReduction);
    expect(Math.abs(inHundredths - Math.round(PERCENT * saved))).toBeLessThanOrEqual(11);
  });

  test.each([
    [0.8, 77.7],
    [0.9, 87.4],
  ])("of inference with resnet50-imagenet at sparsity %d: %d percent", (sparsity, saved) => {
    const { inferenceReduction } = count("resnet50-imagenet", "swat-u", sparsity, "published");
    expect((PERCENT * inferenceReduction).toFixed(1)).toBe(saved.toFixed(1));
  });

  test.each([
    ["vgg16", "swat-u", 0.9, 89.7, 89.52],
    ["resnet50-imagenet", "swat-erk", 0.8, 60.0, 60.23],
    ["resnet50-imagenet", "swat-erk", 0.9, 79.0, 77.22],
  ] as const)("but not for %s %s at %d, where %d percent was published", (name, method, sparsity, published, ours) => {
    const { trainingReduction } = count(name, method, sparsity, "published");
    expect((PERCENT * trainingReduction).toFixed(2)).toBe(ours.toFixed(2));
    expect(ours.toFixed(1)).not.toBe(published.toFixed(1));
  });
});

test("the exact accounting saves more of resnet50-imagenet, whose dense first layer has no input gradient", () => {
  for (const [sparsity, saved] of [
    [0.8, 78.45],
    [0.9, 88.25],
  ]) {
    const { trainingReduction } = count("resnet50-imagenet", "swat-u", sparsity, "exact");
    expect((PERCENT * trainingReduction).toFixed(2)).toBe(saved.toFixed(2));
  }
});

describe.each(ACCOUNTINGS)("the %s accounting", (accounting) => {
  test("sums layers to the totals, and dense training saves nothing", () => {
    const macs = count("resnet8", "dense", 0.9, accounting);
    expect(macs.layers.reduce((sum, { dense }) => sum + dense.training, 0)).toBe(macs.dense.training);
    expect(macs.sparse).toEqual(macs.dense);
    expect(macs.trainingReduction).toBe(0);
  });

  test("drops weights from forward and inputGrad, saved inputs from weightGrad", () => {
    const { image, classes, build } = networkNamed("resnet8");
    const network = build(image, classes);
    const sparsities = layersOf(network).map(() => ({ weight: 0.75, input: 0.5 }));
    for (const { dense, sparse } of networkMacs(network, sparsities, accounting).layers) {
      expect(sparse.forward).toBe(dense.forward / 4);
      expect(sparse.inputGrad).toBe(dense.inputGrad / 4);
      expect(sparse.weightGrad).toBe(dense.weightGrad / 2);
    }
  });
});

test("accountings differ in the first layer and in strided input gradients only", () => {
  const exact = count("resnet8", "dense", 0, "exact").layers;
  const published = count("resnet8", "dense", 0, "published").layers;
  expect([exact[0].dense.inputGrad, published[0].dense.inputGrad]).toEqual([0, exact[0].dense.forward]);
  const strided = /^layer[23]\.0\.(conv1|shortcut\.0)$/;
  exact.slice(1).forEach(({ layer, dense }, index) => {
    const factor = strided.test(layer) ? 4 : 1;
    expect(published[index + 1].dense).toMatchObject({ forward: dense.forward, inputGrad: factor * dense.inputGrad });
  });
});

test("a sparsity is needed for each layer", () => {
  const { image, classes, build } = networkNamed("resnet8");
  expect(() => networkMacs(build(image, classes), [], "exact")).toThrow(
    "resnet8: needs a sparsity for each of 10 layers, got 0",
  );
});

import { describe, expect, test } from "vitest";
import { outputHeight, outputWidth } from "../../src/core/geometry.ts";
import { layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { networkNamed, networks } from "../../src/networks/index.ts";
import { parameterCount } from "../../src/step/layer-kinds.ts";

function asPublished(name: string): Network {
  const definition = networkNamed(name);
  return definition.build(definition.image, definition.classes);
}

/** Convolutions and linear layers of the SWAT authors' models. */
const PUBLISHED: readonly (readonly [name: string, convolutions: number, linear: number])[] = [
  ["resnet18", 20, 1],
  ["resnet34", 36, 1],
  ["resnet50", 53, 1],
  ["resnet101", 104, 1],
  ["vgg16", 13, 3],
  ["densenet121", 120, 1],
  ["wrn16-8", 16, 1],
  ["wrn28-10", 28, 1],
  ["resnet50-imagenet", 53, 1],
  ["wrn50-2-imagenet", 53, 1],
];

test.each(PUBLISHED)("%s has the layers of the authors' model", (name, convolutions, linear) => {
  const layers = layersOf(asPublished(name));
  expect(layers.filter(({ op }) => op === "conv")).toHaveLength(convolutions);
  expect(layers.filter(({ op }) => op === "linear")).toHaveLength(linear);
});

test("resnet20 is resnet8 with three blocks a stage", () => {
  const layers = layersOf(asPublished("resnet20"));
  expect(layers).toHaveLength(1 + 3 * 3 * 2 + 2 + 1);
  const names = layers.map(({ name }) => name);
  for (const { name } of layersOf(asPublished("resnet8"))) expect(names).toContain(name);
});

describe.each(networks.map(({ name }) => name))("%s", (name) => {
  const definition = networkNamed(name);

  test("names every node once and reads only nodes before it", () => {
    const { nodes } = asPublished(name);
    expect(new Set(nodes.map((node) => node.name)).size).toBe(nodes.length);
    nodes.forEach(({ from }, index) => {
      for (const source of from) expect(source).toBeLessThan(index);
    });
    const read = new Set(nodes.flatMap(({ from }) => from));
    expect(nodes.map((_, index) => index).filter((index) => !read.has(index))).toEqual([nodes.length - 1]);
  });

  test("gives one logit a class, also for images twice as large in grey", () => {
    const [, height, width] = definition.image;
    const { nodes } = definition.build([1, 2 * height, 2 * width], 7);
    expect(nodes.at(-1)?.shape).toEqual([7, 1, 1]);
  });

  test("refuses images of one pixel, and sizes that are none", () => {
    expect(() => definition.build([3, 1, 1], 10)).toThrow(/^network .*: images are too small for .*, got 1×1/);
    expect(() => definition.build([0, 64, 64], 10)).toThrow(
      `network ${name}: channels must be an integer of at least 1, got 0`,
    );
    expect(() => definition.build(definition.image, 0)).toThrow(
      `network ${name}: classes must be an integer of at least 1, got 0`,
    );
  });
});

describe("wide residual networks", () => {
  test("of any depth 6n + 4 and width can be named", () => {
    const layers = layersOf(asPublished("wrn22-4"));
    expect(layers.filter(({ op }) => op === "conv")).toHaveLength(22);
    expect(layers.at(-1)?.geometry.C).toBe(64 * 4);
  });

  test("of another depth are refused", () => {
    expect(() => networkNamed("wrn17-8")).toThrow("wrn17-8: depth must be 6n + 4, got 17");
    expect(() => networkNamed("wrn4-8")).toThrow("depth must be 6n + 4, got 4");
  });
});

test("densenet121 puts new features in front of those that it read", () => {
  const { nodes } = asPublished("densenet121");
  const concats = nodes.filter(({ op }) => op === "concat");
  expect(concats).toHaveLength(6 + 12 + 24 + 16);
  for (const { from } of concats) expect(nodes[from[0]].shape[0]).toBe(32);
});

describe("mobilenet-v2-imagenet", () => {
  const network = asPublished("mobilenet-v2-imagenet");
  const layers = layersOf(network);

  // From torchvision's page of `mobilenet_v2`: `num_params`, and `_ops` of 0.301 GFLOPS.
  test("has the parameters and MACs of torchvision's", () => {
    expect(parameterCount(network)).toBe(3_504_872);
    const macs = layers.map(({ geometry: g }) => (g.K * g.C * g.R * g.S * outputHeight(g) * outputWidth(g)) / g.groups);
    expect(macs.reduce((sum, count) => sum + count, 0)).toBe(300_774_272);
  });

  test.each([
    ["features.0.0", [32, 3, 3, 3]],
    ["features.1.conv.0.0", [32, 1, 3, 3]],
    ["features.1.conv.1", [16, 32, 1, 1]],
    ["features.2.conv.0.0", [96, 16, 1, 1]],
    ["features.2.conv.1.0", [96, 1, 3, 3]],
    ["features.2.conv.2", [24, 96, 1, 1]],
    ["features.17.conv.2", [320, 960, 1, 1]],
    ["features.18.0", [1280, 320, 1, 1]],
    ["classifier.1", [1000, 1280]],
  ])("%s has the weight of torchvision's", (name, shape) => {
    const layer = layers.find((candidate) => candidate.name === name);
    expect(layer === undefined ? undefined : parameterShape(layer)).toEqual(shape);
  });

  test("adds in every block that keeps plane and width", () => {
    expect(network.nodes.filter(({ op }) => op === "add")).toHaveLength(1 + 2 + 3 + 2 + 2);
  });
});

test("an unknown name is refused with the nearest one", () => {
  expect(() => networkNamed("resnet51")).toThrow(
    /^unknown network, got "resnet51"; did you mean "resnet50"\? known: resnet8, .*wrnD-W$/,
  );
});

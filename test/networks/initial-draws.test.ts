/** First weights and biases by the formulas of the SWAT authors' code, network by network. */
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../src/core/geometry.ts";
import { randomStream } from "../../src/core/random.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { type LayerNode, layersOf, parameterShape } from "../../src/networks/graph.ts";
import { networkNamed, networks } from "../../src/networks/index.ts";
import { drawParameters } from "../../src/networks/initial-draws.ts";
import { Model } from "../../src/swat/model.ts";

const SEED = 5;
/** Draws looked at of a layer; a stream is the same however much of it is drawn. */
const MOST = 4096;

/** Whether the authors' code draws that layer from normal deviates: in WRN every convolution, on ImageNet all but the stem; torchvision's MobileNetV2 as WRN. */
function isNormal(network: string, { op, name }: LayerNode): boolean {
  if (op === "linear") return false;
  if (/^(wrn\d+-\d+$|mobilenet)/.test(network)) return true;
  return network.endsWith("-imagenet") && name !== "conv1";
}

/** Fourth moment over the squared second one. */
const KURTOSIS = { normal: 3, uniform: 9 / 5 } as const;

function momentsOf(values: Float32Array): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

test.each(networks.map(({ name }) => name))("%s draws every layer with the moments of its rule", (name) => {
  const definition = networkNamed(name);
  const rules = { normal: 0, uniform: 0 };
  for (const [index, node] of layersOf(definition.build(definition.image, definition.classes)).entries()) {
    const { K, R, S } = node.geometry;
    const C = node.geometry.C / node.geometry.groups;
    const rule = isNormal(name, node) ? "normal" : "uniform";
    rules[rule]++;
    const bound = 1 / Math.sqrt(C * R * S);
    const variance = rule === "normal" ? 2 / (K * R * S) : bound ** 2 / 3;
    const weight = new Float32Array(Math.min(MOST, sizeOf(parameterShape(node))));
    const bias = new Float32Array(K).fill(Number.NaN);
    drawParameters(node, randomStream(SEED, "initialise", index), weight, bias);

    const n = weight.length;
    const moments = momentsOf(weight);
    // Five standard errors of a mean and of a variance of n draws.
    expect(Math.abs(moments.mean), `${node.name}: mean`).toBeLessThan(5 * Math.sqrt(variance / n));
    const error = 5 * Math.sqrt((KURTOSIS[rule] - 1) / n);
    expect(Math.abs(moments.variance / variance - 1), `${node.name}: variance`).toBeLessThan(error);
    const largest = weight.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (rule === "uniform") expect(largest, `${node.name}: bound`).toBeLessThanOrEqual(Math.fround(bound));
    else if (n === MOST) expect(largest, `${node.name}: tails`).toBeGreaterThan(3 * Math.sqrt(variance));

    const isZero = /^(wrn\d+-\d+$|mobilenet)/.test(name) && node.op === "linear";
    if (isZero) expect(bias).toEqual(new Float32Array(K));
    else {
      const { mean } = momentsOf(bias);
      expect(Math.abs(mean), `${node.name}: bias`).toBeLessThan(5 * Math.sqrt(bound ** 2 / 3 / K));
      expect(bias.every((value) => value !== 0 && Math.abs(value) <= Math.fround(bound))).toBe(true);
    }
  }
  const isPublishedNormal = /^wrn|^mobilenet|-imagenet$/.test(name);
  expect(rules.normal > 0).toBe(isPublishedNormal);
});

describe("a model", () => {
  test.each(["resnet8", "wrn10-1"])("of %s draws layer i from stream i, weight before bias", (name) => {
    const network = networkNamed(name).build([3, 8, 8], 10);
    const model = new Model(
      network,
      1,
      createBackend("js"),
      layersOf(network).map(() => null),
    );
    model.initialise(SEED);
    layersOf(network).forEach((node, index) => {
      const { weight, bias } = model.swatLayers[index];
      const size = weight.values.length;
      const { K, C, R, S } = node.geometry;
      const bound = 1 / Math.sqrt(C * R * S);
      const stream = randomStream(SEED, "initialise", index);
      const uniform = (i: number) => Math.fround(-bound + 2 * bound * stream.uniformAt(i));
      const normal = (i: number) => Math.fround(Math.sqrt(2 / (K * R * S)) * stream.normalAt(i));
      const drawn = isNormal(name, node) ? normal : uniform;
      expect(weight.values.findIndex((value, i) => value !== drawn(i))).toBe(-1);
      const expected = Float32Array.from({ length: K }, (_, i) => (name === "wrn10-1" ? 0 : uniform(size + i)));
      if (bias !== null) expect(bias.values).toEqual(expected);
    });
    const others = model.parameters.filter((p) => model.swatLayers.every((layer) => !layer.parameters.includes(p)));
    expect(others.length).toBeGreaterThan(0);
    for (const { name: parameter, values } of others) {
      expect(
        values.every((value) => value === (parameter.endsWith("weight") ? 1 : 0)),
        parameter,
      ).toBe(true);
    }
  });
});

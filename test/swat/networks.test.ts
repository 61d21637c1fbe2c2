/** Every network trains: a step of each family with concatenation or dropout, small, and the gradient of a whole network. */
import { describe, expect, it } from "vitest";
import { randomStream } from "../../src/core/random.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { layersOf, type Network } from "../../src/networks/graph.ts";
import { defineNetwork } from "../../src/networks/graph-builder.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { Model } from "../../src/swat/model.ts";
import { NARROWER } from "../support/narrower-networks.ts";

const SGD = { learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0 };

/** Two paths from one node, put together again: every source of a concatenation with two consumers but one. */
const fork = defineNetwork("fork", { image: [2, 4, 4], classes: 3 }, (net, classes) => {
  const stem = net.conv("stem", net.input, 3, { kernel: 3, padding: 1 });
  const branch = net.relu("relu", net.conv("branch", stem, 2, { kernel: 1 }));
  const both = net.concat("concat", [branch, stem]);
  net.linear("linear", net.dropout("dropout", both, 0.4), classes);
});

function modelOf(network: Network, build: string, batch: number, sparsity: number | null): Model {
  const sparsities = layersOf(network).map(() => sparsity);
  const model = new Model(network, batch, createBackend(build, 1), sparsities);
  model.initialise(1);
  randomStream(1, "images").fillUniform(model.pixels, -1, 1);
  return model;
}

function outputs(model: Model, batch: number, phase: { training: boolean; step?: number }): Float32Array {
  model.forward(batch, { refresh: true, seed: 1, ...phase });
  const logits = new Float32Array(batch * model.classes);
  model.backend.read(model.logits.values, batch, logits);
  return logits;
}

describe("a network with concatenation and dropout", () => {
  const labels = Uint8Array.of(0, 1, 2, 0, 1);

  it("has the same outputs and gradients on every build", () => {
    const results = ["reference", "js", "simd"].map((build) => {
      const model = modelOf(fork.build([2, 4, 4], 3), build, 5, null);
      const logits = outputs(model, 5, { training: true, step: 4 });
      model.backward(5, labels, 0);
      return [logits, ...model.parameters.map(({ grad }) => Float32Array.from(grad))];
    });
    for (const result of results.slice(1)) {
      result.forEach((values, i) => {
        for (const [j, value] of values.entries()) expect(Math.abs(value - results[0][i][j])).toBeLessThan(1e-5);
      });
    }
  });

  it("has the gradient of its loss, by differences", () => {
    const model = modelOf(fork.build([2, 4, 4], 3), "reference", 5, null);
    const loss = () => {
      outputs(model, 5, { training: true });
      return model.backward(5, labels, 0);
    };
    loss();
    const STEP = 2e-3;
    for (const { name, values, grad } of model.parameters) {
      const expected = grad[0];
      const held = values[0];
      const [above, below] = [STEP, -STEP].map((step) => {
        values[0] = held + step;
        return loss();
      });
      values[0] = held;
      expect(Math.abs((above - below) / (2 * STEP) - expected), name).toBeLessThan(1e-3);
    }
  });

  it("drops others in another step, the same in the same step, and none in evaluation", () => {
    const model = modelOf(fork.build([2, 4, 4], 3), "js", 5, null);
    const [first, again, other] = [0, 0, 1].map((step) => outputs(model, 5, { training: true, step }));
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const evaluated = outputs(model, 5, { training: false });
    expect(evaluated).toEqual(outputs(model, 5, { training: false, step: 1 }));
    expect(evaluated).not.toEqual(first);
  });
});

describe("one step of", () => {
  it.each(["vgg16", "densenet121", "wrn10-1", "wrn16-2"])("%s lowers the loss on its batch", (name) => {
    // VGG-16 halves the image five times.
    const side = name === "vgg16" ? 32 : 8;
    const model = modelOf((NARROWER[name] ?? networkNamed(name)).build([3, side, side], 10), "simd", 4, 0.5);
    const labels = Uint8Array.of(1, 2, 3, 4);
    // The same step number: the same elements are dropped, and the loss is comparable.
    const losses = Array.from({ length: 4 }, () => {
      outputs(model, 4, { training: true, step: 0 });
      const loss = model.backward(4, labels, 0);
      model.update(SGD);
      return loss;
    });
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses[3]).toBeLessThan(losses[0]);
  });
});

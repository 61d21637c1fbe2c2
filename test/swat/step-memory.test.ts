/**
 * Sharing memory changes nothing: a model whose tensors all have memory of their own trains to the same bits, and so does one
 * whose tensors are filled with NaN before every step, as whatever is read must have been written in that step.
 */
import { describe, expect, it } from "vitest";
import { randomStream } from "../../src/core/random.ts";
import type { Backend, Tensor, TensorPlan } from "../../src/kernels/backend.ts";
import { createBackend, isSupported } from "../../src/kernels/index.ts";
import { layersOf, type Network } from "../../src/networks/graph.ts";
import { defineNetwork } from "../../src/networks/graph-builder.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { Model } from "../../src/swat/model.ts";
import { planStep } from "../../src/swat/step-memory.ts";
import { NARROWER } from "../support/narrower-networks.ts";

const BATCH = 6;
const SGD = { learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 1e-3 };

/** A sum of sums, of the same node twice, and of a node that is read again in between; its dropout and ReLUs work in place. */
const sums = defineNetwork("sums", { image: [2, 6, 5], classes: 3 }, (net, classes) => {
  const a = net.conv("a", net.input, 4, { kernel: 3, padding: 1 });
  const b = net.add("b", a, net.relu("relu1", net.batchNorm("bn1", a)));
  const c = net.conv("c", b, 4, { kernel: 1 });
  const d = net.add("d", net.dropout("drop", c, 0.3), b);
  const e = net.add("e", d, d);
  const f = net.add("f", net.relu("relu2", net.conv("g", d, 4, { kernel: 3, padding: 1 })), net.relu("relu3", e));
  net.linear("linear", net.maxPool("pool", f, { kernel: 2, stride: 1 }), classes);
});

const networks: Readonly<Record<string, Network>> = {
  resnet8: networkNamed("resnet8").build([3, 8, 9], 10),
  densenet: (NARROWER.densenet121 ?? networkNamed("densenet121")).build([3, 8, 8], 10),
  lenet5: networkNamed("lenet5").build([1, 16, 16], 10),
  resnet50: (NARROWER.resnet50 ?? networkNamed("resnet50")).build([3, 8, 8], 10),
  sums: sums.build([2, 6, 5], 3),
};

type Sharing = "shared" | "apart" | "poisoned";

function run(network: Network, build: string, sparsity: number | null, sharing: Sharing): Float32Array[] {
  const plain = createBackend(build, 1);
  const made: Tensor[] = [];
  const backend: Backend = {
    ...plain,
    tensors(plans: readonly TensorPlan[], maxBatch: number) {
      const tensors =
        sharing === "apart"
          ? plans.map(({ shape, halo }) => plain.tensor(shape, maxBatch, halo))
          : plain.tensors(plans, maxBatch);
      made.push(...tensors);
      return tensors;
    },
  };
  const model = new Model(
    network,
    BATCH,
    backend,
    layersOf(network).map(() => sparsity),
  );
  model.initialise(3);
  const losses = [0, 1, 2].map((step) => {
    if (sharing === "poisoned") {
      for (const tensor of made) {
        const [C, H, W] = tensor.shape;
        backend.write(tensor, BATCH, new Float32Array(BATCH * C * H * W).fill(Number.NaN));
      }
    }
    const batch = step === 1 ? BATCH - 2 : BATCH;
    randomStream(5, "images", step).fillUniform(model.pixels, -1, 1);
    model.forward(batch, { training: true, refresh: step !== 1, seed: 2, step });
    const loss = model.backward(
      batch,
      Uint8Array.from({ length: batch }, (_, i) => i % 3),
      0.1,
    );
    model.update(SGD);
    return loss;
  });
  const buffers = model.layers.flatMap((layer) => layer.buffers.map(({ values }) => values.slice()));
  return [Float32Array.from(losses), ...model.parameters.map(({ values }) => values.slice()), ...buffers];
}

const builds = ["js", "simd"].filter((name) => name === "js" || isSupported("simd"));
describe.each(builds)("a step on the %s build", (build) => {
  describe.each(Object.entries(networks))("of %s", (name, network) => {
    it.each([null, 0.8])("at sparsity %s is the same in memory of its own and in memory full of NaN", (sparsity) => {
      const shared = run(network, build, sparsity, "shared");
      expect(shared[0].every(Number.isFinite), name).toBe(true);
      expect(run(network, build, sparsity, "apart")).toEqual(shared);
      expect(run(network, build, sparsity, "poisoned")).toEqual(shared);
    });
  });
});

describe("the plan of a step", () => {
  const { nodes } = networks.resnet8;
  const { tensors, values, grads } = planStep(nodes, () => false);
  const at = (name: string) => nodes.findIndex((node) => node.name === name);

  it("lets ReLU and sums write over what nobody reads again", () => {
    const [bn, sum, relu] = ["layer2.0.bn2", "layer2.0.add", "layer2.0.relu2"].map(at);
    expect([values[sum], values[relu]]).toEqual([values[bn], values[bn]]);
    expect(values[at("layer2.0.conv2")]).not.toBe(values[bn]);
  });

  it("keeps the input of batch norm until its backward pass, and that of a layer unless it saves its own", () => {
    const backward = (name: string) => 2 * nodes.length - at(name);
    expect(tensors[values[at("layer2.0.conv2")]].to).toBe(backward("layer2.0.bn2"));
    expect(tensors[values[at("layer2.0.relu1")]].to).toBe(backward("layer2.0.conv2"));
    const saving = planStep(nodes, () => true);
    expect(saving.tensors[saving.values[at("layer2.0.relu1")]].to).toBe(at("layer2.0.conv2"));
  });

  it("passes the gradient of a sum on without a copy", () => {
    const sources = nodes[at("layer1.0.add")].from;
    for (const source of sources) expect(grads[source]).toBe(grads[at("layer1.0.add")]);
  });
});

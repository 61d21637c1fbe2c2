/** Synthetic steps against recorded ones, against the counts that a method keeps, and against what backpropagation leaves. */
import { describe, expect, it, test } from "vitest";
import { recordStep } from "../../src/api/record.ts";
import { sizeOf } from "../../src/core/geometry.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { layersOf, type Network } from "../../src/networks/graph.ts";
import { defineNetwork } from "../../src/networks/graph-builder.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { isMacOp, type MacOp } from "../../src/trace/manifest.ts";
import { openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { type StepChoice, syntheticBytes, syntheticTrace } from "./step.ts";

const BATCH = 4;

const resnet8 = networkNamed("resnet8").build([3, 16, 16], 10);
const lenet5 = networkNamed("lenet5").build([1, 16, 16], 10);

/** A node of every kind, dropout, concatenation and overlapping windows among them. */
const everything = defineNetwork("everything", { image: [3, 12, 12], classes: 10 }, (net, classes) => {
  const a = net.relu("relu1", net.batchNorm("bn1", net.conv("conv1", net.input, 8, { kernel: 3, padding: 1 })));
  const b = net.maxPool("pool1", a, { kernel: 3, stride: 2, padding: 1 });
  const c = net.relu("relu2", net.conv("conv2", b, 8, { kernel: 3, padding: 1 }));
  const d = net.concat("concat", [b, net.conv("conv3", c, 4, { kernel: 1 })]);
  const e = net.dropout("dropout", net.relu("relu3", net.add("add", d, d)), 0.3);
  const f = net.conv("conv4", e, 16, { kernel: 1, stride: 2 });
  net.linear("fc", net.averagePool("pool2", net.relu("relu4", f), { kernel: 3 }), classes);
}).build([3, 12, 12], 10);

const METHODS: readonly StepChoice[] = [
  { method: "dense", sparsity: 0 },
  { method: "swat-u", sparsity: 0.9 },
  { method: "swat-erk", sparsity: 0.8 },
  { method: "swat-u", sparsity: 0.7, pruning: "channel" },
  { method: "swat-u", sparsity: 0.7, pruning: "filter" },
];

describe.each([
  ["resnet8", "generated:16x16x3", resnet8],
  ["lenet5", "generated:16x16x1", lenet5],
])("a synthetic step of %s", (name, data, network) => {
  // Filters that are pruned whole leave channels without nonzeros of the activation, which synthetic steps do not know.
  it.each(METHODS.filter(({ pruning }) => pruning !== "filter"))(
    "has the ops and tensors of a recorded one: %j",
    async (choice) => {
      const { method = "swat-u", sparsity = 0, pruning = "unstructured" } = choice;
      const order = { network: name, data, method, sparsity, pruning, batch: BATCH, warmSteps: 1, seed: 1, threads: 1 };
      const recorded = await openTrace(memorySource("recorded", await recordStep({ ...order, kernels: "js" })));
      const synthetic = await syntheticTrace(network, { ...choice, batch: BATCH, settings: { naturalDensity: 0.6 } });
      expect(synthetic.manifest.ops).toEqual(recorded.manifest.ops);
      const described = ({ manifest }: Trace) =>
        manifest.tensors.map(({ id, role, shape, within }) => ({ id, role, shape, within })).sort(byId);
      expect(described(synthetic)).toEqual(described(recorded));
      const { producer: _, settings, ...provenance } = synthetic.manifest;
      expect(provenance.method).toEqual(recorded.manifest.method);
      expect(settings).toMatchObject({ synthetic: { trained: 1e4 }, batchSize: BATCH });
    },
  );
});

test("gradients of a step without batch norm have their zeros where recorded ones have them", async () => {
  const order = { network: "lenet5", data: "generated:16x16x1", method: "dense", sparsity: 0, warmSteps: 1, seed: 1 };
  const bytes = await recordStep({ ...order, method: "dense", pruning: "unstructured", batch: BATCH, kernels: "js" });
  const recorded = await openTrace(memorySource("recorded", bytes));
  const synthetic = await syntheticTrace(lenet5, { method: "dense", sparsity: 0, batch: BATCH });
  const sparse = ({ manifest, tensor }: Trace) =>
    manifest.ops
      .filter(isMacOp)
      .flatMap(({ operands }) => operands.outputGrad ?? [])
      .filter((id) => tensor(id).mask !== undefined);
  expect(sparse(synthetic)).toEqual(sparse(recorded));
  expect(sparse(synthetic)).toContain("conv1:outputGrad");
});

describe.each<[string, Network]>([
  ["resnet8", resnet8],
  ["lenet5", lenet5],
  ["every kind of node", everything],
])("masks of %s", (_, network) => {
  const SPARSITY = 0.8;
  it.each(METHODS)("verify: %j", async (choice) => {
    expect(await verifyTrace(await syntheticTrace(network, choice))).toEqual([]);
  });

  it("keep what top-k keeps, the first layer dense, and no more than there is", async () => {
    const trace = await syntheticTrace(network, { sparsity: SPARSITY });
    const opOf = (layer: string, pass: MacOp["pass"]) =>
      trace.manifest.ops.find((op) => op.layer === layer && op.pass === pass) as MacOp;
    for (const [index, { name }] of layersOf(network).entries()) {
      const forward = opOf(name, "forward").operands;
      const saved = trace.tensor(opOf(name, "weightGrad").operands.input as string);
      const weight = trace.tensor(forward.weight as string);
      const natural = trace.tensor(forward.input as string).nonzeros;
      const kept = (size: number) => (index === 0 ? size : keepCount(SPARSITY, size));
      expect(weight.nonzeros, name).toBe(kept(sizeOf(weight.shape)));
      expect(saved.nonzeros, name).toBe(Math.min(natural, kept(sizeOf(saved.shape))));
    }
  });

  it("are the same bytes for the same order, and others for another seed", () => {
    const bytes = syntheticBytes(network);
    expect(Buffer.compare(syntheticBytes(network), bytes)).toBe(0);
    expect(Buffer.compare(syntheticBytes(network, { seed: 2 }), bytes)).not.toBe(0);
  });
});

test("gradients behind batch norm are dense or as dense as asked", async () => {
  const densities = async (gradDensity: number) => {
    const trace = await syntheticTrace(resnet8, { method: "dense", sparsity: 0, batch: 8, settings: { gradDensity } });
    return trace.manifest.ops
      .filter(isMacOp)
      .filter(({ kind, pass }) => kind === "conv" && pass === "weightGrad")
      .map(({ operands }) => trace.tensor(operands.outputGrad as string))
      .map(({ nonzeros, shape }) => nonzeros / sizeOf(shape));
  };
  for (const density of await densities(1)) expect(density).toBe(1);
  // Of 8,192 elements at least: six standard deviations.
  for (const density of await densities(0.6)) expect(Math.abs(density - 0.6)).toBeLessThan(6 * Math.sqrt(0.24 / 8192));
});

test("natural densities are those asked for", async () => {
  for (const naturalDensity of [0.3, 0.6]) {
    const settings = { naturalDensity, offsets: 0, common: 0, correlation: 0 };
    const trace = await syntheticTrace(resnet8, { batch: 4, settings });
    const outputs = trace.manifest.tensors.filter(({ id }) => id.endsWith("relu1:output"));
    expect(outputs).toHaveLength(4);
    for (const { nonzeros, shape } of outputs) {
      const size = sizeOf(shape);
      const deviation = Math.sqrt(naturalDensity * (1 - naturalDensity) * size);
      expect(Math.abs(nonzeros - naturalDensity * size)).toBeLessThan(6 * deviation);
    }
  }
});

function byId(a: { id: string }, b: { id: string }): number {
  return a.id < b.id ? -1 : 1;
}

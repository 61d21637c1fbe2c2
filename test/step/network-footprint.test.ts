/** Memory of a training step worked out from networks, against published figures, recorded traces and work by hand. */
import { join, resolve } from "node:path";
import { describe, expect, it, test } from "vitest";
import { openTraces } from "../../src/api/open.ts";
import { sizeOf } from "../../src/core/geometry.ts";
import { type StorageFormatConfig, storageFormat } from "../../src/core/storage-formats.ts";
import { layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { defineNetwork } from "../../src/networks/graph-builder.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { type FixedMethod, fixedSparsities } from "../../src/sparsity/methods.ts";
import { type Footprint, footprintOf, PLAIN_STORAGE } from "../../src/step/footprint.ts";
import { parameterCount } from "../../src/step/layer-kinds.ts";
import type { TensorStorage, TrainingStep } from "../../src/step/live-ranges.ts";
import { networkFootprint, networkStep } from "../../src/step/network-footprint.ts";
import { isMacOp, type MacOp, type TraceManifest } from "../../src/trace/manifest.ts";

interface Changes {
  readonly batch?: number;
  readonly naturalDensity?: number;
  readonly storage?: TensorStorage;
}

function built(name: string): Network {
  const { image, classes, build } = networkNamed(name);
  return build(image, classes);
}

function footprint(network: Network, method: FixedMethod, sparsity: number, changes: Changes = {}): Footprint {
  const { batch = 2, naturalDensity = 1, storage = PLAIN_STORAGE } = changes;
  const sparsities = fixedSparsities(method, layersOf(network).map(parameterShape), sparsity);
  const layers = sparsities.map((value) => ({ weight: value, input: value }));
  return networkFootprint(network, { batch, method, sparsities: layers, naturalDensity }, storage);
}

const part = ({ parts }: Footprint, name: string) =>
  parts.find((candidate) => candidate.part.startsWith(name)) as Footprint["parts"][number];

/** Activations of the backward pass that are saved, in percent, without index bits (Raihan & Aamodt 2020 claim 23 to 50). */
const PUBLISHED: readonly (readonly [name: string, sparsity: number, saved: number])[] = [
  ["resnet50-imagenet", 0.5, 23.3],
  ["resnet50-imagenet", 0.6, 27.9],
  ["resnet50-imagenet", 0.7, 32.6],
  ["resnet50-imagenet", 0.8, 37.2],
  ["resnet50-imagenet", 0.9, 41.9],
  ["wrn16-8", 0.9, 48.9],
  ["resnet18", 0.9, 46.6],
  ["vgg16", 0.9, 28.9],
];

test.each(PUBLISHED)(
  "%s at sparsity %d saves %d percent of activations, counted as published",
  (name, sparsity, saved) => {
    const { published } = footprint(built(name), "swat-u", sparsity, { batch: 1 });
    expect((100 * (1 - published.sparseBytes / published.denseBytes)).toFixed(1)).toBe(saved.toFixed(1));
  },
);

const traces = await openTraces(
  ["resnet8-dense", "resnet8-swat-u90"].map((name) =>
    join(resolve(import.meta.dirname, "../../traces"), `${name}.safetensors`),
  ),
);

/** The step of the trace's network with its batch and nonzeros. */
function stepLike({ network, method, tensors, ops }: TraceManifest): TrainingStep {
  const nonzeros = new Map(tensors.map((tensor) => [tensor.id, tensor.nonzeros]));
  const images = tensors.find(({ id }) => id === "images:output")?.shape as number[];
  const graph = networkNamed(network).build(images.slice(1) as [number, number, number], 10);
  const layers = layersOf(graph);
  const of = (id: string) => nonzeros.get(id) as number;
  return networkStep(graph, images[0], method.name, {
    natural: ({ name }) => of(`${name}:output`),
    weight: (index) => of(`${layers[index].name}:weight`),
    saved: (index) => {
      const reads = (op: TraceManifest["ops"][number]) => op.pass === "weightGrad" && op.layer === layers[index].name;
      return of((ops.find(reads) as MacOp).operands.input as string);
    },
  });
}

describe.each(traces)("the step of a network with the densities of $name", ({ trace: { manifest } }) => {
  const step = stepLike(manifest);

  it("has the ops of the recorded trace, and its tensors", () => {
    expect(step.ops).toEqual(manifest.ops);
    const recorded = manifest.tensors.map(({ mask: _, ...tensor }) => tensor);
    const isGradient = ({ role }: { role: string }) => role === "gradient";
    const inOrder = (list: readonly { id: string; role: string }[]) =>
      list.filter((tensor) => !isGradient(tensor)).sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(inOrder(step.tensors)).toEqual(inOrder(recorded));
    const shapes = (list: TraceManifest["tensors"]) =>
      new Map(list.filter(isGradient).map(({ id, shape }) => [id, shape]));
    expect(shapes(step.tensors)).toEqual(shapes(manifest.tensors));
  });

  it("has its footprint", () => {
    expect({ ...footprintOf(step), step: manifest.step }).toEqual(footprintOf(manifest));
  });
});

describe("the footprint of a network", () => {
  /** images [1, 2, 2] → 1×1 convolution of 2 filters → ReLU → linear layer of 3 outputs with a bias. */
  const tiny = defineNetwork("tiny", { image: [1, 2, 2], classes: 3 }, (net, classes) => {
    const x = net.relu("relu", net.conv("conv", net.input, 2, { kernel: 1, bias: false }));
    net.linear("fc", x, classes);
  }).build([1, 2, 2], 3);

  it("peaks where work by hand says", () => {
    // 29 parameters and as many momenta stay. In the backward of the ReLU, dense training has images (4), the ReLU's
    // output (8), the gradients on its two sides (8 + 8) and those of the linear layer (24 + 3).
    const { peak, total } = footprint(tiny, "swat-u", 0.5, { batch: 1 });
    expect(peak.denseBytes).toBe(4 * (58 + 4 + 8 + 8 + 8 + 27));
    // SWAT has let the half of the ReLU's output go that it had saved, and keeps the ReLU's 8 signs in one byte.
    expect(peak.sparseBytes).toBe(4 * (58 + 4 + 8 + 8 + 27));
    expect(peak.sparseIndexedBytes).toBe(4 * (58 + 4 + 8 + 8 + 27) + 1);
    expect(peak.inPassing).toEqual({ denseBytes: 64, sparseBytes: 64, sparseIndexedBytes: 64 });
    expect(peak.during).toEqual({ dense: "relu backward", sparse: "relu backward", sparseIndexed: "relu backward" });
    // Sums: parameters thrice, the images, the ReLU's output or half of it, half of the linear weights.
    expect(total.denseBytes).toBe(4 * (3 * 29 + 4 + 8));
    expect(total.sparseBytes).toBe(4 * (3 * 29 + 4 + 4 + 12));
    expect(total.sparseIndexedBytes).toBe(4 * (3 * 29 + 4 + 4 + 12) + 1 + 3 + 1);
  });

  it("of dense training peaks as a replay of allocations does", () => {
    for (const name of ["resnet8", "vgg16", "densenet121", "lenet5", "wrn10-1"]) {
      const network = built(name);
      const { peak } = footprint(network, "dense", 0);
      expect(peak.denseBytes, name).toBe(replayedPeak(network, 2));
      expect(peak.sparseIndexedBytes, name).toBe(peak.denseBytes);
    }
  });

  it("keeps each parameter three times, and 1 bit for each element of dropout", () => {
    const network = built("vgg16");
    const bytes = footprint(network, "swat-u", 0.9, { batch: 8 });
    for (const name of ["master", "parameter gradients", "optimizer"]) {
      expect(part(bytes, name).sparseIndexedBytes).toBe(4 * parameterCount(network));
    }
    expect(part(bytes, "dropout").denseBytes).toBe((8 * (4096 + 4096)) / 8);
    const channels = network.nodes.reduce((sum, { op, shape }) => sum + (op === "batchNorm" ? shape[0] : 0), 0);
    expect(part(bytes, "batch norm running").denseBytes).toBe(2 * 4 * channels);
    expect(part(bytes, "batch norm mean").denseBytes).toBe(2 * 4 * channels);
  });

  it("is linear in the batch for what it saves, but for statistics", () => {
    const [one, four] = [1, 4].map((batch) => footprint(built("resnet8"), "dense", 0, { batch }));
    for (const name of ["saved inputs", "batch norm inputs", "ReLU signs"]) {
      expect(part(four, name).denseBytes).toBe(4 * part(one, name).denseBytes);
    }
  });

  it("keeps signs of ReLU only where top-k drops nonzeros of the activation", () => {
    const network = built("resnet18");
    const dense = part(footprint(network, "dense", 0), "ReLU signs").denseBytes;
    const [dropped, kept] = [0.75, 0.25].map((naturalDensity) => footprint(network, "swat-u", 0.5, { naturalDensity }));
    const relus = network.nodes.filter(({ op }) => op === "relu");
    const bits = relus.reduce((sum, { shape }) => sum + (2 * sizeOf(shape)) / 8, 0);
    expect(part(dropped, "ReLU signs").sparseIndexedBytes).toBe(bits);
    expect(part(kept, "ReLU signs").sparseIndexedBytes).toBe(dense);
    // A quarter of the elements is left in place of a half.
    const [half, quarter] = [dropped, kept].map((bytes) => part(bytes, "saved inputs"));
    expect(half.denseBytes).toBe(quarter.denseBytes);
    expect(quarter.sparseBytes / half.sparseBytes).toBeGreaterThan(0.5);
    expect(quarter.sparseBytes / half.sparseBytes).toBeLessThan(0.55);
  });

  const FORMATS: readonly (readonly [StorageFormatConfig, (size: number, kept: number) => number])[] = [
    ["dense", (size) => 4 * size],
    ["bitmap", (size, kept) => 4 * kept + size / 8],
    [{ format: "bitmap", chunk: 64 }, (size, kept) => 4 * kept + size / 8],
    // 12-bit positions in chunks of 2¹², the end of each chunk, and the byte that is half full in every other one.
    [{ format: "coordinates", chunk: 2 ** 12 }, (size, kept) => 5.5 * kept + 4.25 * (size / 2 ** 12)],
    // An entry for each nonzero and for the zeros at the end; of 8 bits, hardly ever one for a run of 256 zeros.
    [{ format: "run-length", bits: 8 }, (_, kept) => 5 * (kept + 0.9)],
  ];

  it.each(FORMATS)("has the index bits of %j", (config, formula) => {
    const format = storageFormat(config);
    const storage = { ...PLAIN_STORAGE, weight: format, input: format };
    const network = built("resnet20");
    const bytes = footprint(network, "swat-u", 0.9, { batch: 64, storage });
    const step = networkStep(network, 64, "swat-u", {
      natural: (_, size) => size,
      weight: (index, size) => (index === 0 ? size : Math.ceil(size * (1 - 0.9))),
      saved: (index, size) => (index === 0 ? size : Math.ceil(size * (1 - 0.9))),
    });
    const inputs = step.ops.flatMap((op) => (isMacOp(op) && op.pass === "weightGrad" ? [op.operands.input] : []));
    const expected = step.tensors
      .filter(({ id }) => inputs.includes(id))
      .reduce((sum, { shape, nonzeros }) => {
        const size = sizeOf(shape);
        return sum + (nonzeros === size ? 4 * size : formula(size, nonzeros));
      }, 0);
    const { sparseIndexedBytes } = part(bytes, "saved inputs");
    // Each tensor is rounded to a byte.
    expect(Math.abs(sparseIndexedBytes - expected)).toBeLessThanOrEqual(inputs.length / 2);
  });

  it("holds narrow weights beside wider masters in dense training, too", () => {
    const network = built("resnet8");
    const storage = { ...PLAIN_STORAGE, valueBytes: 2 };
    const weights = layersOf(network).reduce((sum, layer) => sum + sizeOf(parameterShape(layer)), 0);
    const bytes = footprint(network, "swat-u", 0.5, { storage });
    expect(part(bytes, "sparse copy").denseBytes).toBe(2 * weights);
    expect(part(bytes, "master").denseBytes).toBe(4 * parameterCount(network));
    const wide = footprint(network, "swat-u", 0.5);
    expect(part(bytes, "batch norm inputs").denseBytes).toBe(part(wide, "batch norm inputs").denseBytes / 2);
  });

  it("needs a sparsity for each layer", () => {
    const settings = { batch: 1, method: "swat-u", sparsities: [], naturalDensity: 1 };
    expect(() => networkFootprint(built("resnet8"), settings, PLAIN_STORAGE)).toThrow(
      "resnet8: needs a sparsity for each of 10 layers, got 0",
    );
  });
});

/**
 * Peak of dense training by playing the step against an allocator: outputs are allocated before an op, and after it
 * everything is freed that no later op needs. Written against the graph, not against ops.
 */
function replayedPeak({ nodes }: Network, batch: number): number {
  type Event = { readonly needs: string[]; readonly makes: [id: string, bytes: number][] };
  const events: Event[] = [];
  const bytes = (index: number) => 4 * batch * sizeOf(nodes[index].shape);
  const readers = (index: number) => nodes.filter(({ from }) => from.includes(index));
  const saves = (index: number) =>
    readers(index).some(({ op }) => ["conv", "linear", "batchNorm", "maxPool"].includes(op));
  const parameters = nodes.map((node): number => {
    if (node.op === "batchNorm") return 8 * node.shape[0];
    if (node.op !== "conv" && node.op !== "linear") return 0;
    return 4 * (sizeOf(parameterShape(node)) + (node.bias ? node.geometry.K : 0));
  });
  // Masters and momenta, and running statistics as large as γ and β.
  let always = 0;
  nodes.forEach((node, i) => {
    always += 2 * parameters[i] + (node.op === "batchNorm" ? parameters[i] : 0);
  });

  nodes.forEach((node, i) => {
    if (node.op === "input") return;
    const makes: Event["makes"] = [[`x${i}`, bytes(i)]];
    if (node.op === "batchNorm") makes.push([`statistics${i}`, parameters[i]]);
    if (node.op === "dropout") makes.push([`mask${i}`, Math.ceil(bytes(i) / 32)]);
    if (node.op === "relu" && !saves(i)) makes.push([`signs${i}`, Math.ceil(bytes(i) / 32)]);
    events.push({ needs: node.from.map((from) => `x${from}`), makes });
  });
  const last = nodes.length - 1;
  events.push({ needs: [`x${last}`], makes: [[`g${last}`, bytes(last)]] });
  for (let i = last; i > 0; i--) {
    const { op, from } = nodes[i];
    const gradients = from
      .filter((source) => nodes[source].op !== "input")
      .map((source): [string, number] => [`g${source}`, bytes(source)]);
    if (op === "conv" || op === "linear") {
      if (gradients.length > 0) events.push({ needs: [`g${i}`], makes: gradients });
      events.push({ needs: [`g${i}`, `x${from[0]}`], makes: [[`p${i}`, parameters[i]]] });
      continue;
    }
    const makes = [...gradients];
    const needs = [`g${i}`];
    if (op === "batchNorm") {
      needs.push(`x${from[0]}`, `statistics${i}`);
      makes.push([`p${i}`, parameters[i]]);
    }
    if (op === "maxPool") needs.push(`x${from[0]}`);
    if (op === "relu") needs.push(saves(i) ? `x${i}` : `signs${i}`);
    if (op === "dropout") needs.push(`mask${i}`);
    events.push({ needs, makes });
  }
  nodes.forEach((_, i) => {
    if (parameters[i] > 0) events.push({ needs: [`p${i}`], makes: [] });
  });

  const live = new Map<string, number>([["x0", bytes(0)]]);
  let peak = 0;
  events.forEach(({ makes }, at) => {
    for (const [id, size] of makes) live.set(id, size);
    peak = Math.max(peak, always + [...live.values()].reduce((sum, size) => sum + size, 0));
    const later = new Set(events.slice(at + 1).flatMap(({ needs }) => needs));
    for (const id of live.keys()) if (!later.has(id)) live.delete(id);
  });
  return peak;
}

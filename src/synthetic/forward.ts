/** Zeros of weights, activations and saved inputs: drawn (draw.ts), selected, and carried through pooling, dropout and concatenation. */
import { type BitMask, countOnes, maskOfNonzeros } from "../core/bit-mask.ts";
import { sizeOf } from "../core/geometry.ts";
import type { PoolGeometry } from "../core/pool-geometry.ts";
import { randomStream } from "../core/random.ts";
import { averagePoolForward, maxPoolForward } from "../kernels/reference/pooling.ts";
import { type LayerNode, layersOf, type NetworkNode, parameterShape } from "../networks/graph.ts";
import { keepCount } from "../sparsity/keep-count.ts";
import { structuredPruner, unitSize } from "../sparsity/structured.ts";
import { keepsZeros } from "../step/layer-kinds.ts";
import { drawActivation, drawWeights } from "./draw.ts";
import type { Zeros } from "./masks.ts";
import * as masks from "./masks.ts";
import type { FieldPattern } from "./patterns.ts";
import type { SyntheticStep } from "./step.ts";

/** What top-k keeps of weights that are drawn; of convolutions in units, where the method prunes those. */
export function weightZeros(
  { seed, sparsities, pruning, patterns }: SyntheticStep,
  node: LayerNode,
  index: number,
): Zeros {
  const sparsity = sparsities[index].weight;
  const shape = parameterShape(node);
  const size = sizeOf(shape);
  if (keepCount(sparsity, size) === size) return null;
  // Units that are pruned as a whole are kept by their sums, which no density of elements tells.
  const pattern =
    pruning === "unstructured" ? patterns.weights[index] : { ...patterns.weights[index], densities: undefined };
  const values = drawWeights(shape, pattern, randomStream(seed, "synthetic-weight", index));
  if (node.op === "linear" || pruning === "unstructured") {
    for (let i = 0; i < size; i++) values[i] = Math.abs(values[i]);
    return masks.largest(values, shape, keepCount(sparsity, size));
  }
  const unit = unitSize(pruning, shape as [number, number, number, number]);
  structuredPruner(size / unit, unit)(values, sparsity, values);
  return masks.zerosOf(maskOfNonzeros(values, shape));
}

/** Zeros of what a forward pass makes. */
export interface ForwardZeros {
  /** Of each node's output. */
  readonly natural: readonly Zeros[];
  /** Of what each layer saves of its input. */
  readonly saved: readonly Zeros[];
  /** Of each max pooling, the elements that it took its output from. */
  readonly winners: ReadonlyMap<NetworkNode, Int32Array>;
  /** Of each dropout, what it let through. */
  readonly kept: ReadonlyMap<NetworkNode, BitMask>;
}

/** Nodes whose zeros come from values. */
const SELECTS: readonly NetworkNode["op"][] = ["relu", "maxPool", "averagePool", "dropout", "concat"];
/** Nodes that ask for the values of what they read, as layers do that select. */
const READS_VALUES: readonly NetworkNode["op"][] = ["maxPool", "averagePool", "dropout", "concat"];

/** Draws the activations of a step, node by node; their values live until the last who reads them is done. */
export function forwardZeros({ network, batch, sparsities, seed, patterns }: SyntheticStep): ForwardZeros {
  const { nodes } = network;
  const layers = layersOf(network);
  const natural: Zeros[] = [];
  const saved: Zeros[] = [];
  const winners = new Map<NetworkNode, Int32Array>();
  const kept = new Map<NetworkNode, BitMask>();
  /** Kept until the last reader is done. */
  const values = new Map<number, Float32Array>();
  const isLayer = (node: NetworkNode) => node.op === "conv" || node.op === "linear";
  const isSparse = (node: LayerNode) => sparsities[layers.indexOf(node)].input > 0;
  const needsValues = (node: NetworkNode) =>
    node.op === "conv" || node.op === "linear" ? isSparse(node) : READS_VALUES.includes(node.op) || keepsZeros(node);
  /** What the next layer saves: of its own input where it reads the node. */
  const savedBehind = (index: number): FieldPattern => {
    const reader = nodes.find((node) => isLayer(node) && node.from.includes(index)) ?? nodes.slice(index).find(isLayer);
    return patterns.saved[Math.max(0, layers.indexOf(reader as LayerNode))];
  };
  const lastReaders = nodes.map((_, index) =>
    nodes.findLastIndex((reader) => reader.from.includes(index) && needsValues(reader)),
  );

  nodes.forEach((node, index) => {
    const shape = [batch, ...node.shape];
    const stream = randomStream(seed, "synthetic-activation", index);
    if (SELECTS.includes(node.op) || keepsZeros(node) || lastReaders[index] >= 0) {
      const sources = node.from.map((from) => values.get(from) as Float32Array);
      values.set(index, valuesOf(node, shape, sources));
    }
    const made = values.get(index);
    natural.push(made === undefined ? null : masks.zerosOf(masks.above(made, shape, 0)));
    if (node.op === "conv" || node.op === "linear") saveInput(node);
    for (const from of [index, ...node.from]) if (lastReaders[from] <= index) values.delete(from);

    function valuesOf(node: NetworkNode, shape: number[], sources: Float32Array[]): Float32Array {
      const saved = savedBehind(index);
      if (node.op === "relu") return drawActivation({ shape, natural: patterns.natural.get(node.name), saved }, stream);
      if (keepsZeros(node)) return sources[0];
      if (node.op === "averagePool") return averagePool({ ...node.geometry, N: batch }, sources[0]);
      if (node.op === "concat") return joined(batch, sources);
      if (node.op === "dropout") return drop(node.rate, shape, sources[0]);
      if (node.op !== "maxPool") return drawActivation({ shape, saved }, stream);
      const g = { ...node.geometry, N: batch };
      const output = new Float32Array(masks.outputSize(g));
      const argmax = new Int32Array(output.length);
      maxPoolForward(g, sources[0], output, argmax);
      winners.set(node, argmax);
      return output;
    }

    function drop(rate: number, shape: number[], source: Float32Array): Float32Array {
      const keeps = (i: number) => stream.uniformAt(i) >= rate;
      kept.set(node, masks.thinned(null, shape, keeps));
      return source.map((value, i) => (keeps(i) ? value : 0));
    }
  });
  return { natural, saved, winners, kept };

  /** min(k, natural nonzeros) of the largest; layers that keep as many of one tensor share what they keep. */
  function saveInput(node: LayerNode): void {
    const [source] = node.from;
    const shape = [batch, ...nodes[source].shape];
    const size = sizeOf(shape);
    const zeros = natural[source];
    const wanted = keepCount(sparsities[layers.indexOf(node)].input, size);
    const equal = layers.findIndex(
      (other, at) => at < saved.length && other.from[0] === source && keepCount(sparsities[at].input, size) === wanted,
    );
    if (wanted >= (zeros === null ? size : countOnes(zeros))) saved.push(zeros);
    else if (equal >= 0) saved.push(saved[equal]);
    else saved.push(masks.largest(scoresOf(node, source, shape), shape, wanted));
  }

  /** What is not drawn for this layer, as pooled values, is saved by a draw of its own among what is not zero. */
  function scoresOf(node: LayerNode, source: number, shape: readonly number[]): Float32Array {
    const drawn = values.get(source) as Float32Array;
    const made = nodes[source].op;
    if (!SELECTS.includes(made) && !keepsZeros(nodes[source])) return drawn;
    if (made === "relu") return drawn;
    const layer = layers.indexOf(node);
    const scores = drawActivation(
      { shape, saved: patterns.saved[layer] },
      randomStream(seed, "synthetic-saved", layer),
    );
    for (let i = 0; i < scores.length; i++) if (drawn[i] === 0) scores[i] = 0;
    return scores;
  }
}

function averagePool(g: PoolGeometry, input: Float32Array): Float32Array {
  const output = new Float32Array(masks.outputSize(g));
  averagePoolForward(g, input, output);
  return output;
}

/** Sources [N, C_i, H, W] beside each other along the channels. */
function joined(batch: number, sources: readonly Float32Array[]): Float32Array {
  const output = new Float32Array(sources.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let image = 0; image < batch; image++) {
    for (const source of sources) {
      const size = source.length / batch;
      output.set(source.subarray(image * size, (image + 1) * size), at);
      at += size;
    }
  }
  return output;
}

/** Zeros of weights, activations and saved inputs: drawn (draw.ts), selected, and carried through pooling, dropout and concatenation. */
import { type BitMask, countOnes, maskOfNonzeros } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import type { PoolGeometry } from "../../core/pool-geometry.ts";
import { randomStream } from "../../core/random.ts";
import { averagePoolForward, maxPoolForward } from "../../kernels/reference/pooling.ts";
import { type LayerNode, layersOf, type NetworkNode, parameterShape } from "../../networks/graph.ts";
import { keepCount } from "../../sparsity/keep-count.ts";
import { structuredPruner, unitSize } from "../../sparsity/structured.ts";
import { keepsZeros } from "../../step/layer-kinds.ts";
import type { FieldPattern } from "../patterns.ts";
import type { SyntheticStep } from "../step.ts";
import { drawActivation, drawWeights } from "./draw.ts";
import type { Zeros } from "./masks.ts";
import * as masks from "./masks.ts";

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
export function forwardZeros(step: SyntheticStep): ForwardZeros {
  const forward = new ForwardPass(step);
  step.network.nodes.forEach((node, index) => {
    forward.run(node, index);
  });
  return forward;
}

function isLayer(node: NetworkNode): node is LayerNode {
  return node.op === "conv" || node.op === "linear";
}

/** A forward pass on its way through the network. */
class ForwardPass implements ForwardZeros {
  readonly natural: Zeros[] = [];
  readonly saved: Zeros[] = [];
  readonly winners = new Map<NetworkNode, Int32Array>();
  readonly kept = new Map<NetworkNode, BitMask>();
  readonly #step: SyntheticStep;
  readonly #layers: readonly LayerNode[];
  /** Of nodes, until their last reader is done. */
  readonly #values = new Map<number, Float32Array>();
  readonly #lastReaders: readonly number[];

  constructor(step: SyntheticStep) {
    const { nodes } = step.network;
    this.#step = step;
    this.#layers = layersOf(step.network);
    this.#lastReaders = nodes.map((_, index) =>
      nodes.findLastIndex((reader) => reader.from.includes(index) && this.#needsValues(reader)),
    );
  }

  /** The next node. */
  run(node: NetworkNode, index: number): void {
    const values = this.#values;
    const shape = [this.#step.batch, ...node.shape];
    if (SELECTS.includes(node.op) || keepsZeros(node) || this.#lastReaders[index] >= 0) {
      const sources = node.from.map((from) => values.get(from) as Float32Array);
      values.set(index, this.#valuesOf(node, index, shape, sources));
    }
    const made = values.get(index);
    this.natural.push(made === undefined ? null : masks.zerosOf(masks.above(made, shape, 0)));
    if (isLayer(node)) this.#saveInput(node);
    for (const from of [index, ...node.from]) if (this.#lastReaders[from] <= index) values.delete(from);
  }

  #needsValues(node: NetworkNode): boolean {
    if (isLayer(node)) return this.#step.sparsities[this.#layers.indexOf(node)].input > 0;
    return READS_VALUES.includes(node.op) || keepsZeros(node);
  }

  #valuesOf(node: NetworkNode, index: number, shape: number[], sources: Float32Array[]): Float32Array {
    const { batch, seed, patterns } = this.#step;
    const stream = randomStream(seed, "synthetic-activation", index);
    const saved = this.#savedBehind(index);
    if (node.op === "relu") return drawActivation({ shape, natural: patterns.natural.get(node.name), saved }, stream);
    if (keepsZeros(node)) return sources[0];
    if (node.op === "averagePool") return averagePool({ ...node.geometry, N: batch }, sources[0]);
    if (node.op === "concat") return joined(batch, sources);
    if (node.op === "dropout") {
      const { rate } = node;
      const keeps = (i: number) => stream.uniformAt(i) >= rate;
      this.kept.set(node, masks.thinned(null, shape, keeps));
      return sources[0].map((value, i) => (keeps(i) ? value : 0));
    }
    if (node.op !== "maxPool") return drawActivation({ shape, saved }, stream);
    const g = { ...node.geometry, N: batch };
    const output = new Float32Array(masks.outputSize(g));
    const argmax = new Int32Array(output.length);
    maxPoolForward(g, sources[0], output, argmax);
    this.winners.set(node, argmax);
    return output;
  }

  /** What the next layer saves: of its own input where it reads the node. */
  #savedBehind(index: number): FieldPattern {
    const { network, patterns } = this.#step;
    const { nodes } = network;
    const reader = nodes.find((node) => isLayer(node) && node.from.includes(index)) ?? nodes.slice(index).find(isLayer);
    return patterns.saved[Math.max(0, this.#layers.indexOf(reader as LayerNode))];
  }

  /** min(k, activation nonzeros) of the largest; layers that keep as many of one tensor share what they keep. */
  #saveInput(node: LayerNode): void {
    const { batch, network, sparsities } = this.#step;
    const [source] = node.from;
    const shape = [batch, ...network.nodes[source].shape];
    const size = sizeOf(shape);
    const zeros = this.natural[source];
    const keptBy = (layer: number) => keepCount(sparsities[layer].input, size);
    const wanted = keptBy(this.#layers.indexOf(node));
    const equal = this.#layers.findIndex(
      (other, at) => at < this.saved.length && other.from[0] === source && keptBy(at) === wanted,
    );
    if (wanted >= (zeros === null ? size : countOnes(zeros))) this.saved.push(zeros);
    else if (equal >= 0) this.saved.push(this.saved[equal]);
    else this.saved.push(masks.largest(this.#scoresOf(node, source, shape), shape, wanted));
  }

  /** What is not drawn for this layer, as pooled values, is saved by a draw of its own among what is not zero. */
  #scoresOf(node: LayerNode, source: number, shape: readonly number[]): Float32Array {
    const { network, patterns, seed } = this.#step;
    const drawn = this.#values.get(source) as Float32Array;
    const made = network.nodes[source];
    if (made.op === "relu" || !(SELECTS.includes(made.op) || keepsZeros(made))) return drawn;
    const layer = this.#layers.indexOf(node);
    const stream = randomStream(seed, "synthetic-saved", layer);
    const scores = drawActivation({ shape, saved: patterns.saved[layer] }, stream);
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

/**
 * A trace of a training step that nobody has trained: the tensors and ops of a network's step (`step/network-footprint.ts`), with masks
 * drawn forward through the graph (forward.ts) and passed back through it (gradients.ts).
 */
import { type BitMask, countOnes } from "../core/bit-mask.ts";
import { sizeOf } from "../core/geometry.ts";
import { layersOf } from "../networks/graph.ts";
import { PUBLISHED_EXEMPTIONS } from "../sparsity/methods.ts";
import { declaredKinds } from "../step/layer-kinds.ts";
import { networkStep } from "../step/network-footprint.ts";
import { TRACE_VERSION, type TraceManifest, type TraceTensor } from "../trace/manifest.ts";
import { forwardZeros, weightZeros } from "./draw/forward.ts";
import { gradientZeros } from "./draw/gradients.ts";
import type { Zeros } from "./draw/masks.ts";
import type { SyntheticStep } from "./step.ts";

/** A manifest and the masks that it names. */
export interface SyntheticTrace {
  readonly manifest: TraceManifest;
  readonly masks: ReadonlyMap<string, BitMask>;
}

/** Draws the trace of a step. The same step gives the same trace. */
export function synthesize(step: SyntheticStep): SyntheticTrace {
  const { network, method, batch } = step;
  const layers = layersOf(network);
  const weights = layers.map((node, index) => weightZeros(step, node, index));
  const forward = forwardZeros(step);
  const gradients = gradientZeros(step, weights, forward);
  const nodeIndex = new Map(network.nodes.map((node, index) => [node.name, index]));
  const count = (zeros: Zeros, size: number) => (zeros === null ? size : countOnes(zeros));
  const { tensors, ops } = networkStep(network, batch, method, {
    natural: ({ name }, size) => count(forward.natural[nodeIndex.get(name) as number], size),
    weight: (index, size) => count(weights[index], size),
    saved: (index, size) => count(forward.saved[index], size),
    gradient: ({ name }, size) => count(gradients[nodeIndex.get(name) as number], size),
  });

  const layerIndex = new Map(layers.map(({ name }, index) => [name, index]));
  const zerosOf = ({ id, role }: TraceTensor): Zeros => {
    const owner = id.slice(0, id.lastIndexOf(":"));
    if (role === "weight") return weights[layerIndex.get(owner) as number];
    if (role === "savedActivation") return forward.saved[layerIndex.get(owner) as number];
    return (role === "activation" ? forward.natural : gradients)[nodeIndex.get(owner) as number];
  };
  /** Tensors with the same zeros name one mask. */
  const names = new Map<BitMask, string>();
  const masked = tensors.map((tensor): TraceTensor => {
    const zeros = tensor.nonzeros === sizeOf(tensor.shape) ? null : zerosOf(tensor);
    if (zeros === null) return tensor;
    const mask = names.get(zeros) ?? `${tensor.id}.mask`;
    names.set(zeros, mask);
    const { within, ...rest } = tensor;
    return { ...rest, mask, ...(within === undefined ? {} : { within }) };
  });
  return {
    manifest: { ...provenanceOf(step), ...declaredKinds(network), tensors: masked, ops: [...ops] },
    masks: new Map([...names].map(([mask, name]) => [name, mask])),
  };
}

function provenanceOf(step: SyntheticStep): Omit<TraceManifest, "tensors" | "ops"> {
  const { network, method, sparsity, pruning, topKPeriod, batch, seed, told } = step;
  const swat = { sparsity, topKPeriod, ...PUBLISHED_EXEMPTIONS[method] };
  return {
    version: TRACE_VERSION,
    producer: "swat-sim trace synth",
    network: network.name,
    dataset: "synthetic",
    method: method === "dense" ? { name: method } : { name: method, ...swat },
    settings: { synthetic: { ...told }, batchSize: batch, ...(method === "dense" ? {} : { pruning }) },
    refreshed: true,
    seed,
    step: 0,
  };
}

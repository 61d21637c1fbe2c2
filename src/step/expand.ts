/**
 * Expands a network into the ops of one training step, in the order in which they run: forward, the loss, backward in
 * reverse order, the update. The trainer, synthetic traces and footprints share this order; each brings its own tensors.
 */
import type { Operand, Pass } from "../core/passes.ts";
import type { LayerNode, Network, NetworkNode } from "../networks/graph.ts";
import {
  type MacOp,
  type Multiplication,
  macOp,
  type OtherOp,
  type TensorRole,
  type TraceOp,
} from "../trace/manifest.ts";
import { type ComputingNode, computes, layerKind, multiplies } from "./layer-kinds.ts";

/** The tensors of a step by what they are; each call names one, and adds it where it is new. */
export interface StepTensors {
  /** The output of a node. */
  output(node: NetworkNode): string;
  /** The gradient with respect to the output of a node. */
  gradient(node: NetworkNode): string;
  /** What a pass of a layer multiplies: the dense tensor, or what the method kept of it. */
  operand(layer: LayerNode, pass: Pass, operand: Operand, source: NetworkNode): string;
  /** What the optimizer keeps of each parameter; its momentum where not given. */
  readonly optimizerStates?: readonly string[];
  /** A tensor of the optimizer. */
  dense(id: string, role: TensorRole, shape: readonly number[]): string;
  /** In a step that changes masks in place of weights: the layers that do. No optimizer runs then. */
  readonly maskUpdates?: ReadonlySet<string> | undefined;
}

/** Kind of the op that changes the masks of a layer; traces declare it. */
export const MASK_UPDATE = "maskUpdate";

/** The ops of a step on `batch` images. */
export function expandStep({ nodes }: Network, batch: number, tensors: StepTensors): TraceOp[] {
  const sourcesOf = (node: NetworkNode) => node.from.map((from) => nodes[from]);
  const computing = nodes.filter(computes);
  const logits = nodes[nodes.length - 1];
  const forward = computing.map((node) => forwardOp(node, sourcesOf(node), batch, tensors));
  const loss: OtherOp = {
    ...{ kind: "loss", pass: "backward", layer: "loss" },
    ...{ reads: [tensors.output(logits)], writes: [tensors.gradient(logits)] },
  };
  const backward = [...computing].reverse().flatMap((node) => backwardOps(node, sourcesOf(node), batch, tensors));
  return [...forward, loss, ...backward, ...computing.flatMap((node) => updateOps(node, tensors))];
}

function forwardOp(node: ComputingNode, sources: readonly NetworkNode[], batch: number, tensors: StepTensors): TraceOp {
  if (!multiplies(node)) {
    const reads = sources.map((source) => tensors.output(source));
    return {
      kind: node.op as OtherOp["kind"],
      pass: "forward",
      layer: node.name,
      reads,
      writes: [tensors.output(node)],
    };
  }
  const weight = tensors.operand(node, "forward", "weight", sources[0]);
  const input = tensors.operand(node, "forward", "input", sources[0]);
  const output = tensors.output(node);
  return multiplyingOp(node, batch, { pass: "forward", operands: { input, weight } }, output);
}

/** No gradient of the images is computed. Batch norm trains its γ and β all the same. */
function backwardOps(
  node: ComputingNode,
  sources: readonly NetworkNode[],
  batch: number,
  tensors: StepTensors,
): TraceOp[] {
  const [source] = sources;
  const trained = sources.filter(computes);
  if (!multiplies(node)) {
    const { reads, parameters } = layerKind(node);
    if (trained.length === 0 && parameters(node).length === 0) return [];
    const again = { input: [source], output: [node], nothing: [], mac: [] }[reads].map((one) => tensors.output(one));
    const writes = trained.map((one) => tensors.gradient(one));
    const kind = node.op as OtherOp["kind"];
    return [{ kind, pass: "backward", layer: node.name, reads: [...again, tensors.gradient(node)], writes }];
  }
  const ops: TraceOp[] = [];
  const outputGrad = tensors.operand(node, "weightGrad", "outputGrad", source);
  if (computes(source)) {
    const weight = tensors.operand(node, "inputGrad", "weight", source);
    const output = tensors.gradient(source);
    ops.push(multiplyingOp(node, batch, { pass: "inputGrad", operands: { outputGrad, weight } }, output));
  }
  const input = tensors.operand(node, "weightGrad", "input", source);
  const [{ name, shape }] = layerKind(node).parameters(node);
  const output = tensors.dense(`${name}:grad`, "parameterGrad", shape);
  return [...ops, multiplyingOp(node, batch, { pass: "weightGrad", operands: { outputGrad, input } }, output)];
}

function updateOps(node: ComputingNode, tensors: StepTensors): OtherOp[] {
  const parameters = layerKind(node).parameters(node);
  if (parameters.length === 0) return [];
  if (tensors.maskUpdates !== undefined) {
    return tensors.maskUpdates.has(node.name) ? [maskUpdateOp(node.name, parameters[0], tensors)] : [];
  }
  const all = (part: string, role: TensorRole) =>
    parameters.map(({ name, shape }) => tensors.dense(`${name}:${part}`, role, shape));
  const masters = all("master", "parameter");
  const { optimizerStates = ["momentum"] } = tensors;
  const states = optimizerStates.flatMap((part) => all(part, "optimizerState"));
  const grads = all("grad", "parameterGrad");
  const reads = [...masters, ...grads, ...states];
  return [{ kind: "optimizer", pass: "update", layer: node.name, reads, writes: [...masters, ...states] }];
}

/** Ranks active weights and all gradients, and writes the weights that are active afterwards. */
function maskUpdateOp(
  layer: string,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
  tensors: StepTensors,
): OtherOp {
  const master = tensors.dense(`${name}:master`, "parameter", shape);
  const grad = tensors.dense(`${name}:grad`, "parameterGrad", shape);
  const kind = MASK_UPDATE as OtherOp["kind"];
  return { kind, pass: "update", layer, reads: [master, grad], writes: [master] };
}

function multiplyingOp(node: LayerNode, batch: number, multiplication: Multiplication, output: string): MacOp {
  const { stride, padding, dilation, ...sizes } = node.geometry;
  const copies = { stride: [...stride], padding: [...padding], dilation: [...dilation] };
  const geometry = { ...sizes, N: batch, ...copies } as MacOp["geometry"];
  return macOp(node.op, node.name, geometry, multiplication, output);
}

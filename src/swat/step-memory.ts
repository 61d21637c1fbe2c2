/**
 * Which activations and gradients of a training step share memory. Time runs over the step: node i computes at time i, the
 * loss at n, and node i's backward pass at 2n − i. A tensor is in use from the pass that writes it first to the last that
 * reads it; a layer that works element by element writes over what it reads where nobody needs that any more, and gradients
 * that an addition only passes on are one tensor.
 */

import { inputHalo, outputGradHalo } from "../core/geometry.ts";
import type { Halo, TensorPlan } from "../kernels/backend.ts";
import type { NetworkNode } from "../networks/graph.ts";
import { computes, layerKind } from "../step/layer-kinds.ts";
import { kernelGeometry } from "./layers/swat-layer.ts";

/** Tensors, and for each node the one that holds its output or its gradient; the images have no gradient. */
export interface StepMemory {
  readonly tensors: readonly TensorPlan[];
  readonly values: readonly number[];
  readonly grads: readonly (number | null)[];
}

type Op = NetworkNode["op"];
/** Whose output may take the place of an input, and whose gradient of the input that of the output. */
const ELEMENTWISE_FORWARD: ReadonlySet<Op> = new Set(["relu", "add", "dropout"]);
const ELEMENTWISE_BACKWARD: ReadonlySet<Op> = new Set(["relu", "batchNorm", "dropout"]);
/** Layers that keep what their backward pass needs themselves, in less room than the tensors of the table of kinds. */
const KEEPS_ITS_OWN: ReadonlySet<Op> = new Set(["relu", "maxPool"]);

/** A tensor on its way to its final span, with the nodes that it is for. */
interface Shared {
  halo: Halo;
  from: number;
  to: number;
  nodes: number[];
}

/** @param savesInput whether the layer of that node keeps its own copy of what its backward pass reads of its input. */
export function planStep(nodes: readonly NetworkNode[], savesInput: (node: number) => boolean): StepMemory {
  const consumers = nodes.map((_, index) =>
    nodes.flatMap(({ from }, reader) => (from.includes(index) ? [reader] : [])),
  );
  const values = planValues(nodes, consumers, savesInput);
  const grads = planGrads(nodes, consumers);
  const all = [...new Set([...values, ...grads])].filter((shared) => shared !== null);
  const indexOf = new Map(all.map((shared, index) => [shared, index]));
  return {
    tensors: all.map(({ halo, from, to, nodes: [node] }) => ({ shape: nodes[node].shape, halo, from, to })),
    values: values.map((shared) => indexOf.get(shared) as number),
    grads: grads.map((shared) => (shared === null ? null : (indexOf.get(shared) as number))),
  };
}

/** The tensor of each node's output. */
function planValues(
  nodes: readonly NetworkNode[],
  consumers: readonly (readonly number[])[],
  savesInput: (node: number) => boolean,
): Shared[] {
  const end = 2 * nodes.length;
  const backward = (node: number) => end - node;
  const readsInput = nodes.map((node, i) => computes(node) && readsAgain(node, "input") && !savesInput(i));
  const values: Shared[] = [];
  for (const [index, node] of nodes.entries()) {
    let to = computes(node) && readsAgain(node, "output") ? backward(index) : index;
    for (const reader of consumers[index]) to = Math.max(to, readsInput[reader] ? backward(reader) : reader);
    // Callers read the logits after any pass.
    if (consumers[index].length === 0) to = end;
    const halo = haloOf(nodes, consumers[index]);
    const source = ELEMENTWISE_FORWARD.has(node.op) ? node.from.find((from) => values[from].to === index) : undefined;
    if (source === undefined) {
      values.push({ halo, from: index, to, nodes: [index] });
    } else {
      const shared = values[source];
      shared.halo = larger(shared.halo, halo);
      shared.to = to;
      shared.nodes.push(index);
      values.push(shared);
    }
  }
  return values;
}

function readsAgain(node: Exclude<NetworkNode, { op: "input" }>, what: "input" | "output"): boolean {
  const { reads } = layerKind(node);
  return !KEEPS_ITS_OWN.has(node.op) && (reads === what || (reads === "mac" && what === "input"));
}

/** The tensor of each node's gradient. A node's last reader, which is the first in the backward pass, decides where it lies. */
function planGrads(nodes: readonly NetworkNode[], consumers: readonly (readonly number[])[]): (Shared | null)[] {
  const backward = (node: number) => 2 * nodes.length - node;
  const grads = new Array<Shared | null>(nodes.length).fill(null);
  const add = (index: number, from: number, to: number) => {
    if (nodes[index].op !== "input") grads[index] = { halo: gradHaloOf(nodes, index), from, to, nodes: [index] };
  };
  for (let reader = nodes.length - 1; reader >= 0; reader--) {
    // The gradient of the logits comes from the loss; what else nobody reads gets none, and has to stay zero.
    if (reader === nodes.length - 1) add(reader, nodes.length, backward(reader));
    else if (consumers[reader].length === 0) add(reader, 0, Infinity);
    for (const index of new Set(nodes[reader].from)) {
      if (consumers[index].at(-1) !== reader) continue;
      const shared = passedOn(nodes, consumers, grads, index, reader);
      if (shared === null) {
        add(index, backward(reader), backward(index));
        continue;
      }
      shared.halo = larger(shared.halo, gradHaloOf(nodes, index));
      shared.to = Math.max(shared.to, backward(index));
      shared.nodes.push(index);
      grads[index] = shared;
    }
  }
  return grads;
}

/** The gradient of `reader`, the last that reads `index`, where that of `index` may be the same tensor. */
function passedOn(
  nodes: readonly NetworkNode[],
  consumers: readonly (readonly number[])[],
  grads: readonly (Shared | null)[],
  index: number,
  reader: number,
): Shared | null {
  const { op, from } = nodes[reader];
  const shared = grads[reader];
  if (nodes[index].op === "input" || shared === null || shared.to === Infinity) return null;
  if (from.filter((source) => source === index).length > 1) return null;
  const others = shared.nodes.filter((other) => other !== reader && other < reader);
  if (ELEMENTWISE_BACKWARD.has(op)) return others.length === 0 ? shared : null;
  if (op !== "add") return null;
  // A node's gradient is read at its backward pass; until then only it may be added to.
  const addedBefore = (node: number, other: number) => consumers[node].some((c) => c !== reader && c > other);
  return others.some((other) => addedBefore(index, other) || addedBefore(other, index)) ? null : shared;
}

function larger(a: Halo, b: Halo): Halo {
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
}

/** What convolutions read around the output of a node. */
function haloOf(nodes: readonly NetworkNode[], readers: readonly number[]): Halo {
  return readers
    .map((reader) => nodes[reader])
    .filter((reader) => reader.op === "conv")
    .reduce<Halo>((halo, { geometry }) => larger(halo, inputHalo(geometry)), [0, 0]);
}

function gradHaloOf(nodes: readonly NetworkNode[], index: number): Halo {
  const node = nodes[index];
  const isLayer = node.op === "conv" || node.op === "linear";
  return isLayer ? outputGradHalo(kernelGeometry(node, nodes[node.from[0]].shape)) : [0, 0];
}

/**
 * Records one training step as a trace: layers tell it which tensors they multiplied, read and wrote; it keeps each
 * tensor once, with the mask of its nonzeros, and the operations in the order in which they were told.
 */

import { type BitMask, countOnes, maskOfNonzeros } from "../core/bit-mask.ts";
import { sizeOf } from "../core/geometry.ts";
import type { Backend, Tensor } from "../kernels/backend.ts";
import type { LayerNode } from "../networks/graph.ts";
import type { MacOp, OtherOp, TensorRole, TraceManifest, TraceOp, TraceTensor } from "../trace/manifest.ts";
import { encodeTrace } from "../trace/trace.ts";
import type { Activation, Parameter } from "./tensors.ts";

/** What a manifest says about the step besides tensors and operations. */
export type Provenance = Omit<TraceManifest, "tensors" | "ops">;

/** Collects the tensors and operations of one step, then encodes them as a trace. */
export class StepRecorder {
  readonly #backend: Backend;
  readonly #batch: number;
  readonly #tensors = new Map<string, TraceTensor>();
  readonly #masks = new Map<string, BitMask>();
  readonly #ops: TraceOp[] = [];

  constructor(backend: Backend, batch: number) {
    this.#backend = backend;
    this.#batch = batch;
  }

  /** The output of a node; its zeros are natural. */
  activation({ name, values }: Activation): string {
    return this.#tensor(`${name}:output`, "activation", () => this.#nonzeros(values));
  }

  /** The gradient with respect to the output of a node. */
  gradient({ name, grad }: Activation): string {
    return this.#tensor(`${name}:outputGrad`, "gradient", () => this.#nonzeros(grad as Tensor));
  }

  /** The weight that a layer multiplied with, after top-k. */
  weight(layer: string, shape: readonly number[], values: Float32Array): string {
    return this.#tensor(`${layer}:weight`, "weight", () => maskOfNonzeros(values, shape));
  }

  /** What a layer kept of `source`, |x| ≥ threshold; selections of the same elements share one tensor. */
  keptInput(layer: string, source: Activation, threshold: number, role: TensorRole): string {
    const id = role === "savedActivation" ? `${layer}:savedInput` : `${layer}:keptInput`;
    return this.#selection(id, role, this.activation(source), source.values, threshold);
  }

  /** What the backward pass of a node kept of `gradient`, |g| ≥ threshold. */
  keptGradient(target: Activation, threshold: number): string {
    const within = this.gradient(target);
    return this.#selection(`${target.name}:keptOutputGrad`, "gradient", within, target.grad as Tensor, threshold);
  }

  /** The dense weights that the optimizer updates. */
  master({ name, shape }: Parameter): string {
    return this.#dense(`${name}:master`, "parameter", shape);
  }

  parameterGrad({ name, shape }: Parameter): string {
    return this.#dense(`${name}:grad`, "parameterGrad", shape);
  }

  multiply(node: LayerNode, pass: MacOp["pass"], operands: MacOp["operands"], output: string): void {
    const { stride, padding, dilation, ...sizes } = node.geometry;
    const geometry = {
      ...sizes,
      N: this.#batch,
      stride: [...stride] as [number, number],
      padding: [...padding] as [number, number, number, number],
      dilation: [...dilation] as [number, number],
    };
    this.#ops.push({ kind: node.op, pass, layer: node.name, geometry, operands, output });
  }

  move(kind: OtherOp["kind"], pass: OtherOp["pass"], layer: string, reads: string[], writes: string[]): void {
    this.#ops.push({ kind, pass, layer, reads, writes });
  }

  /** The optimizer's pass over all parameters of a layer. */
  update(layer: { readonly name: string; readonly parameters: readonly Parameter[] }): void {
    const masters = layer.parameters.map((parameter) => this.master(parameter));
    const momenta = layer.parameters.map(({ name, shape }) => this.#dense(`${name}:momentum`, "optimizerState", shape));
    const grads = layer.parameters.map((parameter) => this.parameterGrad(parameter));
    this.move("optimizer", "update", layer.name, [...masters, ...grads, ...momenta], [...masters, ...momenta]);
  }

  /** The bytes of the trace file. */
  encode(provenance: Provenance): Uint8Array {
    return encodeTrace({ ...provenance, tensors: [...this.#tensors.values()], ops: this.#ops }, this.#masks);
  }

  #selection(id: string, role: TensorRole, within: string, tensor: Tensor, threshold: number): string {
    const mask = this.#nonzeros(tensor, threshold);
    const nonzeros = countOnes(mask);
    for (const other of this.#tensors.values()) {
      const related = other.id === within || other.within === within;
      if (related && other.nonzeros === nonzeros && sameElements(this.#maskOf(other), mask)) return other.id;
    }
    return this.#add(id, role, mask, within);
  }

  #nonzeros(tensor: Tensor, threshold = 0): BitMask {
    return this.#backend.mask(tensor, this.#batch, threshold);
  }

  #tensor(id: string, role: TensorRole, mask: () => BitMask): string {
    return this.#tensors.has(id) ? id : this.#add(id, role, mask());
  }

  #add(id: string, role: TensorRole, mask: BitMask, within?: string): string {
    const { shape } = mask;
    const nonzeros = countOnes(mask);
    const dense = nonzeros === sizeOf(shape);
    const name = `${id}.mask`;
    if (!dense) this.#masks.set(name, mask);
    this.#tensors.set(id, {
      id,
      role,
      shape: [...shape],
      nonzeros,
      ...(dense ? {} : { mask: name }),
      ...(within === undefined ? {} : { within }),
    });
    return id;
  }

  #dense(id: string, role: TensorRole, shape: readonly number[]): string {
    if (!this.#tensors.has(id)) this.#tensors.set(id, { id, role, shape: [...shape], nonzeros: sizeOf(shape) });
    return id;
  }

  #maskOf({ mask }: TraceTensor): BitMask | undefined {
    return mask === undefined ? undefined : this.#masks.get(mask);
  }
}

/** Whether two masks with as many ones are equal; one that is not stored belongs to a dense tensor. */
function sameElements(stored: BitMask | undefined, mask: BitMask): boolean {
  return stored === undefined || stored.bytes.every((byte, i) => byte === mask.bytes[i]);
}

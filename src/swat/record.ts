/**
 * Records the last training step of a model as a trace: the ops of its network, in order, and each tensor once with the
 * mask of its nonzeros.
 */
import { type BitMask, countOnes, maskOfNonzeros } from "../core/bit-mask.ts";
import { sizeOf } from "../core/geometry.ts";
import type { Operand, Pass } from "../core/passes.ts";
import type { Tensor } from "../kernels/backend.ts";
import type { LayerNode, NetworkNode } from "../networks/graph.ts";
import { expandStep, MASK_UPDATE, type StepTensors } from "../step/expand.ts";
import { declaredKinds } from "../step/layer-kinds.ts";
import type { TensorRole, TraceManifest, TraceTensor } from "../trace/manifest.ts";
import { encodeTrace } from "../trace/trace.ts";
import type { SwatLayer } from "./layers/swat-layer.ts";
import type { Model } from "./model.ts";

/** What a manifest says about the step besides tensors and operations. */
export type Provenance = Omit<TraceManifest, "tensors" | "ops">;

/** The bytes of the trace of the last step of `model`, on `batch` images, before its update; `run` is the id of the run. */
export function recordStep(model: Model, batch: number, provenance: Provenance, run?: string): Uint8Array {
  const recorded = new RecordedTensors(model, batch, provenance.denseGradient === true);
  const ops = expandStep(model.network, batch, recorded);
  const kinds = declaredKinds(model.network, recorded.maskUpdates === undefined ? [] : [MASK_UPDATE]);
  const tensors = [...recorded.tensors.values()];
  return encodeTrace({ ...provenance, ...kinds, tensors, ops }, recorded.masks, run);
}

/** The tensors of a model's last step, in the order in which ops first name them. */
class RecordedTensors implements StepTensors {
  readonly tensors = new Map<string, TraceTensor>();
  readonly masks = new Map<string, BitMask>();
  readonly maskUpdates: ReadonlySet<string> | undefined;
  readonly optimizerStates: readonly string[];
  readonly #model: Model;
  readonly #batch: number;
  readonly #layers: ReadonlyMap<string, SwatLayer>;
  /** What of the optimizer's tensors is wanted, by id; of any other, everything. */
  readonly #wanted: ReadonlyMap<string, Uint8Array>;

  constructor(model: Model, batch: number, changesMasks: boolean) {
    this.#model = model;
    this.optimizerStates = model.parameters.some(({ square }) => square) ? ["momentum", "square"] : ["momentum"];
    this.#batch = batch;
    this.#layers = new Map(model.swatLayers.map((layer) => [layer.name, layer]));
    const masked = model.swatLayers.filter(({ masks }) => masks !== null);
    this.maskUpdates = changesMasks ? new Set(masked.map(({ name }) => name)) : undefined;
    this.#wanted = new Map(
      masked.flatMap(({ masks, wanted, weight: { name } }) => [
        ...(wanted ? [[`${name}:grad`, wanted] as const] : []),
        ...(masks?.wanted ? ["master", "momentum"].map((part) => [`${name}:${part}`, masks.wanted] as const) : []),
      ]) as [string, Uint8Array][],
    );
  }

  /** Its zeros are activation zeros. */
  output(node: NetworkNode): string {
    const { values } = this.#model.activationOf(node);
    return this.#tensor(`${node.name}:output`, "activation", () => this.#nonzeros(values));
  }

  gradient(node: NetworkNode): string {
    const { grad } = this.#model.activationOf(node);
    return this.#tensor(`${node.name}:outputGrad`, "gradient", () => this.#nonzeros(grad as Tensor));
  }

  operand(node: LayerNode, pass: Pass, operand: Operand, source: NetworkNode): string {
    const layer = this.#layers.get(node.name) as SwatLayer;
    if (operand === "weight") return this.#weight(layer, pass === "forward" ? pass : "inputGrad");
    if (operand === "outputGrad") return this.#outputGrad(layer, node);
    return this.#input(layer, pass === "forward" ? "inputs:forward" : "inputs:backward", source);
  }

  dense(id: string, role: TensorRole, shape: readonly number[]): string {
    const wanted = this.#wanted.get(id);
    if (wanted !== undefined) return this.#tensor(id, role, () => maskOfNonzeros(wanted, shape));
    if (!this.tensors.has(id)) this.tensors.set(id, { id, role, shape: [...shape], nonzeros: sizeOf(shape) });
    return id;
  }

  /** A pass of a sparse layer that drops no weights reads the master weights. */
  #weight(layer: SwatLayer, pass: "forward" | "inputGrad"): string {
    const { name, shape, values } = layer.weight;
    const { active, masks } = layer;
    if (active !== null) {
      const id = this.#tensor(`${layer.name}:weight`, "weight", () => maskOfNonzeros(active, shape));
      if (masks?.pattern) this.tensors.set(id, { ...(this.tensors.get(id) as TraceTensor), pattern: masks.pattern });
      return id;
    }
    const used = layer.weightOf(pass);
    if (layer.sparsity !== null && used === values) return this.dense(`${name}:master`, "parameter", shape);
    return this.#tensor(`${layer.name}:weight`, "weight", () => maskOfNonzeros(used, shape));
  }

  #input(layer: SwatLayer, drop: "inputs:forward" | "inputs:backward", source: NetworkNode): string {
    const within = this.output(source);
    const threshold = layer.keptFrom(drop);
    if (threshold === null) return within;
    const mask = this.#nonzeros(layer.source.values, threshold);
    const isSaved = layer.keptFrom("inputs:backward") !== null;
    if (isSaved) return this.#selection(`${layer.name}:savedInput`, "savedActivation", mask, within);
    return this.#selection(`${layer.name}:keptInput`, "activation", mask, within);
  }

  #outputGrad(layer: SwatLayer, node: LayerNode): string {
    const within = this.gradient(node);
    const threshold = layer.keptFrom("outputGrad:backward");
    if (threshold === null) return within;
    const mask = this.#nonzeros(this.#model.activationOf(node).grad as Tensor, threshold);
    return this.#selection(`${node.name}:keptOutputGrad`, "gradient", mask, within);
  }

  /** Selections of the same elements of one tensor share one tensor. */
  #selection(id: string, role: TensorRole, mask: BitMask, within: string): string {
    const nonzeros = countOnes(mask);
    for (const other of this.tensors.values()) {
      const related = other.id === within || other.within === within;
      if (related && other.nonzeros === nonzeros && sameElements(this.#maskOf(other), mask)) return other.id;
    }
    return this.#add(id, role, mask, within);
  }

  #nonzeros(tensor: Tensor, threshold = 0): BitMask {
    return this.#model.backend.mask(tensor, this.#batch, threshold);
  }

  #tensor(id: string, role: TensorRole, mask: () => BitMask): string {
    return this.tensors.has(id) ? id : this.#add(id, role, mask());
  }

  #add(id: string, role: TensorRole, mask: BitMask, within?: string): string {
    const { shape } = mask;
    const nonzeros = countOnes(mask);
    const dense = nonzeros === sizeOf(shape);
    const name = `${id}.mask`;
    if (!dense) this.masks.set(name, mask);
    this.tensors.set(id, {
      id,
      role,
      shape: [...shape],
      nonzeros,
      ...(dense ? {} : { mask: name }),
      ...(within === undefined ? {} : { within }),
    });
    return id;
  }

  #maskOf({ mask }: TraceTensor): BitMask | undefined {
    return mask === undefined ? undefined : this.masks.get(mask);
  }
}

/** Whether two masks with as many ones are equal; one that is not stored belongs to a dense tensor. */
function sameElements(stored: BitMask | undefined, mask: BitMask): boolean {
  return stored === undefined || stored.bytes.every((byte, i) => byte === mask.bytes[i]);
}

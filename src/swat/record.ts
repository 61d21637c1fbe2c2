/**
 * Records a training step of a model as a trace: the ops of its network, in order, and each tensor once with the mask of its
 * nonzeros. Masks are taken while the step runs, as activations and gradients do not outlast their last use.
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
import type { Model, StepObserver } from "./model.ts";
import type { Activation } from "./tensors.ts";

/** What a manifest says about the step besides tensors and operations. */
export type Provenance = Omit<TraceManifest, "tensors" | "ops">;

/** Takes the masks of a step that it observes. */
export class StepRecorder implements StepObserver {
  readonly #model: Model;
  readonly #batch: number;
  readonly #layers: ReadonlyMap<string, SwatLayer>;
  readonly #masks: StepMasks = { outputs: new Map(), gradients: new Map(), inputs: new Map(), outputGrads: new Map() };

  /** @param batch images of the step. */
  constructor(model: Model, batch: number) {
    this.#model = model;
    this.#batch = batch;
    this.#layers = new Map(model.swatLayers.map((layer) => [layer.name, layer]));
  }

  onOutput({ name }: NetworkNode, { values }: Activation): void {
    this.#masks.outputs.set(name, this.#nonzeros(values));
    const layer = this.#layers.get(name);
    const threshold = layer?.keptFrom("inputs:forward") ?? layer?.keptFrom("inputs:backward");
    if (layer === undefined || threshold === null || threshold === undefined) return;
    this.#masks.inputs.set(name, this.#nonzeros(layer.source.values, threshold));
  }

  onGradient({ name }: NetworkNode, { grad }: Activation): void {
    this.#masks.gradients.set(name, this.#nonzeros(grad as Tensor));
  }

  onBackward({ name }: NetworkNode, { grad }: Activation): void {
    const threshold = this.#layers.get(name)?.keptFrom("outputGrad:backward") ?? null;
    if (threshold !== null) this.#masks.outputGrads.set(name, this.#nonzeros(grad as Tensor, threshold));
  }

  /** The bytes of the trace, between the backward pass and the update; `run` is the id of the run. */
  encode(provenance: Provenance, run?: string): Uint8Array {
    const { network } = this.#model;
    const recorded = new RecordedTensors(this.#model, this.#masks, provenance.denseGradient === true);
    const ops = expandStep(network, this.#batch, recorded);
    const kinds = declaredKinds(network, recorded.maskUpdates === undefined ? [] : [MASK_UPDATE]);
    const tensors = [...recorded.tensors.values()];
    return encodeTrace({ ...provenance, ...kinds, tensors, ops }, recorded.masks, run);
  }

  #nonzeros(tensor: Tensor, threshold = 0): BitMask {
    return this.#model.backend.mask(tensor, this.#batch, threshold);
  }
}

/** By node: of outputs and their gradients, and of what a layer has kept of its input and of the gradient of its output. */
interface StepMasks {
  readonly outputs: Map<string, BitMask>;
  readonly gradients: Map<string, BitMask>;
  readonly inputs: Map<string, BitMask>;
  readonly outputGrads: Map<string, BitMask>;
}

/** The tensors of a step, in the order in which ops first name them. */
class RecordedTensors implements StepTensors {
  readonly tensors = new Map<string, TraceTensor>();
  readonly masks = new Map<string, BitMask>();
  readonly maskUpdates: ReadonlySet<string> | undefined;
  readonly optimizerStates: readonly string[];
  readonly #layers: ReadonlyMap<string, SwatLayer>;
  readonly #taken: StepMasks;
  /** What of the optimizer's tensors is wanted, by id; of any other, everything. */
  readonly #wanted: ReadonlyMap<string, Uint8Array>;

  constructor(model: Model, taken: StepMasks, changesMasks: boolean) {
    this.#taken = taken;
    this.optimizerStates = model.parameters.some(({ square }) => square) ? ["momentum", "square"] : ["momentum"];
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
  output({ name }: NetworkNode): string {
    return this.#tensor(`${name}:output`, "activation", () => this.#taken.outputs.get(name) as BitMask);
  }

  gradient({ name }: NetworkNode): string {
    return this.#tensor(`${name}:outputGrad`, "gradient", () => this.#taken.gradients.get(name) as BitMask);
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
    if (layer.keptFrom(drop) === null) return within;
    const mask = this.#taken.inputs.get(layer.name) as BitMask;
    const isSaved = layer.keptFrom("inputs:backward") !== null;
    if (isSaved) return this.#selection(`${layer.name}:savedInput`, "savedActivation", mask, within);
    return this.#selection(`${layer.name}:keptInput`, "activation", mask, within);
  }

  #outputGrad(layer: SwatLayer, node: LayerNode): string {
    const within = this.gradient(node);
    if (layer.keptFrom("outputGrad:backward") === null) return within;
    const mask = this.#taken.outputGrads.get(node.name) as BitMask;
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

/**
 * The state of a training run between two steps, as plain data: with settings, data and seed it decides all that follows.
 * Draws are keyed by (seed, purpose, indices), so that no generator is part of it.
 */
import { InputError } from "../io/faults.ts";
import type { Model } from "./model.ts";
import type { RunHealth } from "./weight-health.ts";

/** A tensor by name; `values` in C order, masks one byte an element. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Uint8Array;
}

/** What a convolution or linear layer keeps from step to step beside its parameters. */
interface LayerState {
  readonly layer: string;
  /** Share of weights and saved inputs that is dropped, which SWAT-M moves; null = dense. */
  readonly sparsity: number | null;
  /** Sparsity at the last ranking of weights and of inputs. */
  readonly rankedWeightSparsity: number;
  readonly rankedInputSparsity: number;
  /** Nonzero weights that top-k kept in the last step. */
  readonly keptWeights: number;
  /** Magnitudes of the last refresh of the top-k thresholds. */
  readonly weightThreshold: number;
  readonly inputThreshold: number;
  readonly outputGradThreshold: number;
}

/** Where a run stands. */
export interface TrainState {
  /** Steps that were done, over all epochs. */
  readonly stepsDone: number;
  /** Mean training loss of each finished epoch. */
  readonly epochLosses: readonly number[];
  /** Sum over the images that the unfinished epoch has seen. */
  readonly lossSum: number;
  /** Of the finished epochs. */
  readonly health: RunHealth;
  readonly layers: readonly LayerState[];
  /** Parameters, running statistics, momenta as `<name>:momentum`, squares of AdamW as `<name>:square`, and what masks keep as `<name>:<key>`, bytes last. */
  readonly tensors: readonly NamedTensor[];
}

/** Parameters and running statistics: what a trained model is. The arrays are those of the model. */
export function weightsOf(model: Model): NamedTensor[] {
  const buffers = model.layers.flatMap((layer) => layer.buffers);
  return [
    ...model.parameters.map(({ name, shape, values }) => ({ name, shape, values })),
    ...buffers.map(({ name, values }) => ({ name, shape: [values.length], values })),
  ];
}

/** All that a model keeps between steps. The arrays are those of the model. */
export function modelState(model: Model): Pick<TrainState, "layers" | "tensors"> {
  return {
    layers: model.swatLayers.map(({ name, sparsity, ranked, keptWeights, stored }) => ({
      layer: name,
      sparsity,
      rankedWeightSparsity: ranked.weight,
      rankedInputSparsity: ranked.input,
      keptWeights,
      weightThreshold: stored.weight,
      inputThreshold: stored.input,
      outputGradThreshold: stored.outputGrad,
    })),
    tensors: [...weightsOf(model), ...momentaOf(model), ...masksOf(model)],
  };
}

function firstNonFinite(values: ArrayLike<number>): number | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return values[i];
  return undefined;
}

/**
 * Puts a model into a state that `modelState` gave; `where` names its file in messages.
 * @throws InputError naming every layer and tensor that is missing, unknown or of another shape, and parameters that are not
 * finite; the model is untouched then.
 */
export function restoreModel(model: Model, state: Pick<TrainState, "layers" | "tensors">, where: string): void {
  const { layers, tensors } = modelState(model);
  const stored = new Map(state.tensors.map((tensor) => [tensor.name, tensor]));
  const parameters = new Set(model.parameters.map(({ name }) => name));
  const faults = tensors.flatMap(({ name, shape, values }) => {
    const found = stored.get(name);
    const valid = `${dtypeOf(values)} [${shape}]`;
    if (found === undefined) return [`${where}: tensor "${name}" is missing; valid: ${valid}`];
    if (String(found.shape) !== String(shape))
      return [`${where}: tensor "${name}" has another shape, got [${found.shape}]; valid: [${shape}]`];
    if (dtypeOf(found.values) !== dtypeOf(values))
      return [`${where}: tensor "${name}" has another type, got ${dtypeOf(found.values)}; valid: ${valid}`];
    const other = found.values instanceof Uint8Array ? found.values.find((value) => value > 1) : undefined;
    if (other !== undefined) return [`${where}: tensor "${name}" is a mask, got ${other}; valid: 0 and 1`];
    const wrong = parameters.has(name) ? firstNonFinite(found.values) : undefined;
    return wrong === undefined ? [] : [`${where}: tensor "${name}": must be finite numbers, got ${wrong}`];
  });
  const known = new Set(tensors.map(({ name }) => name));
  for (const name of stored.keys()) {
    if (!known.has(name)) faults.push(`${where}: tensor "${name}" is not one of this network`);
  }
  const [got, valid] = [state.layers, layers].map((list) => list.map(({ layer }) => layer).join(", "));
  if (got !== valid) faults.unshift(`${where}: layers are those of another network, got ${got}; valid: ${valid}`);
  if (faults.length > 0) throw new InputError(faults);

  for (const { name, values } of tensors) values.set((stored.get(name) as NamedTensor).values);
  for (const [i, layer] of model.swatLayers.entries()) {
    const { sparsity, rankedWeightSparsity, rankedInputSparsity, keptWeights, ...thresholds } = state.layers[i];
    const { weightThreshold, inputThreshold, outputGradThreshold } = thresholds;
    layer.sparsity = sparsity;
    layer.ranked.weight = rankedWeightSparsity;
    layer.ranked.input = rankedInputSparsity;
    layer.keptWeights = keptWeights;
    layer.stored.weight = weightThreshold;
    layer.stored.input = inputThreshold;
    layer.stored.outputGrad = outputGradThreshold;
  }
}

function dtypeOf(values: NamedTensor["values"]): string {
  return values instanceof Uint8Array ? "U8" : "F32";
}

/** What methods keep of masks; bytes last, as files hold them. */
function masksOf({ swatLayers }: Model): NamedTensor[] {
  const kept = swatLayers.flatMap(({ masks, weight }) =>
    Object.entries(masks?.state ?? {}).map(([key, values]) => {
      const shape = values.length === weight.values.length ? weight.shape : [values.length];
      return { name: `${weight.name}:${key}`, shape, values };
    }),
  );
  return kept.sort((a, b) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT);
}

function momentaOf({ parameters }: Model): NamedTensor[] {
  const momenta = parameters.map(({ name, shape, momentum }) => ({
    name: `${name}:momentum`,
    shape,
    values: momentum,
  }));
  const squares = parameters.flatMap(({ name, shape, square }) =>
    square === undefined ? [] : [{ name: `${name}:square`, shape, values: square }],
  );
  return [...momenta, ...squares];
}

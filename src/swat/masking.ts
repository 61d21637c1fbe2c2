/** Masks of weights at work in a run: the plan of its method, checked, and the steps that change masks instead of weights. */
import { sizeOf } from "../core/geometry.ts";
import { randomStream } from "../core/random.ts";
import { InputError } from "../io/faults.ts";
import { layersOf, type Network, parameterShape } from "../networks/graph.ts";
import { maskMethodNamed } from "../sparsity/masks/index.ts";
import type { LayerMasks, MaskChange, MaskedLayer, MaskStep } from "../sparsity/masks/mask-method.ts";
import type { Model } from "./model.ts";
import type { TrainSettings } from "./settings.ts";

/** The masks of a run. */
export interface MaskPlan {
  /** Of each layer in execution order; null = dense. */
  readonly layers: readonly (LayerMasks | null)[];
  /** Of a step from 0. */
  readonly stepKind: (step: number) => MaskStep;
}

/**
 * The masks of a run of `steps` steps; undefined for methods without.
 * @throws InputError where a method gives masks that do not fit the layers.
 */
export function maskPlanOf(network: Network, settings: TrainSettings, steps: number): MaskPlan | undefined {
  const method = maskMethodNamed(settings.method);
  if (method === undefined) return undefined;
  const { sparsity, pruning, methodOptions = {}, seed } = settings;
  const layers = maskedLayers(network, settings);
  const random = (purpose: string, index: number) => randomStream(seed, purpose, index);
  const own = { sparsity, pruning, options: methodOptions, steps, random };
  const masks = method.masksOf(layers, own);
  const faults = planFaults(masks, layers).map((fault) => `method ${method.name}: ${fault}`);
  if (faults.length > 0) throw new InputError(faults);
  return { layers: masks, stepKind: (step) => method.stepKind(step, own) };
}

/** The layers of a network as methods see them. */
export function maskedLayers(
  network: Network,
  { firstLayerDense, lastLayerDense }: Pick<TrainSettings, "firstLayerDense" | "lastLayerDense">,
): MaskedLayer[] {
  return layersOf(network).map((layer, index, all) => ({
    name: layer.name,
    shape: parameterShape(layer),
    groups: layer.geometry.groups,
    isExempt: (index === 0 && firstLayerDense) || (index === all.length - 1 && lastLayerDense),
  }));
}

/** Lets every layer choose new masks from the gradient of step `step`, in place of the optimizer; null of dense layers. */
export function regrowMasks(model: Model, step: number): readonly (MaskChange | null)[] {
  return model.swatLayers.map(({ masks, weight }) => masks?.regrow?.(weight, step) ?? null);
}

function planFaults(layers: MaskPlan["layers"], expected: readonly MaskedLayer[]): string[] {
  if (layers.length !== expected.length) return [`masks of ${layers.length} layers; valid: ${expected.length}`];
  return expected.flatMap(({ name, shape, isExempt }, index) => {
    const masks = layers[index];
    if (masks === null) return [];
    if (isExempt) return [`layer ${name}: has masks although it is exempt; valid: null`];
    return maskFaults(masks, sizeOf(shape)).map((fault) => `layer ${name}: ${fault}`);
  });
}

function maskFaults({ active, wanted, sparsity }: LayerMasks, size: number): string[] {
  const faults = Object.entries({ active, wanted: wanted ?? active })
    .filter(([, mask]) => !(mask instanceof Uint8Array) || mask.length !== size)
    .map(([key, mask]) => `${key}: got ${mask?.length} elements; valid: a Uint8Array of ${size}`);
  return sparsity >= 0 && sparsity < 1 ? faults : [...faults, `sparsity: got ${sparsity}; valid: at least 0, below 1`];
}

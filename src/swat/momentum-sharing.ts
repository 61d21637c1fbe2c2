/**
 * SWAT-M at work: looks at the weights of each layer before the optimizer's step and at their momentum after it, and shares
 * the weights to keep anew (the rule: ../sparsity/sharing.ts). Layers take their new sparsity when they rank next. Exempt
 * layers stay dense and are outside the budget.
 */
import { type SharingOptions, sharedSparsities } from "../sparsity/sharing.ts";
import type { Exemptions } from "../sparsity/uniform.ts";
import { DivergenceError } from "./divergence-error.ts";
import type { SwatLayer } from "./layers/swat-layer.ts";
import type { UpdateWatch } from "./model.ts";
import type { Parameter } from "./tensors.ts";

/** Shares an overall sparsity among the layers of a model; watches its update. */
export class MomentumSharing implements UpdateWatch {
  readonly #sparsity: number;
  readonly #options: SharingOptions;
  readonly #layers: readonly SwatLayer[];
  readonly #layerOf: ReadonlyMap<Parameter, number>;
  readonly #momenta: Float64Array;
  readonly #before: Float32Array;

  /** @param layers all that the model has, in execution order. */
  constructor(
    layers: readonly SwatLayer[],
    sparsity: number,
    { firstLayerDense, lastLayerDense, ...options }: Exemptions & SharingOptions,
  ) {
    this.#sparsity = sparsity;
    this.#options = options;
    this.#layers = layers.slice(firstLayerDense ? 1 : 0, lastLayerDense ? layers.length - 1 : layers.length);
    this.#layerOf = new Map(this.#layers.map(({ weight }, index) => [weight, index]));
    this.#momenta = new Float64Array(this.#layers.length);
    this.#before = new Float32Array(Math.max(0, ...this.#layers.map(({ weight }) => weight.values.length)));
  }

  before(parameter: Parameter): void {
    if (this.#layerOf.has(parameter)) this.#before.set(parameter.values);
  }

  after(parameter: Parameter): void {
    const index = this.#layerOf.get(parameter);
    if (index === undefined) return;
    const before = this.#before.subarray(0, parameter.values.length);
    this.#momenta[index] = this.#layers[index].keptMomentum(before);
  }

  /** Gives every layer its new sparsity. @throws DivergenceError naming the layer where a momentum is NaN or infinite, Error where all are 0. */
  share(): void {
    const sharing = this.#layers.map(({ name, weight, unit, ranked }, index) => {
      const momentum = this.#momenta[index];
      if (!Number.isFinite(momentum)) throw new DivergenceError(`layer ${name}: NaN or infinity in its momentum`);
      return { size: weight.values.length, momentum, inFilters: weight.shape[0] * unit, ranked: ranked.weight };
    });
    sharedSparsities(sharing, this.#sparsity, this.#options).forEach((sparsity, index) => {
      this.#layers[index].sparsity = sparsity;
    });
  }
}

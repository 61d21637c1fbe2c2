/**
 * RigL (Evci et al. 2020, "Rigging the Lottery: Making All Tickets Winners"): a fixed number of connections is active. Every
 * `deltaT` steps, in place of the optimizer, the share alpha/2·(1 + cos(π·t/endStep)) of them with the smallest |W| is dropped
 * and as many grow where |gradient| is largest, from 0. Inactive weights and their momentum are 0.
 */

import { countNonzeros } from "../../core/bit-mask.ts";
import { sizeOf } from "../../core/geometry.ts";
import { Type } from "../../core/input/schema.ts";
import { checkSparsity } from "../../core/sparsity-range.ts";
import { precompiled } from "../../io/validators/program.ts";
import { erdosRenyi, kernelScore } from "../erdos-renyi.ts";
import { keepLargest } from "./keep-largest.ts";
import type { LayerMasks, MaskChange, MaskedLayer, MaskMethod, MaskSettings, Weights } from "./mask-method.ts";

interface Options {
  readonly distribution: "erk" | "uniform";
  readonly deltaT: number;
  readonly alpha: number;
  readonly beginStep: number;
  readonly endStep?: number;
}

/** Masks change during this share of a run where no `endStep` is given. */
const GROWING_SHARE = 0.75;

const options = Type.Object(
  {
    distribution: Type.Enum(["erk", "uniform"], {
      default: "erk",
      description: "sparsity of each layer: by its shape (Erdős–Rényi kernel), or the same",
    }),
    deltaT: Type.Integer({ minimum: 1, default: 100, description: "steps from one change of the masks to the next" }),
    alpha: Type.Number({ minimum: 0, maximum: 1, default: 0.3, description: "share that the first change replaces" }),
    beginStep: Type.Integer({ minimum: 0, default: 0, description: "first step that may change masks" }),
    endStep: Type.Optional(
      Type.Integer({ minimum: 1, description: "step from which masks stay (default: three quarters of the run)" }),
    ),
  },
  { additionalProperties: false },
);
precompiled(options);

/** RigL. */
export const rigl: MaskMethod = {
  name: "rigl",
  options,
  exemptions: (given) => ({
    firstLayerDense: (given as unknown as Options).distribution === "uniform",
    lastLayerDense: false,
  }),
  stepKind(step, settings) {
    const { deltaT, beginStep } = settings.options as unknown as Options;
    return step >= beginStep && step < endOf(settings) && step % deltaT === 0 ? "regrow" : "keep";
  },
  masksOf(layers, settings) {
    const { distribution, alpha } = settings.options as unknown as Options;
    const sparsities = sparsitiesOf(layers, distribution, settings.sparsity);
    const end = endOf(settings);
    const shareOf = (step: number) => (alpha / 2) * (1 + Math.cos((Math.PI * step) / end));
    return layers.map((layer, index) => {
      const sparsity = sparsities[index];
      if (layer.isExempt || sparsity === 0) return null;
      return new RigLMasks(sizeOf(layer.shape), sparsity, settings.random("rigl", index), shareOf);
    });
  },
};

/** The step from which masks stay. */
function endOf({ options: given, steps }: Pick<MaskSettings, "options" | "steps">): number {
  return (given as unknown as Options).endStep ?? Math.floor(GROWING_SHARE * steps);
}

/** Sparsity of each layer; 0 where it is exempt or its share of the budget fills it. Throws for a sparsity outside 0 ≤ s < 1. */
export function sparsitiesOf(
  layers: readonly Pick<MaskedLayer, "shape" | "isExempt">[],
  distribution: Options["distribution"],
  sparsity: number,
): readonly number[] {
  checkSparsity(sparsity);
  if (distribution === "uniform") return layers.map(({ isExempt }) => (isExempt ? 0 : sparsity));
  const exempt = {
    firstLayerDense: layers[0]?.isExempt === true,
    lastLayerDense: layers.at(-1)?.isExempt === true,
  };
  const shapes = layers.map(({ shape }) => shape);
  return erdosRenyi(shapes, sparsity, kernelScore, exempt, Math.floor).sparsities;
}

/** Active connections of a layer; constant for the whole run. */
export function activeCount(sparsity: number, size: number): number {
  return size - Math.floor(sparsity * size);
}

class RigLMasks implements LayerMasks {
  readonly sparsity: number;
  readonly active: Uint8Array;
  readonly state: LayerMasks["state"];
  readonly #shareOf: (step: number) => number;

  constructor(
    size: number,
    sparsity: number,
    random: ReturnType<MaskSettings["random"]>,
    shareOf: (step: number) => number,
  ) {
    this.sparsity = sparsity;
    this.active = new Uint8Array(size);
    this.state = { active: this.active };
    this.#shareOf = shareOf;
    for (const index of random.permutation(size).subarray(0, activeCount(sparsity, size))) this.active[index] = 1;
  }

  get wanted(): Uint8Array {
    return this.active;
  }

  begin({ values }: Weights): void {
    for (let i = 0; i < values.length; i++) if (this.active[i] === 0) values[i] = 0;
  }

  regrow(weights: Weights, step: number): MaskChange {
    return regrow(weights, this.active, Math.floor(this.#shareOf(step) * countNonzeros(this.active)));
  }
}

/**
 * Drops the k active connections with the smallest |weights|, and grows the k with the largest |gradient| of all that do not
 * stay: one that was just dropped may come back, with its weight and momentum. All others that change become 0.
 */
export function regrow({ values, grad, momentum }: Weights, active: Uint8Array, k: number): MaskChange {
  const before = active.slice();
  const kept = countNonzeros(active) - k;
  keepLargest(values, kept, active, before);
  const grown = new Uint8Array(active.length);
  keepLargest(
    grad,
    k,
    grown,
    active.map((one) => 1 - one),
  );
  let news = 0;
  for (let i = 0; i < active.length; i++) {
    active[i] |= grown[i];
    if (active[i] === before[i]) continue;
    values[i] = 0;
    momentum[i] = 0;
    news += active[i];
  }
  return { dropped: k, grown: news };
}

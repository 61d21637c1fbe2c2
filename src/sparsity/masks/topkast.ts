/**
 * Top-KAST (Jayakumar et al. 2020, "Top-KAST: Top-K Always Sparse Training"): the largest weights are active, the gradient
 * is computed for those and some more, and only these move. With D = 1 − sparsity the penalty is wd·W on active weights and
 * (wd/D)·W on the other wanted ones; it replaces weight decay. Weights that are not wanted rest, without momentum.
 */

import { sizeOf } from "../../core/geometry.ts";
import { Type } from "../../core/input/schema.ts";
import { precompiled } from "../../io/validators/program.ts";
import { keepCount } from "../keep-count.ts";
import { keepLargest } from "./keep-largest.ts";
import type { LayerMasks, MaskMethod, Weights } from "./mask-method.ts";

interface Options {
  readonly backwardSparsity: number;
  readonly period: number;
}

const options = Type.Object(
  {
    backwardSparsity: Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.5,
      description: "share of weights without a gradient, at most the sparsity",
    }),
    period: Type.Integer({ minimum: 1, default: 1, description: "steps between two selections" }),
  },
  { additionalProperties: false },
);
precompiled(options);

/** Top-KAST. */
export const topkast: MaskMethod = {
  name: "topkast",
  options,
  exemptions: () => ({ firstLayerDense: true, lastLayerDense: false }),
  faults({ sparsity, options: given }) {
    const { backwardSparsity } = given as unknown as Options;
    if (backwardSparsity <= sparsity) return [];
    return [
      `methodOptions: backwardSparsity: must not exceed the sparsity, got ${backwardSparsity}; valid: 0 to ${sparsity}`,
    ];
  },
  stepKind: (step, { options: { period } }) => (step % (period as number) === 0 ? "select" : "keep"),
  masksOf(layers, { sparsity, options: given }) {
    const { backwardSparsity } = given as unknown as Options;
    return layers.map(({ shape, isExempt }) =>
      isExempt ? null : new TopKastMasks(sizeOf(shape), sparsity, backwardSparsity),
    );
  },
};

class TopKastMasks implements LayerMasks {
  readonly sparsity: number;
  readonly active: Uint8Array;
  readonly wanted: Uint8Array;
  readonly state: LayerMasks["state"];
  readonly #counts: { readonly active: number; readonly wanted: number };

  constructor(size: number, sparsity: number, backwardSparsity: number) {
    this.sparsity = sparsity;
    this.active = new Uint8Array(size);
    this.wanted = new Uint8Array(size);
    this.state = { active: this.active, wanted: this.wanted };
    this.#counts = { active: keepCount(sparsity, size), wanted: keepCount(backwardSparsity, size) };
  }

  select({ values, momentum }: Weights): void {
    keepLargest(values, this.#counts.active, this.active);
    keepLargest(values, this.#counts.wanted, this.wanted);
    for (let i = 0; i < momentum.length; i++) if (this.wanted[i] === 0) momentum[i] = 0;
  }

  penalize({ values, grad }: Weights, weightDecay: number): void {
    const exploring = weightDecay / (1 - this.sparsity);
    for (let i = 0; i < values.length; i++) {
      if (this.wanted[i] === 1) grad[i] += (this.active[i] === 1 ? weightDecay : exploring) * values[i];
    }
  }

  activeOf(values: Weights["values"]): Uint8Array {
    const fresh = new Uint8Array(values.length);
    keepLargest(values, this.#counts.active, fresh);
    return fresh;
  }
}

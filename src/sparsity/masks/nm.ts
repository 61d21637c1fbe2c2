/**
 * N:M training with SR-STE (Zhou et al. 2021): forward and input gradient multiply n of every m weights, the gradient goes
 * straight through to all of them, and those that are not active decay:
 *
 *     d = ∂L/∂(W·A) + λ·(1 − A)·W + wd·W
 *
 * λ = 0 is the plain straight-through estimator. Evaluation selects anew.
 */

import { sizeOf } from "../../core/geometry.ts";
import { Type } from "../../core/input/schema.ts";
import { precompiled } from "../../io/validators/program.ts";
import type { LayerMasks, MaskedLayer, MaskMethod, MaskPattern, Weights } from "./mask-method.ts";
import { keepNOfM, type NOfM } from "./n-of-m.ts";
import { keepTransposable, MOST_EXACT_M, TRANSPOSABLE, type Transposable } from "./transposable.ts";

interface Options {
  readonly lambda: number;
  readonly period: number;
  readonly transposable: Transposable;
}

const options = Type.Object(
  {
    lambda: Type.Number({ minimum: 0, default: 2e-4, description: "decay of weights that are not active (SR-STE)" }),
    period: Type.Integer({ minimum: 1, default: 1, description: "steps between two selections" }),
    transposable: Type.Enum([...TRANSPOSABLE], {
      default: "none",
      description: "whether output channels keep the pattern too; exact up to m = 4, greedy for any",
    }),
  },
  { additionalProperties: false },
);
precompiled(options);

/** n and m of "n:m"; undefined for any other text. */
export function patternOf(pruning: string): NOfM | undefined {
  const match = /^([1-9]\d{0,5}):([1-9]\d{0,5})$/.exec(pruning);
  if (match === null || Number(match[1]) >= Number(match[2])) return undefined;
  return { n: Number(match[1]), m: Number(match[2]) };
}

/** N:M training. */
export const nm: MaskMethod = {
  name: "nm",
  options,
  pruning: "2:4",
  exemptions: () => ({ firstLayerDense: true, lastLayerDense: true }),
  sparsityOf({ pruning }) {
    const { n, m } = patternOf(pruning) ?? { n: 0, m: 1 };
    return 1 - n / m;
  },
  faults(settings) {
    const pattern = patternOf(settings.pruning);
    if (pattern === undefined)
      return [`pruning: nm keeps n of m, got "${settings.pruning}"; valid: as 2:4, n less than m`];
    const { transposable } = settings.options as unknown as Options;
    if (transposable !== "exact" || pattern.m <= MOST_EXACT_M) return [];
    return [
      `methodOptions: transposable: exact tries all patterns, got m = ${pattern.m}; valid: greedy, or m of at most ${MOST_EXACT_M}`,
    ];
  },
  stepKind: (step, { options: { period } }) => (step % (period as number) === 0 ? "select" : "keep"),
  masksOf(layers, { pruning, options: given }) {
    const pattern = patternOf(pruning) as NOfM;
    return layers.map((layer) => (layer.isExempt ? null : new NmMasks(layer, pattern, given as unknown as Options)));
  },
};

class NmMasks implements LayerMasks {
  readonly sparsity: number;
  readonly pattern: MaskPattern;
  readonly active: Uint8Array;
  readonly wanted = null;
  readonly state: LayerMasks["state"];
  readonly #layer: MaskedLayer;
  readonly #pattern: NOfM;
  readonly #options: Options;

  constructor(layer: MaskedLayer, pattern: NOfM, options: Options) {
    this.sparsity = 1 - pattern.n / pattern.m;
    this.pattern = { ...pattern, axis: "inputChannels", transposable: options.transposable };
    this.active = new Uint8Array(sizeOf(layer.shape));
    this.state = options.period > 1 ? { active: this.active } : {};
    this.#layer = layer;
    this.#pattern = pattern;
    this.#options = options;
  }

  select({ values }: Weights): void {
    this.#keep(values, this.active);
  }

  penalize({ values, grad }: Weights, weightDecay: number): void {
    const { active } = this;
    const { lambda } = this.#options;
    for (let i = 0; i < values.length; i++) grad[i] += (weightDecay + (1 - active[i]) * lambda) * values[i];
  }

  activeOf(values: Weights["values"]): Uint8Array {
    const fresh = new Uint8Array(values.length);
    this.#keep(values, fresh);
    return fresh;
  }

  #keep(values: Weights["values"], kept: Uint8Array): void {
    const { transposable } = this.#options;
    if (transposable === "none") keepNOfM(values, this.#layer.shape, this.#pattern, kept);
    else keepTransposable(values, this.#layer, this.#pattern, transposable, kept);
  }
}

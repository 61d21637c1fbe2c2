/**
 * What a whole run takes, from a few of its steps. Steps are sampled in strata, each a kind of step in a phase of the run. In a
 * stratum with three or more samples, what a step takes is interpolated linearly over the phase, and constant before the first
 * and behind the last sample; else it is the mean. Either way a total is a weighted sum of the samples,
 *
 *     T = Σ w_i τ_i,     Σ w_i over a stratum = N, its steps,
 *
 * and w_i = 1 where every step of the stratum is recorded. Half-widths of 95 % confidence intervals are
 * t₀.₉₇₅(n − 1) s √(Σ w_i²) √(1 − n/N), added in quadrature over strata (Cochran, Sampling Techniques, 1977, §§ 2.8, 5.4); where
 * masks drift, s holds the drift too, so that the interval is wide rather than narrow.
 */
import { InputError } from "../../io/faults.ts";
import type { Estimate } from "../../report/whole-run/result.ts";
import { student95 } from "../../sim/sampling/student.ts";
import type { Stratum } from "../../swat/step-plan.ts";

/** A step that was recorded. */
export interface RecordedStep {
  readonly step: number;
  readonly phase: number;
  readonly kind: string;
}

/** Samples from which on a phase is interpolated. */
const ENOUGH_FOR_A_LINE = 3;

/** The samples of a stratum, by their places among those of the run. */
interface Sampled {
  readonly stratum: Stratum;
  readonly samples: readonly number[];
}

/** A run that is sampled. */
export class SampledRun {
  readonly steps: number;
  /** In the order of the run. */
  readonly recorded: readonly RecordedStep[];
  readonly #strata: readonly Sampled[];

  /** @throws InputError, lines beginning with `where`, for a stratum without a sample and a recorded step in no stratum. */
  constructor(strata: readonly Stratum[], recorded: readonly RecordedStep[], where: string) {
    this.recorded = [...recorded].sort((a, b) => a.step - b.step);
    this.#strata = strata.map((stratum) => ({
      stratum,
      samples: this.recorded.flatMap((step, i) => (isOf(step, stratum) ? i : [])),
    }));
    this.steps = strata.reduce((sum, { steps }) => sum + steps, 0);
    checkSamples(this.#strata, this.recorded, where);
  }

  /** Strata with the number of their samples. */
  get strata(): (Stratum & { readonly recorded: number })[] {
    return this.#strata.map(({ stratum, samples }) => ({ ...stratum, recorded: samples.length }));
  }

  /** Names of the strata with one sample of several steps. */
  get withoutInterval(): string[] {
    return this.#strata.filter(hasNoInterval).map(({ stratum }) => nameOf(stratum));
  }

  /** What the first `before` steps of the run take; `values` of the recorded steps, in order. */
  total(values: readonly number[], before = this.steps): Estimate {
    const weights = new Float64Array(values.length);
    let squares: number | null = 0;
    for (const sampled of this.#strata) {
      this.#weigh(sampled, before, weights);
      const square = halfWidthSquared(sampled, values, weights);
      squares = square === null || squares === null ? null : squares + square;
    }
    let value = 0;
    for (const [i, each] of values.entries()) value += weights[i] * each;
    return { value, ci95: squares === null ? null : Math.sqrt(squares) };
  }

  /** How many of the first `before` steps each sample of a stratum stands for. */
  #weigh({ stratum: { steps, from, to }, samples }: Sampled, before: number, weights: Float64Array): void {
    const stepOf = (sample: number) => this.recorded[sample].step;
    const share = Math.min(1, Math.max(0, (before - from) / (to - from)));
    if (samples.length === steps) for (const sample of samples) weights[sample] = Number(stepOf(sample) < before);
    else if (samples.length < ENOUGH_FOR_A_LINE) {
      for (const sample of samples) weights[sample] = (steps * share) / samples.length;
    } else {
      const positions = samples.map((sample) => (stepOf(sample) + 1 / 2 - from) / (to - from));
      for (const [i, weight] of lineWeights(positions, share).entries()) weights[samples[i]] = steps * weight;
    }
  }
}

/** The integral, from 0 to `end`, of the hat functions of ascending positions in 0..1, which add up to 1 everywhere. */
function lineWeights(positions: readonly number[], end: number): number[] {
  const weights = positions.map(() => 0);
  weights[0] += Math.min(positions[0], end);
  for (let i = 0; i + 1 < positions.length; i++) {
    const [a, b] = [positions[i], positions[i + 1]];
    const share = Math.min(1, Math.max(0, (end - a) / (b - a)));
    weights[i + 1] += ((b - a) * share ** 2) / 2;
    weights[i] += (b - a) * (share - share ** 2 / 2);
  }
  weights[weights.length - 1] += Math.max(0, end - (positions.at(-1) as number));
  return weights;
}

/** Null where one sample stands for several steps. */
function halfWidthSquared(sampled: Sampled, values: readonly number[], weights: Float64Array): number | null {
  const { stratum, samples } = sampled;
  const n = samples.length;
  if (n === stratum.steps) return 0;
  if (hasNoInterval(sampled)) return null;
  const mean = samples.reduce((sum, i) => sum + values[i], 0) / n;
  const variance = samples.reduce((sum, i) => sum + (values[i] - mean) ** 2, 0) / (n - 1);
  const spread = samples.reduce((sum, i) => sum + weights[i] ** 2, 0);
  return student95(n - 1) ** 2 * variance * spread * (1 - n / stratum.steps);
}

function hasNoInterval({ stratum, samples }: Sampled): boolean {
  return samples.length === 1 && stratum.steps > 1;
}

function isOf({ phase, kind }: RecordedStep, stratum: Pick<Stratum, "phase" | "kind">): boolean {
  return phase === stratum.phase && kind === stratum.kind;
}

function nameOf({ phase, kind }: Pick<Stratum, "phase" | "kind">): string {
  return `phase ${phase}, ${kind}`;
}

function checkSamples(strata: readonly Sampled[], recorded: readonly RecordedStep[], where: string): void {
  const faults: string[] = [];
  for (const { stratum, samples } of strata) {
    const { steps, from, to } = stratum;
    const name = nameOf(stratum);
    if (samples.length === 0)
      faults.push(`${name}: no step of ${steps} is recorded; valid: at least 1, for an interval 2`);
    if (samples.length > steps)
      faults.push(`${name}: more steps are recorded than there are, got ${samples.length} of ${steps}`);
    const outside = samples.map((sample) => recorded[sample].step).find((step) => step < from || step >= to);
    if (outside !== undefined) faults.push(`${name}: step ${outside} is recorded; valid: ${from} to ${to - 1}`);
  }
  const known = strata.map(({ stratum }) => nameOf(stratum)).join("; ");
  for (const step of recorded) {
    if (strata.some(({ stratum }) => isOf(step, stratum))) continue;
    faults.push(`step ${step.step}: is of no stratum of the run, got ${nameOf(step)}; known: ${known}`);
  }
  const twice = recorded.find(({ step }, i) => i > 0 && step === recorded[i - 1].step);
  if (twice !== undefined) faults.push(`step ${twice.step}: is recorded twice`);
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${fault}`));
}

/** a / b, whose relative half-widths add up in quadrature; null for 0/0 and x/0. */
export function ratioOf(a: Estimate, b: Estimate): Estimate | null {
  if (b.value === 0) return null;
  const value = a.value / b.value;
  if (a.ci95 === null || b.ci95 === null) return { value, ci95: null };
  if (a.value === 0) return { value, ci95: a.ci95 / b.value };
  return { value, ci95: Math.abs(value) * Math.hypot(a.ci95 / a.value, b.ci95 / b.value) };
}

/** The mean of independent runs; its interval is that of sampling their steps. @param estimates at least one. */
export function meanOf(estimates: readonly Estimate[]): Estimate {
  const n = estimates.length;
  const value = estimates.reduce((sum, estimate) => sum + estimate.value, 0) / n;
  const widths = estimates.map(({ ci95 }) => ci95);
  return { value, ci95: widths.every((width) => width !== null) ? Math.hypot(...widths) / n : null };
}

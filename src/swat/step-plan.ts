/**
 * Which steps of a run are alike, so that a few of them stand for all: the strata that a run is sampled by. Masks drift most
 * where the learning rate changes, so that a phase is what lies between two changes of the rate, and each warm-up is one of
 * its own; within a phase, steps differ by what they do besides multiplying.
 */
import { maskMethodNamed } from "../sparsity/masks/index.ts";
import type { MaskStep } from "../sparsity/masks/mask-method.ts";
import type { TrainSettings } from "./settings.ts";

/** What a step does: dense training or a dense gradient, a search of thresholds or choice of masks, or their reuse. */
type StepKind = "dense" | "refresh" | "reuse";

const KIND_OF: Readonly<Record<MaskStep, StepKind>> = { keep: "reuse", select: "refresh", regrow: "dense" };

/** The steps of one kind in one phase. */
export interface Stratum {
  /** From 0. */
  readonly phase: number;
  readonly kind: string;
  /** How many. */
  readonly steps: number;
  /** Steps of the run that they are spread over evenly: from `from` on, before `to`. */
  readonly from: number;
  readonly to: number;
}

type PlannedSettings = Pick<
  TrainSettings,
  "method" | "methodOptions" | "epochs" | "batchSize" | "schedule" | "rateWarmup" | "warmup" | "topKPeriod"
>;

/** The steps of a run on so many training images. */
export class StepPlan {
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly #settings: PlannedSettings;
  /** Epochs at which a phase begins, but for the first. */
  readonly #phases: readonly number[];
  #members: ReadonlyMap<string, readonly number[]> | undefined;

  constructor(settings: PlannedSettings, images: number) {
    this.#settings = settings;
    this.stepsPerEpoch = Math.ceil(images / settings.batchSize);
    this.steps = settings.epochs * this.stepsPerEpoch;
    this.#phases = phaseEpochs(settings);
  }

  /** Phase of a step. */
  phaseOf(step: number): number {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    return this.#phases.filter((begin) => begin <= epoch).length;
  }

  /** What a step does. SWAT's warm-up searches thresholds in every step, at full sparsity. */
  kindOf(step: number): StepKind {
    const { method, warmup, topKPeriod } = this.#settings;
    if (method === "dense") return "dense";
    const { methodOptions: options = {} } = this.#settings;
    const masks = maskMethodNamed(method);
    if (masks !== undefined) return KIND_OF[masks.stepKind(step, { options, steps: this.steps })];
    const epoch = Math.floor(step / this.stepsPerEpoch);
    return epoch < warmup || (step % this.stepsPerEpoch) % topKPeriod === 0 ? "refresh" : "reuse";
  }

  /** Strata in the order of their first steps. */
  get strata(): Stratum[] {
    return [...this.#byStratum].map(([, members]) => {
      const [phase, kind] = [this.phaseOf(members[0]), this.kindOf(members[0])];
      return { phase, kind, steps: members.length, ...this.#extentOf(phase, members) };
    });
  }

  /** `count` steps of every stratum at equal distances, at least two; all where it has no more. */
  spread(count: number): Set<number> {
    const chosen = new Set<number>();
    for (const [, members] of this.#byStratum) {
      const wanted = Math.min(members.length, Math.max(2, count));
      for (let i = 0; i < wanted; i++) chosen.add(members[Math.floor(((i + 1 / 2) * members.length) / wanted)]);
    }
    return chosen;
  }

  /** The whole phase, unless the steps end or begin further within it than they are apart. */
  #extentOf(phase: number, members: readonly number[]): Pick<Stratum, "from" | "to"> {
    const begin = phase === 0 ? 0 : this.#phases[phase - 1] * this.stepsPerEpoch;
    const end = (this.#phases[phase] ?? this.#settings.epochs) * this.stepsPerEpoch;
    const [first, last] = [members[0], members[members.length - 1]];
    const apart = (last - first) / Math.max(1, members.length - 1);
    return {
      from: first - begin > apart && members.length > 1 ? first : begin,
      to: end - 1 - last > apart && members.length > 1 ? last + 1 : end,
    };
  }

  get #byStratum(): ReadonlyMap<string, readonly number[]> {
    this.#members ??= this.#group();
    return this.#members;
  }

  #group(): Map<string, number[]> {
    const members = new Map<string, number[]>();
    for (let step = 0; step < this.steps; step++) {
      const key = `${this.phaseOf(step)} ${this.kindOf(step)}`;
      const own = members.get(key);
      if (own === undefined) members.set(key, [step]);
      else own.push(step);
    }
    return members;
  }
}

function phaseEpochs({ method, epochs, schedule, rateWarmup, warmup }: PlannedSettings): number[] {
  const changes = schedule.filter(({ rate }, i) => i > 0 && rate !== schedule[i - 1].rate).map(({ epoch }) => epoch);
  const begins = [...changes, rateWarmup, ...(method === "dense" ? [] : [warmup])];
  return [...new Set(begins)].filter((epoch) => epoch > 0 && epoch < epochs).sort((a, b) => a - b);
}

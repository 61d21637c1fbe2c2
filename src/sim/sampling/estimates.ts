/** What an operation is estimated to count on one machine and its baseline: the stratified estimate, from all parts or with one left out. */
import { type ComputeResult, withCurrentNames } from "../hardware/accelerator.ts";
import type { Machine } from "../hardware/machine.ts";
import type { Operation } from "../operation/operation.ts";
import { rounded, scaled, sumOfResults } from "./counts.ts";
import { type Place, weightsOf } from "./draw.ts";
import type { Plan, SampledOperation } from "./sampled-operation.ts";
import { blank } from "./slice.ts";
import { unseenCycles } from "./unseen.ts";

/** Counts of the groups of a plan, what each of them and the whole count once, and by how many cycles the sum may be off; or those of the whole. */
type Counted = Sampled | { readonly plan: null; readonly whole: ComputeResult };
interface Sampled {
  readonly plan: Plan;
  readonly fixed: ComputeResult | null;
  readonly groups: readonly ComputeResult[];
  readonly cycles: Readonly<Record<Bound, number>>;
}

/** Errors that are no chance: edges of parts, and units unlike all that were drawn. */
export type Bound = "edges" | "unseen";

/** What an estimate is varied by: not rounded to whole counts, and a group left out or the counts of one operation shifted as far as they may. */
export type Variation =
  | { readonly plan: Plan; readonly without: Place }
  | { readonly shifted: Sampled; readonly bound: Bound }
  | "fractions";

/** Estimates of what one machine and its baseline count, made when they are asked for and kept. */
export class Estimates {
  private readonly parts: SampledOperation;
  private readonly counted = new Map<Machine, Map<Operation, Counted>>();

  constructor(parts: SampledOperation) {
    this.parts = parts;
  }

  /** The counts of an operation, estimated where it is sampled; in whole ones unless they are varied. */
  run(machine: Machine, operation: Operation, variation?: Variation): ComputeResult {
    const counted = this.countedOf(machine, operation);
    if (counted.plan === null) return counted.whole;
    const { plan, fixed, groups, cycles } = counted;
    const isLeft = typeof variation === "object" && "without" in variation && variation.plan === plan;
    const weights = weightsOf(plan.strata, isLeft ? variation.without : undefined);
    const rest = 1 - weights.reduce((sum, weight) => sum + weight, 0);
    const results = fixed === null ? groups : [fixed, ...groups];
    const estimate = sumOfResults(results, fixed === null ? weights : [rest, ...weights]);
    if (variation === undefined) return rounded(estimate, machine.multipliers);
    const isShifted = typeof variation === "object" && "shifted" in variation && variation.shifted === counted;
    return isShifted ? scaled(estimate, 1 + cycles[variation.bound] / Math.max(1, estimate.cycles)) : estimate;
  }

  /** The plans that were followed so far. */
  plans(): Plan[] {
    return [...new Set(this.all().map(({ plan }) => plan))];
  }

  /** A variation for each operation so far that may be off in this way. */
  shifts(bound: Bound): Variation[] {
    return this.all().flatMap((shifted) => (shifted.cycles[bound] > 0 ? [{ shifted, bound }] : []));
  }

  private all(): Sampled[] {
    return [...this.counted.values()].flatMap((byOperation) =>
      [...byOperation.values()].flatMap((counted) => (counted.plan === null ? [] : [counted])),
    );
  }

  private countedOf(machine: Machine, operation: Operation): Counted {
    let byOperation = this.counted.get(machine);
    if (byOperation === undefined) {
      byOperation = new Map();
      this.counted.set(machine, byOperation);
    }
    let counted = byOperation.get(operation);
    if (counted === undefined) {
      counted = this.count(machine, operation);
      byOperation.set(operation, counted);
    }
    return counted;
  }

  private count(machine: Machine, operation: Operation): Counted {
    const { accelerator, params } = machine;
    const planned = this.parts.planOf(operation, machine);
    if (planned === null) return { plan: null, whole: withCurrentNames(accelerator.run(operation, params)) };
    const { plan, cut } = planned;
    const { axis, size, work, strata } = plan;
    const run = (part: Operation) => withCurrentNames(accelerator.run(part, params));
    const groups = strata.flatMap(({ groups }) => groups.map((group) => run(this.parts.part(operation, plan, group))));
    // Twice what one idle unit costs less what two cost.
    const fixed = cut.once
      ? sumOfResults(
          [1, 2].map((units) => run(blank(operation, axis, units * size))),
          [2, -1],
        )
      : null;
    // All images of a channel meet the same weights.
    const least = axis === "images" ? 1 : operation.geometry.N;
    const ofGroups = groups.map(({ cycles }) => cycles - (fixed?.cycles ?? 0));
    const cycles = { edges: cut.edges * work.length, unseen: unseenCycles(strata, work, ofGroups, least) };
    return { plan, fixed, groups, cycles };
  }
}

/**
 * An operation of which a machine simulates a sample: which parts, what each of them counts, and what the whole is estimated to
 * count, all parts taken or one left out. All machines and stages that cut alike take the same parts.
 */
import type { ComputeResult, Cut } from "../accelerator.ts";
import type { Machine } from "../machine.ts";
import type { Operation } from "../operation.ts";
import type { PreparedOperation } from "../prepare.ts";
import { rounded, scaled, sumOfResults } from "./counts.ts";
import { drawnShare, drawnUnits, drawStrata, type Stratum } from "./draw.ts";
import { blank, extentOf, take } from "./slice.ts";
import { macsAlong } from "./unit-macs.ts";
import { type Place, weightsOf } from "./weights.ts";

/** The parts that are simulated of an operation cut in one way. */
export interface Plan {
  readonly axis: Cut<unknown>["axis"];
  readonly size: number;
  readonly share: number;
  readonly strata: readonly Stratum[];
  /** Effectual MACs of each group. */
  readonly known: readonly (readonly number[])[];
  readonly total: number;
}

/** Counts of the groups of a plan, what each of them and the whole count once, and what all edges may be worth; or those of the whole. */
type Counted =
  | {
      readonly plan: Plan;
      readonly edges: number;
      readonly fixed: ComputeResult | null;
      readonly groups: readonly ComputeResult[];
    }
  | { readonly plan: null; readonly whole: ComputeResult };

/** What an estimate is varied by: not rounded to whole counts, and a group left out or the counts of one operation shifted as far as its edges may. */
export type Variation = { readonly plan: Plan; readonly without: Place } | { readonly shifted: Counted } | "fractions";

/** How far the least sample may go beyond the share that was asked for while another way to cut is at hand. */
const MOST_BEYOND = 1.5;

/** The parts of one operation. */
export class SampledOperation {
  private readonly prepared: PreparedOperation;
  private readonly share: number;
  private readonly key: string;
  private readonly plans = new Map<string, Plan | null>();
  private readonly macs = new Map<Cut<unknown>["axis"], Float64Array>();
  private readonly slices = new Map<Operation, Map<readonly number[], Operation>>();

  /** @param key equal ones draw the same parts. */
  constructor(prepared: PreparedOperation, share: number, key: string) {
    this.prepared = prepared;
    this.share = share;
    this.key = key;
  }

  /** What a machine does of an operation (a stage of the prepared one). Null: the whole. */
  planOf(
    operation: Operation,
    { accelerator, params }: Machine,
  ): { readonly plan: Plan; readonly cut: Cut<Machine["params"]> } | null {
    const { noZeros, solid } = this.prepared;
    // Without a zero all units are equal, which machines make use of themselves.
    if (operation === noZeros || operation === solid) return null;
    const plans = (accelerator.cuts?.(operation, params) ?? []).flatMap((cut) => {
      const plan = this.planFor(cut);
      return plan === null ? [] : [{ plan, cut }];
    });
    // The first that takes little more than was asked for, or else the one that takes least.
    const most = MOST_BEYOND * this.share;
    return plans.find(({ plan }) => plan.share <= most) ?? plans.sort((a, b) => a.plan.share - b.plan.share)[0] ?? null;
  }

  /** The operation on the units of a group. */
  part(operation: Operation, { axis, size }: Plan, group: readonly number[]): Operation {
    let slices = this.slices.get(operation);
    if (slices === undefined) {
      slices = new Map();
      this.slices.set(operation, slices);
    }
    let part = slices.get(group);
    if (part === undefined) {
      const indexes = group.flatMap((unit) => range(size).map((i) => unit * size + i));
      part = take(operation, axis, indexes);
      slices.set(group, part);
    }
    return part;
  }

  /**
   * Cycles that units may differ by without any sign of it: counts are whole, and may be the same in all that were drawn. One for
   * each unit that is not like them, and for each image of a channel, which all meet the same weights.
   */
  unseen(operation: Operation, { axis, strata }: Plan): number {
    const units = strata.reduce((sum, stratum) => {
      const drawn = drawnShare(stratum) * stratum.units;
      return sum + (stratum.units - drawn) * Math.min(1, RULE_OF_THREE / drawn);
    }, 0);
    return axis === "images" ? units : units * operation.geometry.N;
  }

  private planFor({ axis, size }: Cut<unknown>): Plan | null {
    const key = `${axis} ${size}`;
    let plan = this.plans.get(key);
    if (plan === undefined) {
      plan = this.drawPlan(axis, size, `${this.key} ${key}`);
      this.plans.set(key, plan);
    }
    return plan;
  }

  private drawPlan(axis: Cut<unknown>["axis"], size: number, key: string): Plan | null {
    const { actual } = this.prepared;
    const units = extentOf(actual.geometry, axis) / size;
    const drawn = drawnUnits(units, this.share);
    if (drawn >= units) return null;
    const macs = this.macsAlong(axis);
    const work = range(units).map((unit) => sumOf(range(size).map((i) => macs[unit * size + i])));
    const strata = drawStrata(work, drawn, key);
    if (strata.every((stratum) => drawnShare(stratum) === 1)) return null;
    const known = strata.map(({ groups }) => groups.map((group) => sumOf(group.map((unit) => work[unit]))));
    return { axis, size, share: drawn / units, strata, known, total: sumOf(work) };
  }

  private macsAlong(axis: Cut<unknown>["axis"]): Float64Array {
    const macs = this.macs.get(axis) ?? macsAlong(this.prepared.actual, axis);
    this.macs.set(axis, macs);
    return macs;
  }
}

/** Of n units that look alike, more than 3 / n of the others do not with at most 5 % (the rule of three). */
const RULE_OF_THREE = 3;

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
    const { plan, fixed, groups } = counted;
    const isLeft = typeof variation === "object" && "without" in variation && variation.plan === plan;
    const weights = weightsOf(plan.strata, plan.known, plan.total, isLeft ? variation.without : undefined).flat();
    const rest = 1 - weights.reduce((sum, weight) => sum + weight, 0);
    const results = fixed === null ? groups : [fixed, ...groups];
    const estimate = sumOfResults(results, fixed === null ? weights : [rest, ...weights]);
    if (variation === undefined) return rounded(estimate, machine.multipliers);
    const isShifted = variation !== "fractions" && "shifted" in variation && variation.shifted === counted;
    return isShifted ? scaled(estimate, 1 + counted.edges / Math.max(1, estimate.cycles)) : estimate;
  }

  /** The plans that were followed so far. */
  plans(): Plan[] {
    return [...new Set(this.all().flatMap(({ plan }) => plan ?? []))];
  }

  /** A variation for each operation so far whose parts have edges. */
  shifts(): Variation[] {
    return this.all().flatMap((counted) => (counted.plan !== null && counted.edges > 0 ? [{ shifted: counted }] : []));
  }

  private all(): Counted[] {
    return [...this.counted.values()].flatMap((byOperation) => [...byOperation.values()]);
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
    if (planned === null) return { plan: null, whole: accelerator.run(operation, params) };
    const { plan, cut } = planned;
    const run = (part: Operation) => accelerator.run(part, cut.params);
    const groups = plan.strata.flatMap(({ groups }) =>
      groups.map((group) => run(this.parts.part(operation, plan, group))),
    );
    const edges =
      cut.edges * (extentOf(operation.geometry, plan.axis) / plan.size) + this.parts.unseen(operation, plan);
    if (!cut.once) return { plan, edges, fixed: null, groups };
    const [one, two] = [1, 2].map((units) => run(blank(operation, plan.axis, units * plan.size)));
    return { plan, edges, fixed: sumOfResults([one, two], [2, -1]), groups };
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

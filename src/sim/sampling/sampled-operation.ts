/** An operation of which machines simulate a sample: which parts are. All machines and stages that cut alike take the same parts. */
import type { Cut } from "../hardware/accelerator.ts";
import type { Machine } from "../hardware/machine.ts";
import type { PreparedOperation } from "../operation/ablations.ts";
import type { Operation } from "../operation/operation.ts";
import { drawStrata, type Stratum } from "./draw.ts";
import { extentOf, take } from "./slice.ts";
import { macsAlong } from "./unit-macs.ts";

/** The parts that are simulated of an operation cut in one way. */
export interface Plan {
  readonly axis: Cut["axis"];
  readonly size: number;
  /** Effectual MACs of each unit. */
  readonly work: readonly number[];
  readonly strata: readonly Stratum[];
  /** Units that are drawn. */
  readonly drawn: number;
}

/** How far a sample may go beyond the share that was asked for while another way to cut is at hand. */
const MOST_BEYOND = 1.5;

/** The parts of one operation. */
export class SampledOperation {
  private readonly prepared: PreparedOperation;
  private readonly share: number;
  private readonly key: string;
  private readonly plans = new Map<string, Plan | null>();
  private readonly macs = new Map<Cut["axis"], Float64Array>();
  private readonly slices = new Map<Operation, Map<readonly number[], Operation>>();

  /** @param key equal ones draw the same parts. */
  constructor(prepared: PreparedOperation, share: number, key: string) {
    this.prepared = prepared;
    this.share = share;
    this.key = key;
  }

  /** What a machine does of an operation (a stage of the prepared one). Null: the whole. */
  planOf(operation: Operation, { accelerator, params }: Machine): { readonly plan: Plan; readonly cut: Cut } | null {
    const { noZeros, solid } = this.prepared;
    // Without a zero all units are equal, which machines make use of themselves.
    if (operation === noZeros || operation === solid) return null;
    const plans = (accelerator.cuts?.(operation, params) ?? []).flatMap((cut) => {
      const plan = this.planFor(cut);
      return plan === null ? [] : [{ plan, cut, share: plan.drawn / plan.work.length }];
    });
    // The first that takes little more than was asked for, or else the one that takes least.
    const most = MOST_BEYOND * this.share;
    return plans.find(({ share }) => share <= most) ?? plans.sort((a, b) => a.share - b.share)[0] ?? null;
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
      const indexes = group.flatMap((unit) => Array.from({ length: size }, (_, i) => unit * size + i));
      part = take(operation, axis, indexes);
      slices.set(group, part);
    }
    return part;
  }

  private planFor({ axis, size }: Cut): Plan | null {
    const key = `${axis} ${size}`;
    let plan = this.plans.get(key);
    if (plan === undefined) {
      plan = this.drawPlan(axis, size, `${this.key} ${key}`);
      this.plans.set(key, plan);
    }
    return plan;
  }

  private drawPlan(axis: Cut["axis"], size: number, key: string): Plan | null {
    const macs = this.macsAlong(axis);
    const work = Array.from({ length: extentOf(this.prepared.actual.geometry, axis) / size }, (_, unit) =>
      macs.subarray(unit * size, (unit + 1) * size).reduce((a, b) => a + b, 0),
    );
    const strata = drawStrata(work, this.share, key);
    return strata && { axis, size, work, strata, drawn: strata.flatMap(({ groups }) => groups.flat()).length };
  }

  private macsAlong(axis: Cut["axis"]): Float64Array {
    const macs = this.macs.get(axis) ?? macsAlong(this.prepared.actual, axis);
    this.macs.set(axis, macs);
    return macs;
  }
}

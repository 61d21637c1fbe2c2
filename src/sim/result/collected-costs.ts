/** What ops cost, as it comes in: rows by machine, and their sums in the order of the ops, whatever the order they come in. */
import { type StepOp, stepOps } from "../../step/method-overheads.ts";
import type { IdentifiedTrace } from "../../trace/trace.ts";
import type { Machine } from "../hardware/machine.ts";
import type { OpCosts } from "../run-ops.ts";
import type { RowCosts } from "./op-result.ts";
import type { StreamedMachine } from "./result.ts";
import type { NewRowList } from "./row-list.ts";
import { RowSums, type TimedOp } from "./totals.ts";

/** What was simulated. */
interface Steps {
  readonly traces: readonly IdentifiedTrace[];
  readonly baselineTraces?: readonly IdentifiedTrace[];
}

/** Rows of a machine, their sums, and its ops on traces of dense training. */
export interface MachineCosts {
  readonly rows: StreamedMachine["rows"];
  readonly sums: RowSums;
  readonly dense: readonly TimedOp[];
}

/** Place of an op: index and step of its trace. */
interface OpPlace {
  readonly op: StepOp;
  readonly trace: number;
  readonly step: number;
}

/** Takes the costs of each op once. */
export class CollectedCosts {
  readonly #places: readonly OpPlace[];
  /** How many are of `traces`; the others are of `baselineTraces`. */
  readonly #ownOps: number;
  readonly #machines;
  readonly #isTaken: Uint8Array;
  /** The first op that is not in the sums. */
  #next = 0;

  constructor({ traces, baselineTraces = [] }: Steps, machines: readonly Machine[], newList: NewRowList) {
    const placesOf = ({ trace: { manifest } }: IdentifiedTrace, trace: number): OpPlace[] =>
      stepOps(manifest).map((op) => ({ op, trace, step: manifest.step }));
    const own = traces.flatMap(placesOf);
    this.#places = [...own, ...baselineTraces.flatMap(placesOf)];
    this.#ownOps = own.length;
    this.#isTaken = new Uint8Array(own.length);
    this.#machines = machines.map((machine) => ({
      machine,
      list: newList(own.length),
      sums: new RowSums(),
      dense: [] as TimedOp[],
    }));
  }

  /** How many ops there are. */
  get ops(): number {
    return this.#places.length;
  }

  take({ op: index, costs }: OpCosts): void {
    const { op, trace, step } = this.#places[index];
    const { layer, kind, pass } = op;
    for (const [m, { list, dense }] of this.#machines.entries()) {
      const cost = costs[m];
      if (cost === null) continue;
      if (index < this.#ownOps) list.set(index, { trace, step, layer, kind, pass, ...(cost as RowCosts) });
      else dense[index - this.#ownOps] = { kind, pass, ...cost };
    }
    if (index < this.#ownOps) this.#isTaken[index] = 1;
    while (this.#isTaken[this.#next] === 1) this.#sum(this.#next++);
  }

  #sum(op: number): void {
    for (const { machine, list, sums } of this.#machines) {
      const row = list.get(op);
      if (row !== undefined) sums.add(row, machine);
    }
  }

  /** What a machine took for all ops. */
  of(machine: number): MachineCosts {
    const { list, sums, dense } = this.#machines[machine];
    return { rows: list.rows(), sums, dense: dense.filter((op) => op !== undefined) };
  }
}

/** The points of a sweep that no other point beats in two things at once. Pure functions of finished points. */
import { InputError, unknownName } from "../../io/faults.ts";
import { pointMark, pointNotes } from "../coverage-note.ts";
import { plainTable, wrapped } from "../tables/table.ts";
import type { SweepMetrics, SweepPoint } from "./sweep-points.ts";

/** What is better: less or more. */
type Goal = "min" | "max";

const GOALS: Readonly<Record<keyof SweepMetrics, Goal>> = {
  cycles: "min",
  seconds: "min",
  speedup: "max",
  ownSkippingGain: "max",
  speedupFromZeros: "max",
  matmulSpeedup: "max",
  computeSpeedup: "max",
  energyPicojoules: "min",
  dramBytes: "min",
  onChipBytes: "min",
  multipliers: "min",
};

/** Metrics that compare a machine with its baseline. */
const OVER_BASELINE: ReadonlySet<string> = new Set<keyof SweepMetrics>(["speedup", "matmulSpeedup", "computeSpeedup"]);

/** A metric, or a swept field that holds numbers. */
export interface Axis {
  readonly name: string;
  readonly goal: Goal;
  /** Null where a point has no such number. */
  numberOf(point: SweepPoint): number | null;
}

/**
 * Reads `seconds`, `max:seconds` or `min:params.rows`.
 * @throws Error for a name that is no metric and no field of `points`, a field without a goal, or one that never is a number.
 */
export function axisNamed(text: string, points: readonly SweepPoint[]): Axis {
  const [, asked, name] = /^(?:(min|max):)?(.*)$/s.exec(text) as unknown as [string, Goal | undefined, string];
  const isMetric = Object.hasOwn(GOALS, name);
  const fields = [...new Set(points.flatMap(({ point }) => Object.keys(point)))];
  if (!isMetric && !fields.includes(name)) {
    throw new InputError([unknownName("metric or field", name, [...Object.keys(GOALS), ...fields])], {
      unknownNames: ["axis"],
    });
  }
  const goal = asked ?? (isMetric ? GOALS[name as keyof SweepMetrics] : undefined);
  if (goal === undefined) throw new InputError([`${name}: needs a goal, got none; known: min:${name}, max:${name}`]);
  const numberOf = ({ point, metrics }: SweepPoint) => {
    const value = isMetric ? metrics?.[name as keyof SweepMetrics] : point[name];
    return typeof value === "number" ? value : null;
  };
  if (!points.some((point) => numberOf(point) !== null)) throw new InputError([`${name}: no point has a number`]);
  return { name, goal, numberOf };
}

/**
 * Fronts of workloads, one after another: points that no other of the workload equals or beats in both and beats in one, the best in `x`
 * first; equal points stay together. Those that were refused or lack a number are left out. A workload is a trace; synthetic ones that
 * differ in nothing but axes are one. Where an axis is a gain over the baseline, points of another baseline have a front of their own.
 */
export function paretoFront(points: readonly SweepPoint[], x: Axis, y: Axis): SweepPoint[] {
  const workloads = new Map<string, SweepPoint[]>();
  const isRelative = [x, y].some(({ name }) => OVER_BASELINE.has(name));
  for (const point of points) {
    const workload = `${workloadOf(point, [x.name, y.name])} ${isRelative ? (point.baseline ?? "") : ""}`;
    const others = workloads.get(workload);
    if (others === undefined) workloads.set(workload, [point]);
    else others.push(point);
  }
  return [...workloads.values()].flatMap((ofOne) => frontOf(ofOne, x, y));
}

function workloadOf({ trace, sha256, synthetic }: SweepPoint, axes: readonly string[]): string {
  if (synthetic === undefined) return sha256 ?? trace;
  return JSON.stringify(Object.entries(synthetic).filter(([setting]) => !axes.includes(`synthetic.${setting}`)));
}

function frontOf(points: readonly SweepPoint[], x: Axis, y: Axis): SweepPoint[] {
  const cost = ({ goal, numberOf }: Axis, point: SweepPoint) =>
    (goal === "min" ? 1 : -1) * (numberOf(point) ?? Number.NaN);
  const priced = points
    .filter(({ metrics }) => metrics !== undefined)
    .map((point) => ({ point, x: cost(x, point), y: cost(y, point) }))
    .filter((one) => !Number.isNaN(one.x) && !Number.isNaN(one.y))
    .sort((a, b) => a.x - b.x || a.y - b.y);
  const front: typeof priced = [];
  for (const one of priced) {
    const last = front.at(-1);
    if (last === undefined || one.y < last.y || (one.y === last.y && one.x === last.x)) front.push(one);
  }
  return front.map(({ point }) => point);
}

/** A front as a table: where its points lie, their fields, and what they were picked for. */
export function frontTable(front: readonly SweepPoint[], x: Axis, y: Axis): string {
  const axes = [x, y].map(({ name }) => name);
  const fields = [...new Set(front.flatMap(({ point }) => Object.keys(point)))].filter(
    (field) => !axes.includes(field),
  );
  const table = plainTable(["machine", "trace", ...fields, ...axes], 2);
  for (const one of front) {
    const { machine, trace, point } = one;
    const values = fields.map((field) => {
      const value = point[field];
      return typeof value === "string" ? value : (JSON.stringify(value) ?? "–");
    });
    table.push([
      machine,
      trace,
      ...values,
      ...[x, y].map((axis) => digits(axis.numberOf(one)) + pointMark(one, axis.name)),
    ]);
  }
  return [table.toString(), ...pointNotes(front).map(wrapped)].join("\n");
}

const DIGITS = 6;

function digits(value: number | null): string {
  if (value === null) return "–";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(DIGITS)));
}

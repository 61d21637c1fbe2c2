/** The points of a sweep in the order of its result, which of them a shard does, and in which order. */
import { InputError, unknownName } from "../../io/faults.ts";
import { accelerators } from "../../sim/accelerators/index.ts";
import { HardwareConfigSchema, type Machine } from "../../sim/machine.ts";
import { type Constraint, parseConstraint } from "./constraints.ts";
import { fieldAt, pathFault } from "./fields.ts";
import { type SweepSpec, sweptFields, TRACE } from "./spec.ts";

/** A point before it is simulated. */
export interface PlannedPoint {
  /** Place in the result. */
  readonly index: number;
  /** Index of a machine of the spec. */
  readonly machine: number;
  /** Path of a trace. */
  readonly trace: string;
  /** Swept fields with their values. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** One of `of` parts of a sweep, counting from 1. */
export interface Shard {
  readonly part: number;
  readonly of: number;
}

const MOST_COMBINATIONS = 1e7;

/**
 * Points of a spec that meet its constraints: trace by trace, machine by machine, entry of the list by entry, the last field of the grid fastest.
 * @param machines those that the spec names.
 * @throws InputError for unknown fields, and for constraints that are not understood or need numbers that are not there.
 */
export function pointsOf(spec: SweepSpec, machines: readonly Machine[], where: string): PlannedPoint[] {
  const { traces, list = [{}], grid = {} } = spec;
  const fields = sweptFields(spec);
  const faults = [...fieldFaults(fields, machines, where)];
  const conditions = machines.map((machine) => conditionsOf(spec, machine, fields, where, faults));
  const combinations = Object.values(grid).reduce(
    (product, values) => product * values.length,
    (traces?.length ?? 1) * machines.length * list.length,
  );
  if (combinations > MOST_COMBINATIONS) {
    faults.push(`${where}: too many combinations, got ${combinations}; valid: up to ${MOST_COMBINATIONS}`);
  }
  if (faults.length > 0) throw new InputError([...new Set(faults)]);

  const points: PlannedPoint[] = [];
  for (const trace of traces ?? [undefined]) {
    for (const [machine, holds] of conditions.entries()) {
      for (const entry of list) {
        for (const values of combinationsOf(grid, entry)) {
          if (!holds(values)) continue;
          points.push({ index: points.length, machine, trace: trace ?? (values[TRACE] as string), values });
        }
      }
    }
  }
  if (points.length === 0) throw new Error(`${where}: no combination meets the constraints`);
  return points;
}

function* combinationsOf(
  grid: Readonly<Record<string, readonly unknown[]>>,
  entry: Readonly<Record<string, unknown>>,
): Generator<Record<string, unknown>> {
  const axes = Object.entries(grid);
  const at = axes.map(() => 0);
  for (let axis = 0; axis >= 0; ) {
    yield { ...entry, ...Object.fromEntries(axes.map(([field, values], i) => [field, values[at[i]]])) };
    for (axis = axes.length - 1; axis >= 0 && ++at[axis] === axes[axis][1].length; axis--) at[axis] = 0;
  }
}

function fieldFaults(fields: readonly string[], machines: readonly Machine[], where: string): string[] {
  const used = fields.includes("accelerator")
    ? Object.values(accelerators)
    : machines.map(({ accelerator }) => accelerator);
  const schemas = used.map(({ params }) => ({
    ...HardwareConfigSchema,
    properties: { ...HardwareConfigSchema.properties, params },
  }));
  return fields
    .filter((field) => field !== TRACE)
    .flatMap((field) => pathFault(schemas, field) ?? [])
    .map((fault) => `${where}: ${fault}`);
}

/** Whether values on `machine` meet all constraints; what is wrong with these is added to `faults`. */
function conditionsOf(
  { constraints = [] }: SweepSpec,
  { config, params }: Machine,
  fields: readonly string[],
  where: string,
  faults: string[],
): (values: Readonly<Record<string, unknown>>) => boolean {
  const paths = [...new Set([...fields, ...Object.keys(params).map((name) => `params.${name}`)])];
  const read = constraints.flatMap((text, index) => {
    try {
      const constraint = parseConstraint(text);
      return [
        { constraint, index, needed: constraint.names.map((name) => ({ name, path: pathOf(name, paths, text) })) },
      ];
    } catch (error) {
      faults.push(`${where}: constraints.${index}: ${(error as Error).message}`);
      return [];
    }
  });
  return (values) =>
    read.every(({ constraint, index, needed }) => {
      const at = `${where}: constraints.${index}: `;
      const numbers = new Map<string, number | boolean>();
      for (const { name, path } of needed) {
        const value = Object.hasOwn(values, path) ? values[path] : fieldAt(config, path);
        if (typeof value !== "number" && typeof value !== "boolean") {
          const shown = JSON.stringify(value) ?? "nothing";
          throw new Error(`${at}"${constraint.text}": ${name} must be a number, got ${shown} in ${path}`);
        }
        numbers.set(name, value);
      }
      return attempt(constraint, numbers, at);
    });
}

function attempt(constraint: Constraint, numbers: ReadonlyMap<string, number | boolean>, at: string): boolean {
  try {
    return constraint.holds(numbers);
  } catch (cause) {
    throw new Error(`${at}${(cause as Error).message}`, { cause });
  }
}

/** The field that a constraint means: by its whole path with `_` for the dots, or by the last part of it. */
function pathOf(name: string, paths: readonly string[], text: string): string {
  const whole = (path: string) => path.replaceAll(".", "_");
  const exact = paths.filter((path) => whole(path) === name);
  const found = exact.length > 0 ? exact : paths.filter((path) => path.split(".").at(-1) === name);
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw new Error(`"${text}": ${name} may be several fields; valid: ${found.map(whole).join(", ")}`);
  }
  const known = paths.map((path) => path.split(".").at(-1) as string);
  throw new Error(`"${text}": ${unknownName("name", name, [...new Set(known)])}`);
}

/** Points in an order in which those that share what the array does come together: by trace, then machine and parameters. */
export function inSharingOrder(points: readonly PlannedPoint[]): PlannedPoint[][] {
  const traces = new Map<string, Map<string, PlannedPoint[]>>();
  for (const point of points) {
    const groups = traces.get(point.trace) ?? new Map<string, PlannedPoint[]>();
    traces.set(point.trace, groups);
    const key = JSON.stringify([point.machine, ...Object.entries(point.values).filter(([path]) => isOfArray(path))]);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(point);
  }
  return [...traces.values()].flatMap((groups) => [...groups.values()]);
}

function isOfArray(path: string): boolean {
  return path === "accelerator" || path.split(".")[0] === "params";
}

/** The points of a shard: every point is in exactly one, and none has over one more than another. */
export function shardOf(points: readonly PlannedPoint[], { part, of }: Shard): PlannedPoint[] {
  const ordered = inSharingOrder(points).flat();
  const border = (at: number) => Math.floor((at * ordered.length) / of);
  return ordered.slice(border(part - 1), border(part));
}

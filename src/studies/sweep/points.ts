/** The points of a sweep in the order of its result, which of them a shard does, and in which order. */

import type { Accelerators } from "../../api/open.ts";
import { MOST_COMBINATIONS, MOST_CONDITIONS } from "../../core/input/limits.ts";
import { faultsOf, InputError, unknownName, within } from "../../io/faults.ts";
import { accelerators } from "../../sim/arrays/index.ts";
import { HardwareConfigSchema, type Machine } from "../../sim/hardware/machine.ts";
import { parseConstraint } from "./constraints.ts";
import { fieldAt, pathFault } from "./fields.ts";
import { isSynthetic, type SweepSpec, sweptFields, TRACE } from "./spec.ts";
import {
  checkNetworks,
  fieldOf,
  isOfSynthetic,
  SYNTHETIC,
  SYNTHETIC_FIELDS,
  type SyntheticTraceSettings,
  syntheticTraces,
} from "./synthetic.ts";

/** A point before it is simulated. */
export interface PlannedPoint {
  /** Place in the result. */
  readonly index: number;
  /** Index of a machine of the spec. */
  readonly machine: number;
  /** Path of a trace, or the name of a synthetic one. */
  readonly trace: string;
  /** What a synthetic trace is drawn with. */
  readonly synthetic?: SyntheticTraceSettings;
  /** Swept fields with their values. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** One of `of` parts of a sweep, counting from 1. */
export interface Shard {
  readonly part: number;
  readonly of: number;
}

/**
 * Points of a spec that meet its constraints: trace by trace, machine by machine, entry of the list by entry, the last field of the grid fastest.
 * A dense step knows no sparsity: combinations that tell such a step apart by what it ignores are one point.
 * @param machines those that the spec names. @param known accelerators that the field `accelerator` may name.
 * @throws InputError for unknown fields, for constraints that are not understood or need numbers that are not there, and for
 * synthetic traces of images that are too small.
 */
export function pointsOf(
  spec: SweepSpec,
  machines: readonly Machine[],
  where: string,
  known: Accelerators = accelerators,
): PlannedPoint[] {
  const { traces, list = [{}], grid = {} } = spec;
  const fields = sweptFields(spec);
  const faults = [...fieldFaults(fields, machines, known, where)];
  const combinations = Object.values(grid).reduce(
    (product, values) => product * values.length,
    (traces?.length ?? 1) * machines.length * list.length,
  );
  if (combinations > MOST_COMBINATIONS) {
    faults.push(`${where}: too many combinations, got ${combinations}; valid: up to ${MOST_COMBINATIONS}`);
  }
  const tests = combinations * (spec.constraints?.length ?? 0);
  if (tests > MOST_CONDITIONS) {
    throw new InputError([
      `${where}: constraints: too many for ${combinations} combinations, got ${spec.constraints?.length}; valid: up to ${MOST_CONDITIONS} tests of a combination`,
    ]);
  }
  const conditions = machines.map((machine) => conditionsOf(spec, machine, fields, where, faults));
  if (faults.length > 0) throw new InputError([...new Set(faults)]);

  const drawnWith = isSynthetic(spec) ? syntheticTraces(spec.synthetic, fields) : () => undefined;
  const points: PlannedPoint[] = [];
  for (const trace of traces ?? [undefined]) {
    for (const [machine, holds] of conditions.entries()) {
      const denseSteps = new Set<string>();
      for (const entry of list) {
        for (const combination of combinationsOf(grid, entry)) {
          const drawn = drawnWith(combination);
          const values = drawn === undefined ? combination : { ...combination, ...drawn.values };
          if (drawn?.synthetic.method === "dense" && isRepeated(values, denseSteps)) continue;
          if (!holds(values, drawn?.synthetic)) continue;
          const source = drawn ?? { trace: trace ?? (values[TRACE] as string) };
          points.push({ index: points.length, machine, ...source, values });
        }
      }
    }
  }
  if (points.length === 0) throw new InputError([`${where}: no combination meets the constraints`]);
  checkNetworks(
    points.flatMap(({ synthetic }) => synthetic ?? []),
    where,
  );
  return points;
}

function isRepeated(values: Readonly<Record<string, unknown>>, seen: Set<string>): boolean {
  const key = JSON.stringify(values);
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
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

/** Whether a field changes a config, not the trace. */
export function isOfConfig(field: string): boolean {
  return field !== TRACE && !isOfSynthetic(field);
}

function fieldFaults(
  fields: readonly string[],
  machines: readonly Machine[],
  known: Accelerators,
  where: string,
): string[] {
  const used = fields.includes("accelerator") ? Object.values(known) : machines.map(({ accelerator }) => accelerator);
  const schemas = used.map(({ params }) => ({
    ...HardwareConfigSchema,
    properties: { ...HardwareConfigSchema.properties, params },
  }));
  return fields
    .filter(isOfConfig)
    .flatMap((field) => {
      const fault = pathFault(schemas, field);
      const setting = fieldOf(field);
      const isShort = fault !== undefined && SYNTHETIC_FIELDS.includes(setting);
      return (isShort ? `${field}: ${unknownName("field", field, [setting])}` : fault) ?? [];
    })
    .map((fault) => `${where}: ${fault}`);
}

/** Whether values on `machine` meet all constraints; what is wrong with these is added to `faults`. */
function conditionsOf(
  spec: SweepSpec,
  { config, params }: Machine,
  fields: readonly string[],
  where: string,
  faults: string[],
): (values: Readonly<Record<string, unknown>>, synthetic: SyntheticTraceSettings | undefined) => boolean {
  const { constraints = [] } = spec;
  const settings = isSynthetic(spec) ? SYNTHETIC_FIELDS : [];
  const paths = [...new Set([...fields, ...settings, ...Object.keys(params).map((name) => `params.${name}`)])];
  const isWord = (path: string) => !fields.includes(path) && typeof fieldAt({ params }, path) === "string";
  const read = constraints.flatMap((text, index) => {
    try {
      const constraint = parseConstraint(text);
      return [
        {
          constraint,
          index,
          needed: constraint.names.map((name) => ({ name, path: pathOf(name, paths, isWord, text) })),
        },
      ];
    } catch (error) {
      faults.push(...faultsOf(error).map((fault) => `${where}: constraints.${index}: ${fault}`));
      return [];
    }
  });
  return (values, synthetic) =>
    read.every(({ constraint, index, needed }) => {
      const at = `${where}: constraints.${index}`;
      const numbers = new Map<string, number | boolean>();
      for (const { name, path } of needed) {
        const value = Object.hasOwn(values, path) ? values[path] : fieldAt({ ...config, [SYNTHETIC]: synthetic }, path);
        if (typeof value !== "number" && typeof value !== "boolean") {
          const shown = JSON.stringify(value) ?? "nothing";
          throw new InputError([`${at}: "${constraint.text}": ${name} must be a number, got ${shown} in ${path}`]);
        }
        numbers.set(name, value);
      }
      return within(at, () => constraint.holds(numbers));
    });
}

/**
 * The field that a constraint means: by its whole path with `_` for the dots, or by the last part of it. Where several end alike,
 * none is meant that holds a word.
 */
function pathOf(name: string, paths: readonly string[], isWord: (path: string) => boolean, text: string): string {
  const whole = (path: string) => path.replaceAll(".", "_");
  const exact = paths.filter((path) => whole(path) === name);
  const ending = paths.filter((path) => path.split(".").at(-1) === name);
  const numbers = ending.filter((path) => !isWord(path));
  const found = [exact, numbers, ending].find(({ length }) => length > 0) ?? [];
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    throw new InputError([`"${text}": ${name} may be several fields; valid: ${found.map(whole).join(", ")}`]);
  }
  const known = paths.map((path) => path.split(".").at(-1) as string);
  throw new InputError([`"${text}": ${unknownName("name", name, [...new Set(known)])}`]);
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

/**
 * Laws that every accelerator must keep, whoever wrote it: a list of named checks over varied shapes, passes and densities, and
 * over geometries that are drawn.
 * Depends on no test framework, so that machines from outside the package can be checked.
 */
import type { ConvGeometry } from "../../core/geometry.ts";
import { type Accelerator, type ComputeResult, withCurrentNames } from "../hardware/accelerator.ts";
import { OPERANDS_OF, type Operation, PASSES, type Pass } from "../operation/operation.ts";
import { caseOf, randomOperation, thinnedCase, withFiltersTurned } from "./cases.ts";
import { drawnGeometries } from "./drawn.ts";
import { baseFaults, countFaults, multiplierCycleFaults, operationFaults, workFaults } from "./operation.ts";
import { relationFaults } from "./relations.ts";
import { EMPTY_SHAPES, FULL, FULL_SHAPES, SHAPES } from "./shapes.ts";

/** One law; `check` throws an Error that says how it is broken. */
export interface ConformanceProperty {
  readonly name: string;
  check(): void;
}

/** The machine that is checked. */
interface Subject {
  /** Runs an operation the first time that a law asks for it. */
  readonly run: (operation: Operation) => ComputeResult;
  readonly runAgain: (operation: Operation) => ComputeResult;
  readonly runWithoutSkipping: (operation: Operation) => ComputeResult;
  readonly multipliers: number;
  readonly mappings: Accelerator["mappings"];
  readonly settings: Readonly<Record<string, unknown>>;
}

const HALF = 0.5;
const DENSITIES = [0, 0.1, HALF, 1];

const DRAWN_DENSITIES = [HALF, 0.2, 1];

/** Which geometries are drawn beside the fixed ones, and how many. */
export interface ConformanceDraw {
  readonly seed?: number;
  readonly geometries?: number;
}

/** The laws of `accelerator` with `params`, which must match its schema. */
export function conformanceProperties<Schema extends Accelerator["params"]>(
  accelerator: Accelerator<Schema>,
  params: Parameters<Accelerator<Schema>["run"]>[1],
  { seed = 1, geometries = 12 }: ConformanceDraw = {},
): ConformanceProperty[] {
  const dense = accelerator.withoutSkipping(params);
  const multipliers = accelerator.multipliers(params);
  const known = new WeakMap<Operation, ComputeResult>();
  const subject: Subject = {
    run(operation) {
      const result = known.get(operation) ?? withCurrentNames(accelerator.run(operation, params));
      known.set(operation, result);
      return result;
    },
    runAgain: (operation) => withCurrentNames(accelerator.run(operation, params)),
    runWithoutSkipping: (operation) => withCurrentNames(accelerator.run(operation, dense)),
    multipliers,
    mappings: accelerator.mappings,
    settings: params as Readonly<Record<string, unknown>>,
  };
  return [
    { name: "the array has multipliers", check: () => ensure(multipliers > 0, "multipliers are not positive") },
    ...PASSES.flatMap((pass) => [
      ...Object.entries(SHAPES).flatMap(([shape, geometry]) => [
        ...DENSITIES.flatMap((density) => lawsOfDensity(subject, pass, shape, geometry, density)),
        ...lawsOfClearing(subject, pass, shape, geometry),
      ]),
      ...Object.entries(EMPTY_SHAPES).map(([shape, geometry]) => lawOfNothing(subject, pass, shape, geometry)),
      ...Object.entries(FULL_SHAPES).flatMap(([shape, geometry]) => lawsOfFullLanes(subject, pass, shape, geometry)),
    ]),
    ...drawnGeometries(seed, geometries).flatMap((geometry, index) =>
      PASSES.map((pass) => ({
        name: `${pass}, geometry ${index} of seed ${seed}: every law of one operation and of what is hardly another`,
        check() {
          const operation = randomOperation(pass, geometry, DRAWN_DENSITIES[index % DRAWN_DENSITIES.length]);
          const faults = [
            ...operationFaults(accelerator, params, operation),
            ...relationFaults(accelerator, params, operation),
          ];
          ensure(faults.length === 0, `${faults.join("; ")} of ${JSON.stringify(geometry)}`);
        },
      })),
    ),
  ];
}

function lawsOfDensity(
  { run, runAgain, runWithoutSkipping, multipliers, settings }: Subject,
  pass: Pass,
  shape: string,
  geometry: ConvGeometry,
  density: number,
): ConformanceProperty[] {
  const what = `${pass}, ${shape}, density ${density}`;
  const operation = () => caseOf(pass, shape, geometry, density).operation;
  const laws: ConformanceProperty[] = [
    {
      name: `${what}: counts are whole and within their bounds`,
      check() {
        const result = run(operation());
        const { macs } = caseOf(pass, shape, geometry, density);
        ensureNone(countFaults(result));
        ensureNone(workFaults(result, operation(), macs, multipliers));
      },
    },
    {
      name: `${what}: two runs are equal`,
      check: () => ensureEqual("result", JSON.stringify(runAgain(operation())), JSON.stringify(run(operation()))),
    },
    {
      name: `${what}: without skipping the cycles are the base cycles`,
      check() {
        const { macs } = caseOf(pass, shape, geometry, density);
        const dense = runWithoutSkipping(operation());
        ensureNone(baseFaults(run(operation()), dense, operation(), macs, multipliers));
      },
    },
  ];
  const { rows } = settings;
  if (typeof rows === "number" && density > 0) {
    laws.push({
      name: `${what}: the order of filters within a set of rows changes nothing`,
      check: () => ensureEqual("cycles", run(withFiltersTurned(operation(), rows)).cycles, run(operation()).cycles),
    });
  }
  return laws;
}

/** Fewer nonzeros are never more work; cycles may grow by a few, because a schedule is greedy. */
function lawsOfClearing(
  { run, mappings, multipliers }: Subject,
  pass: Pass,
  shape: string,
  geometry: ConvGeometry,
): ConformanceProperty[] {
  const [a, b] = OPERANDS_OF[pass];
  // Each image may choose its operand, and the result names the choice of the last one only.
  const mayChoose = mappings[pass].skipped.startsWith("sparser") && geometry.N > 1;
  const clearing = [[a], [b], [a, b]].map((operands) => ({
    name: `${pass}, ${shape}: clearing bits of ${operands.join(" and ")} adds no work`,
    check() {
      const { operation, macs } = caseOf(pass, shape, geometry, HALF);
      const thinned = thinnedCase(pass, shape, geometry, HALF, { operands, kept: HALF });
      const before = run(operation);
      const after = run(thinned.operation);
      ensure(thinned.macs <= macs, `effectual MACs grew from ${macs} to ${thinned.macs}`);
      if (before.scheduled === after.scheduled && (!mayChoose || before.scheduled === "both")) {
        const [was, is] = [before.multiplierCycles?.occupied ?? 0, after.multiplierCycles?.occupied ?? 0];
        ensure(is <= was, `occupied multiplier-cycles grew from ${was} to ${is}`);
      }
      ensureNone(workFaults(after, thinned.operation, thinned.macs, multipliers));
    },
  }));
  const emptying = [a, b].map((operand) => ({
    name: `${pass}, ${shape}: ${operand} without a nonzero leaves no work where it is skipped`,
    check() {
      const { scheduled, multiplierCycles } = run(
        thinnedCase(pass, shape, geometry, HALF, { operands: [operand], kept: 0 }).operation,
      );
      if (scheduled === operand || scheduled === "both")
        ensureEqual("occupied multiplier-cycles", multiplierCycles?.occupied ?? 0, 0);
    },
  }));
  return [...clearing, ...emptying];
}

function lawOfNothing(
  { run, multipliers }: Subject,
  pass: Pass,
  shape: string,
  geometry: ConvGeometry,
): ConformanceProperty {
  return {
    name: `${pass}, ${shape}: takes no cycles`,
    check() {
      const result = run(randomOperation(pass, geometry, 1));
      ensureNone([...countFaults(result), ...multiplierCycleFaults(result, multipliers)]);
      ensureEqual("cycles", result.cycles, 0);
      ensureEqual("base cycles", result.baseCycles, 0);
      ensureEqual("rescheduling cycles", result.reschedulingCycles, 0);
    },
  };
}

function lawsOfFullLanes(
  { run, runWithoutSkipping, settings }: Subject,
  pass: Pass,
  shape: string,
  geometry: ConvGeometry,
): ConformanceProperty[] {
  if (typeof settings.lanes === "number" && FULL % settings.lanes !== 0) return [];
  const check = () => {
    const operation = { ...randomOperation(pass, geometry, 1), paddingAsNonzeros: true, solidPadding: true };
    const { cycles, baseCycles, counters } = run(operation);
    // Products of a dense operation also collide where accumulators have few banks.
    const conflicts = counters.conflictCycles ?? 0;
    const excused = `${cycles} cycles, ${conflicts} of conflicts`;
    ensure(baseCycles <= cycles && cycles - conflicts <= baseCycles, `${excused}, but ${baseCycles} base cycles`);
    ensureEqual("base cycles", baseCycles, runWithoutSkipping(operation).cycles);
  };
  return [
    { name: `${pass}, ${shape}, dense with full lanes and solid padding: equals the array without skipping`, check },
  ];
}

function ensureNone(faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(faults.join("; "));
}

function ensure(holds: boolean, fault: string): void {
  if (!holds) throw new Error(fault);
}

function ensureEqual<T>(what: string, actual: T, expected: T): void {
  ensure(actual === expected, `${what}: expected ${expected}, got ${actual}`);
}

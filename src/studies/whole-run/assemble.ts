/** Puts the runs of a study together: costs of each run, and of each method what it gains over dense training. */
import { median } from "../../core/median.ts";
import {
  accounts,
  type Estimate,
  type InAccounts,
  STUDY_VERSION,
  type StudyMethod,
  type StudyMethodMachine,
  type StudyResult,
  type StudyRun,
  type StudyRunMachine,
} from "../../report/whole-run/result.ts";
import { meanOf, ratioOf } from "./estimate.ts";
import type { FinishedRun } from "./finished-run.ts";
import type { MeasuredStep, StepCost } from "./measure.ts";

const DENSE = "dense";
/** Below the accuracy of dense training: 0, 0.5, 1 and 2 points. */
const MARGINS = [0, 0.005, 0.01, 0.02];
/** What arithmetic on doubles does to a mean of equal accuracies, generously. */
const ARITHMETIC = 1e-9;
const PERCENT = 100;

/** A run of a study. */
export interface AssembledRun {
  readonly name: string;
  readonly method: string;
  readonly sparsity: number | undefined;
  readonly seed: number;
  /** Null where training diverged; steps are those recorded, in order. */
  readonly finished: { readonly run: FinishedRun; readonly steps: readonly MeasuredStep[] } | null;
}

/** Machines of a study; those equal to the common one are known once a step is simulated. */
interface StudyMachines {
  readonly names: readonly string[];
  readonly common: string;
}

/** The result of a study, of which at least one run did not diverge. */
export function assembleStudy(runs: readonly AssembledRun[], { names, common }: StudyMachines): StudyResult {
  const all = runs.map((run) => ({ ...run, label: labelOf(run) }));
  const [first] = all.flatMap(({ finished }) => finished ?? []);
  const machines = names.map((name) => ({ name, isEqual: machineOf(first.steps[0], name).isEqual }));
  const studied = all.map((run): StudyRun => studyRun(run, names));
  const labels = [...new Set(all.map(({ label }) => label))].sort((a, b) => Number(b === DENSE) - Number(a === DENSE));
  const costs = labels.map((label) =>
    methodCosts(
      studied.filter((run) => run.label === label),
      names,
    ),
  );
  const dense = costs[0].label === DENSE ? costs[0] : undefined;
  const { network, dataset } = first.run;
  return {
    schema: STUDY_VERSION,
    network,
    ...(dataset === undefined ? {} : { dataset }),
    common,
    machines,
    notCharged: [
      ...new Set(all.flatMap(({ finished }) => finished?.steps.flatMap(({ notCharged }) => notCharged) ?? [])),
    ],
    methods: costs.map((own): StudyMethod => {
      const { method, sparsity } = all.find(({ label }) => label === own.label) as AssembledRun;
      return {
        label: own.label,
        method,
        ...(sparsity === undefined || method === DENSE ? {} : { sparsity }),
        seeds: own.runs.map(({ seed }) => seed),
        diverged: own.runs.length - own.finished.length,
        finalAccuracy: own.finalAccuracy,
        footprint: largest(own.finished),
        machines:
          own.finished.length === 0 ? [] : machines.map((machine) => methodMachine(machine, own, dense, common)),
      };
    }),
    runs: studied,
  };
}

function labelOf({ method, sparsity }: Pick<AssembledRun, "method" | "sparsity">): string {
  if (method === DENSE || sparsity === undefined) return method;
  return `${method} ${Number((PERCENT * sparsity).toFixed(6))} %`;
}

function machineOf({ machines }: MeasuredStep, name: string): MeasuredStep["machines"][number] {
  return machines.find(({ machine }) => machine === name) as MeasuredStep["machines"][number];
}

function studyRun(
  { name, label, seed, finished }: AssembledRun & { label: string },
  machines: readonly string[],
): StudyRun {
  if (finished === null) return { name, label, seed, diverged: true, machines: [] };
  const { run, steps } = finished;
  const { sampled, traces, evaluations } = run;
  return {
    ...{ name, label, seed, diverged: false, steps: sampled.steps },
    strata: sampled.strata.map(({ phase, kind, steps, recorded }) => ({ phase, kind, steps, recorded })),
    withoutInterval: sampled.withoutInterval,
    finalAccuracy: evaluations[evaluations.length - 1].accuracy,
    footprint: largest(steps) as NonNullable<StudyRun["footprint"]>,
    traces: traces.map(({ step, sha256 }) => ({ step, sha256 })),
    machines: machines.map((machine) => runMachine(machine, run, steps)),
  };
}

/** A run on a machine. */
function runMachine(machine: string, run: FinishedRun, steps: readonly MeasuredStep[]): StudyRunMachine {
  const { sampled, evaluations, testImages, traces } = run;
  const costs = steps.map((step) => machineOf(step, machine));
  const hasEnergy = costs.every(({ picojoules }) => picojoules !== undefined);
  const total = (metric: keyof StepCost, before?: number) =>
    accounts((account) =>
      sampled.total(
        costs.map((cost) => cost[metric]?.[account] as number),
        before,
      ),
    );
  const until = (metric: keyof StepCost, step: number) => values(total(metric, step));
  const images = (testImages ?? 0) * evaluations.length;
  const forward = (metric: keyof StepCost) =>
    accounts((account) => {
      const perImage = costs.map((cost, i) => (cost.forward[metric]?.[account] as number) / traces[i].batch);
      return (images * perImage.reduce((sum, each) => sum + each, 0)) / perImage.length;
    });
  return {
    machine,
    seconds: total("seconds"),
    ...(hasEnergy ? { picojoules: total("picojoules") } : {}),
    evaluation:
      testImages === null
        ? null
        : {
            ...{ evaluations: evaluations.length, images: testImages, seconds: forward("seconds") },
            ...(hasEnergy ? { picojoules: forward("picojoules") } : {}),
          },
    curve: evaluations.map(({ step, accuracy }) => ({
      ...{ step, accuracy, seconds: until("seconds", step) },
      ...(hasEnergy ? { picojoules: until("picojoules", step) } : {}),
    })),
  };
}

function values(estimates: InAccounts<Estimate>): { array: number; memory: number; step: number } {
  return accounts((account) => estimates[account].value);
}

/** The runs of a method, and their mean costs. */
interface MethodCosts {
  readonly label: string;
  readonly runs: readonly StudyRun[];
  readonly finished: readonly StudyRun[];
  readonly finalAccuracy: number | null;
  /** By machine; of the finished runs. */
  readonly machines: ReadonlyMap<string, readonly StudyRunMachine[]>;
}

function methodCosts(runs: readonly StudyRun[], machines: readonly string[]): MethodCosts {
  const finished = runs.filter(({ diverged }) => !diverged);
  const sum = finished.reduce((total, { finalAccuracy = 0 }) => total + finalAccuracy, 0);
  return {
    label: runs[0].label,
    runs,
    finished,
    finalAccuracy: finished.length === 0 ? null : sum / finished.length,
    machines: new Map(machines.map((name, i) => [name, finished.map((run) => run.machines[i])])),
  };
}

type Metric = "seconds" | "picojoules";

function meanCost({ machines }: MethodCosts, machine: string, metric: Metric) {
  const runs = machines.get(machine) ?? [];
  if (runs.length === 0 || runs.some((run) => run[metric] === undefined)) return undefined;
  return accounts((account) => meanOf(runs.map((run) => (run[metric] as InAccounts<Estimate>)[account])));
}

function methodMachine(
  { name: machine, isEqual }: StudyResult["machines"][number],
  own: MethodCosts,
  dense: MethodCosts | undefined,
  common: string,
): StudyMethodMachine {
  // Ratios are at equal steps.
  const steps = new Set([...own.finished, ...(dense?.finished ?? [])].map((run) => run.steps));
  const gain = (metric: Metric, on: string) => {
    const [mine, theirs] = [meanCost(own, machine, metric), dense && meanCost(dense, on, metric)];
    // Over itself, a run has no error of sampling.
    if (mine !== undefined && own === dense && on === machine) return accounts(() => ({ value: 1, ci95: 0 }));
    return accounts((account) =>
      steps.size > 1 || mine === undefined || theirs === undefined ? null : ratioOf(theirs[account], mine[account]),
    );
  };
  const seconds = meanCost(own, machine, "seconds") as InAccounts<Estimate>;
  const picojoules = meanCost(own, machine, "picojoules");
  const hasEnergy = picojoules !== undefined;
  return {
    machine,
    seconds,
    ...(hasEnergy ? { picojoules } : {}),
    speedup: gain("seconds", machine),
    ...(isEqual ? { speedupOverCommon: gain("seconds", common) } : {}),
    ...(hasEnergy ? { energyGain: gain("picojoules", machine) } : {}),
    toAccuracy:
      dense?.finalAccuracy == null
        ? []
        : MARGINS.map((margin) => toAccuracy(margin, { machine, isEqual, hasEnergy }, own, dense, common)),
  };
}

function toAccuracy(
  margin: number,
  { machine, isEqual, hasEnergy }: { readonly machine: string; readonly isEqual: boolean; readonly hasEnergy: boolean },
  own: MethodCosts,
  dense: MethodCosts,
  common: string,
): StudyMethodMachine["toAccuracy"][number] {
  const accuracy = (dense.finalAccuracy as number) - margin;
  const [mine, theirs, commons] = [
    arrivals(own, machine, accuracy),
    arrivals(dense, machine, accuracy),
    arrivals(dense, common, accuracy),
  ];
  const cost = (points: Arrivals, metric: Metric) =>
    accounts((account) => median(points.map((point) => (point[metric] as InAccounts<number>)[account])));
  const gain = (reference: Arrivals, metric: Metric) => {
    const [a, b] = [cost(reference, metric), cost(mine, metric)];
    return accounts((account) => quotient(a[account], b[account]));
  };
  return {
    ...{ margin, accuracy, reached: mine.length, seconds: cost(mine, "seconds") },
    ...(hasEnergy ? { picojoules: cost(mine, "picojoules") } : {}),
    speedup: gain(theirs, "seconds"),
    ...(isEqual ? { speedupOverCommon: gain(commons, "seconds") } : {}),
    ...(hasEnergy ? { energyGain: gain(theirs, "picojoules") } : {}),
  };
}

type Arrivals = readonly StudyRunMachine["curve"][number][];

/** The first evaluation of each run that reaches an accuracy; none of a run that never does. */
function arrivals({ machines }: MethodCosts, machine: string, target: number): Arrivals {
  return (machines.get(machine) ?? []).flatMap(
    ({ curve }) => curve.find(({ accuracy }) => accuracy >= target - ARITHMETIC) ?? [],
  );
}

function quotient(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b;
}

interface HasFootprint {
  readonly footprint?: StudyRun["footprint"];
}

/** The footprint that holds most; null of none. */
function largest(all: readonly HasFootprint[]): StudyMethod["footprint"] {
  const known = all.flatMap(({ footprint }) => footprint ?? []);
  return known.length === 0 ? null : known.reduce((most, each) => (each.bytes > most.bytes ? each : most));
}

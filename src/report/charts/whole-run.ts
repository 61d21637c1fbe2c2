/** Accuracy over simulated time and over simulated energy: on each machine a curve for each method, with a band over its seeds. */
import { median } from "../../core/median.ts";
import { joules, share, time } from "../numbers.ts";
import { ACCOUNT_NAMES, ACCOUNTS, type InAccounts, type StudyResult, type StudyRun } from "../whole-run/result.ts";
import { unique } from "../workloads.ts";
import { type Chart, layeredPanels, legendColumns, numbered, themed } from "./chart.ts";
import { series } from "./speedup.ts";

const HEIGHT = 240;
const WIDTH = 280;
const BAND = 0.18;
const PICO = 1e-12;
const PERCENT = 100;

type Metric = "seconds" | "picojoules";

/** The charts of one machine. */
export interface MachineCharts {
  readonly machine: string;
  readonly charts: readonly Chart[];
}

/** Two charts a machine; one where no energy is known. */
export function wholeRunCharts(study: StudyResult): MachineCharts[] {
  return study.machines.map(({ name }) => ({
    machine: name,
    charts: (["seconds", "picojoules"] as const).flatMap((metric) => accuracyChart(study, name, metric) ?? []),
  }));
}

function accuracyChart({ methods, runs }: StudyResult, machine: string, metric: Metric): Chart | null {
  const values = methods.flatMap(({ label }) =>
    curveOf(
      runs.filter((run) => run.label === label),
      machine,
      metric,
    ),
  );
  if (values.length === 0) return null;
  const isTime = metric === "seconds";
  const what = isTime ? "time" : "energy";
  const x = {
    field: "cost",
    type: "quantitative",
    title: isTime ? "simulated time (s)" : "simulated energy (J)",
    axis: { tickCount: 5, format: "~g" },
  };
  const y = {
    field: "accuracy",
    type: "quantitative",
    title: "test accuracy (%)",
    scale: { zero: false },
    axis: { tickCount: 5 },
  };
  const names = unique(values.map(({ method }) => method));
  // The band is faint, its entry in the legend is not.
  const legend = { columns: legendColumns(names), symbolOpacity: 1 };
  const channels = series("method", names);
  const [color, shape] = [channels.color, channels.shape].map((channel) => ({ ...channel, legend }));
  const layer = [
    {
      mark: { type: "area", opacity: BAND, aria: false },
      encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color },
    },
    {
      mark: { type: "line", point: { filled: true, size: 30 } },
      encoding: { x, y, color, shape, order: { field: "step" }, description: { field: "tip", type: "nominal" } },
    },
  ];
  const panels = ACCOUNTS.map((account) => ACCOUNT_NAMES[account]);
  return {
    id: `accuracy-over-${what}-${machine}`,
    title: `Accuracy over simulated ${what}: ${machine}`,
    note: `Points are evaluations: the median over seeds of accuracy and ${what}, up to which training steps count and evaluations do not. Bands reach from the lowest to the highest seed.`,
    spec: themed({
      data: { values: numbered(values, "account") },
      ...layeredPanels(panels, "account", { width: WIDTH, height: HEIGHT, layer }),
      columns: ACCOUNTS.length,
      // Each account from its own origin to its own end, so that curves are as long as they can be.
      resolve: { scale: { x: "independent" }, axis: { x: "independent", y: "independent" } },
    }),
  };
}

/** One point for each evaluation that all runs of a method have, and account. */
function curveOf(runs: readonly StudyRun[], machine: string, metric: Metric) {
  const curves = runs.flatMap(({ machines }) => machines.find((on) => on.machine === machine)?.curve ?? []);
  const count = runs.filter(({ diverged }) => !diverged).length;
  const steps = unique(curves.map(({ step }) => step)).sort((a, b) => a - b);
  const evaluated = steps
    .map((step) => curves.filter((point) => point.step === step))
    .filter((points) => points.length === count && points.every((point) => point[metric] !== undefined));
  return ACCOUNTS.flatMap((account) =>
    evaluated.map((points) => {
      const cost = median(points.map((point) => (point[metric] as InAccounts<number>)[account])) as number;
      const accuracies = points.map(({ accuracy }) => accuracy);
      const accuracy = median(accuracies) as number;
      const [{ label: method }] = runs;
      const text = metric === "seconds" ? time(cost) : joules(cost);
      return {
        ...{ method, account: ACCOUNT_NAMES[account], step: points[0].step },
        cost: metric === "seconds" ? cost : cost * PICO,
        ...{
          accuracy: PERCENT * accuracy,
          low: PERCENT * Math.min(...accuracies),
          high: PERCENT * Math.max(...accuracies),
        },
        tip: `${method}, ${ACCOUNT_NAMES[account]}, step ${points[0].step}: ${share(accuracy)} after ${text}`,
      };
    }),
  );
}

/**
 * Prints the table of coverage in docs/whole-runs.md: a run of which every step is recorded and simulated is sampled 200 times,
 * and the intervals that cover its plain sum are counted.
 *
 *     npx tsx scripts/whole-run-coverage.ts out/coverage
 *
 * The folder keeps the run, so that a second call trains and simulates nothing.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { randomStream } from "../src/core/random.ts";
import { readJsonFile } from "../src/io/file-source.ts";
import { ACCOUNTS } from "../src/report/whole-run/result.ts";
import { readRunLog } from "../src/runs/read-log.ts";
import { type RecordedStep, SampledRun } from "../src/studies/whole-run/estimate.ts";
import type { MeasuredStep } from "../src/studies/whole-run/measure.ts";
import { timeToAccuracy } from "../src/studies/whole-run/time-to-accuracy.ts";
import { StepPlan, type Stratum } from "../src/swat/step-plan.ts";

const SAMPLES = 200;
const COUNTS = [2, 3, 4, 6, 8];
const IMAGES = 320;
const SETTINGS = { epochs: 6, batchSize: 8, topKPeriod: 4 };
const RUN = "swat-u_0.9_seed1";

const [out] = process.argv.slice(2);
const machines = ["tensordash-4096", "two-sided-4096", "sigma-4096"];
const data = { network: "resnet8", data: "generated:8x8x1", limit: IMAGES, testLimit: 40 };
const train = { ...data, methods: ["swat-u"], sparsities: [0.9], seeds: [1], record: "every:1", settings: SETTINGS };
const { result } = await timeToAccuracy({ spec: { machines, train }, out });
if (result === undefined) throw new Error("interrupted");

const strata = (await readRunLog(join(out, "runs", RUN)))?.strata as readonly Stratum[];
const all = await measuredSteps();
const plan = new StepPlan({ ...SETTINGS, method: "swat-u", warmup: 0, rateWarmup: 0, schedule: scheduleOf() }, IMAGES);
const steps = all.map((_, step): RecordedStep => ({ step, phase: plan.phaseOf(step), kind: plan.kindOf(step) }));
/** What every step takes: on each machine, in each account. */
const populations = machines.flatMap((name) =>
  ACCOUNTS.map((account) =>
    all.map((step) => step.machines.find(({ machine }) => machine === name)?.seconds[account] as number),
  ),
);

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
console.log(
  `${steps.length} steps; ${strata.map(({ phase, kind, steps }) => `phase ${phase}, ${kind}: ${steps}`).join("; ")}\n`,
);
console.log(
  "| steps a stratum | recorded | intervals that cover the sum | lowest coverage | mean half-width | mean error | error at equal distances |",
);
console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const count of COUNTS) {
  const samples = Array.from({ length: SAMPLES }, (_, i) => drawn(count, i));
  const even = plan.spread(count);
  const outcomes = populations.map((values) => ({
    ...outcomeOf(samples, values),
    even: errorOf(
      steps.filter(({ step }) => even.has(step)),
      values,
    ),
  }));
  const cells = [
    ...[count, samples[0].length, percent(mean(outcomes.map(({ covered }) => covered)))],
    percent(Math.min(...outcomes.map(({ covered }) => covered))),
    ...[
      mean(outcomes.map(({ width }) => width)),
      mean(outcomes.map(({ error }) => error)),
      mean(outcomes.map((each) => each.even)),
    ].map((share) => `${(100 * share).toFixed(2)} %`),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

async function measuredSteps(): Promise<MeasuredStep[]> {
  const folder = join(out, "simulated", RUN);
  const files = (await readdir(folder)).sort();
  const read = files.map(
    async (name) => ((await readJsonFile(join(folder, name))) as { measured: MeasuredStep }).measured,
  );
  return Promise.all(read);
}

/** The default one: the rate changes where the second phase begins. */
function scheduleOf() {
  const second = strata.find(({ phase }) => phase === 1)?.from as number;
  return [
    { epoch: 0, rate: 1 },
    { epoch: second / (IMAGES / SETTINGS.batchSize), rate: 0.1 },
  ];
}

/** So many steps of each stratum by chance. */
function drawn(count: number, index: number): RecordedStep[] {
  return strata.flatMap(({ phase, kind }) => {
    const own = steps.filter((step) => step.phase === phase && step.kind === kind);
    const order = randomStream(index, `coverage of ${kind}`, phase, count).permutation(own.length);
    return [...order.subarray(0, count)].map((place) => own[place]);
  });
}

function errorOf(sample: readonly RecordedStep[], values: readonly number[]): number {
  const exact = values.reduce((sum, value) => sum + value, 0);
  const run = new SampledRun(strata, sample, RUN);
  return Math.abs(run.total(run.recorded.map(({ step }) => values[step])).value / exact - 1);
}

function outcomeOf(samples: readonly (readonly RecordedStep[])[], values: readonly number[]) {
  const exact = values.reduce((sum, value) => sum + value, 0);
  const estimates = samples.map((sample) => {
    const run = new SampledRun(strata, sample, RUN);
    return run.total(run.recorded.map(({ step }) => values[step]));
  });
  const covered = estimates.filter(({ value, ci95 }) => Math.abs(value - exact) <= (ci95 as number)).length / SAMPLES;
  const width = mean(estimates.map(({ ci95 }) => (ci95 as number) / exact));
  return { covered, width, error: mean(samples.map((sample) => errorOf(sample, values))) };
}

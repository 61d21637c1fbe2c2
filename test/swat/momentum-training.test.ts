/** What the options of SWAT-M do in training: when weights are shared, which filters live, what evaluation prunes to, what is warned of. */
import { describe, expect, it } from "vitest";
import { createBackend } from "../../src/kernels/index.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { type Method, PUBLISHED_EXEMPTIONS } from "../../src/sparsity/methods.ts";
import { SHARINGS } from "../../src/sparsity/sharing.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../src/swat/settings.ts";
import { type TrainOutcome, train } from "../../src/swat/train.ts";
import type { TrainingEvent } from "../../src/swat/training-log.ts";
import { faultsOf } from "../support/folder.ts";

const network = networkNamed("resnet8").build([1, 8, 8], 10);
const { rate, ...defaults } = TRAIN_DEFAULTS;
const data = await loadData("generated:8x8x1", { seed: 1, limit: 40, testLimit: 30 });
const BATCH = 8;

interface Run extends TrainOutcome {
  readonly events: readonly TrainingEvent[];
  readonly warnings: readonly string[];
  /** Sparsity of each layer after each step, that its next ranking takes. */
  readonly shared: readonly (readonly (number | null)[])[];
}

const runs = new Map<string, Promise<Run>>();

/** Two epochs of five steps with a period of 2 on one thread; every step is logged. The same run is done once. */
function runOf(method: Method, change: Partial<TrainSettings> = {}): Promise<Run> {
  const key = JSON.stringify([method, Object.entries({ topKPeriod: 2, ...change }).sort()]);
  const run = runs.get(key) ?? newRun(method, change);
  runs.set(key, run);
  return run;
}

async function newRun(method: Method, change: Partial<TrainSettings>): Promise<Run> {
  const events: TrainingEvent[] = [];
  const warnings: string[] = [];
  const shared: (number | null)[][] = [];
  const settings = { ...defaults, ...PUBLISHED_EXEMPTIONS[method], method, epochs: 2, schedule: [{ epoch: 0, rate }] };
  const run = { ...settings, sparsity: 0.9, topKPeriod: 2, batchSize: BATCH, ...change };
  const outcome = await train(network, data, run, createBackend("js", 1), {
    records: () => true,
    checkpointEvery: 1,
    async onEvent(event) {
      events.push(event);
    },
    async onCheckpoint({ layers }) {
      shared.push(layers.map(({ sparsity }) => sparsity));
    },
    onWarning: (text) => warnings.push(text),
  });
  return { ...outcome, events, warnings, shared };
}

const isEpoch = ({ event }: TrainingEvent) => event === "epoch";

describe("sharing", () => {
  it("before refreshes only leaves sparsities as they are in all other steps", async () => {
    const { shared } = await runOf("swat-m", { shareAt: "refresh" });
    const moved = shared.map((now, step) => step === 0 || String(now) !== String(shared[step - 1]));
    // Steps 0, 2 and 4 of an epoch refresh: sharing follows steps 1, 3 and 4.
    expect(
      moved
        .slice(1)
        .map((has, i) => (has ? i + 1 : -1))
        .filter((step) => step > 0),
    ).toEqual([1, 3, 4, 6, 8, 9]);
  });

  it("of the authors moves sparsities after every step", async () => {
    const { shared } = await runOf("swat-m");
    expect(new Set(shared.map(String)).size).toBe(shared.length);
  });

  it("that is stable keeps to the budget and to its bound on growth at every refresh", async () => {
    const { events, shared } = await runOf("swat-m", SHARINGS.stable);
    const sizes = events[0].layers.map(({ weights }) => weights);
    const budget = keepCount(
      0.9,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    const kept = shared.map((sparsities) => sparsities.map((sparsity, i) => keepCount(Number(sparsity), sizes[i])));
    // Step 0 is followed by no sharing yet.
    const sums = kept.slice(1).map((counts) => counts.reduce((sum, count) => sum + count, 0));
    expect(sums).toEqual(sums.map(() => budget));
    for (const [step, counts] of kept.slice(1).entries()) {
      counts.forEach((count, i) => {
        const before = kept[step][i];
        expect(count, `step ${step + 1}, layer ${i}`).toBeLessThanOrEqual(Math.ceil(1.1 * before));
      });
    }
  });
});

describe("filters", () => {
  it("of a very sparse network die, which is counted layer by layer; kept ones do not", async () => {
    const dying = await runOf("swat-u", { sparsity: 0.99 });
    const kept = await runOf("swat-u", { sparsity: 0.99, keepFilters: true });
    const dead = ({ events }: Run) => events.filter(isEpoch).map(({ layers }) => layers.map((one) => one.deadFilters));
    expect(dead(dying)[0].some((count) => count > 0)).toBe(true);
    expect(
      dead(kept)
        .flat()
        .every((count) => count === 0),
    ).toBe(true);
    expect(dying.health.epochs.map(({ deadFilters }) => deadFilters)).toEqual(
      dead(dying).map((counts) => counts.reduce((sum, count) => sum + count, 0)),
    );
  });

  it("that are pruned as a whole are counted, too", async () => {
    const { events } = await runOf("swat-u", { pruning: "filter" });
    const { layers } = events.filter(isEpoch)[0];
    for (const { layer, filters, deadFilters } of layers.slice(1, -1)) {
      expect(deadFilters, layer).toBe(filters - keepCount(0.9, filters));
    }
  });

  it("stay what they are in an evaluation and in the final pruning", async () => {
    const { model } = await runOf("swat-u", { sparsity: 0.99, keepFilters: true });
    for (const { name, sparseWeight, weight } of model.swatLayers) {
      const size = sparseWeight.length / weight.shape[0];
      for (let k = 0; k < weight.shape[0]; k++) {
        expect(
          sparseWeight.subarray(k * size, (k + 1) * size).some((value) => value !== 0),
          `${name} ${k}`,
        ).toBe(true);
      }
    }
  });
});

describe("the log", () => {
  it("gives the largest magnitude of all weights, kept or not, and the health of the last epoch with the run", async () => {
    const { events, health } = await runOf("swat-m", { epochs: 1 });
    const { layers } = events.filter(isEpoch)[0];
    expect(layers.every(({ largestWeight }) => largestWeight > 0 && largestWeight < 10)).toBe(true);
    expect(health.layers).toEqual(layers.map(({ savedInputDensity, ...rest }) => rest));
    const [epoch] = health.epochs;
    expect(epoch.largestWeight).toBe(Math.max(...layers.map(({ largestWeight }) => largestWeight)));
    const kept = layers.reduce((sum, { weightDensity, weights }) => sum + weightDensity * weights, 0);
    expect(epoch.weightDensity).toBeCloseTo(kept / layers.reduce((sum, { weights }) => sum + weights, 0), 12);
  });
});

describe("the warning of exploding weights", () => {
  it("comes once", async () => {
    const { warnings } = await runOf("dense", { schedule: [{ epoch: 0, rate: 300 }], weightDecay: 0 });
    expect(warnings).toEqual([expect.stringMatching(/^epoch 0: weights explode, largest \|weight\| \S+ \d/)]);
  });

  it("comes where the authors' sharing collapses, and not where SWAT-U empties filters and learns", async () => {
    const images = await loadData("generated:12x12x1", { seed: 1, limit: 200, testLimit: 30 });
    const larger = networkNamed("resnet8").build([1, 12, 12], 10);
    const runOfFourEpochs = async (method: Method, sparsity: number) => {
      const warnings: string[] = [];
      const recipe = { ...defaults, ...PUBLISHED_EXEMPTIONS[method], batchSize: 16, topKPeriod: 10 };
      const settings = { ...recipe, method, sparsity, epochs: 4, schedule: [{ epoch: 0, rate }] };
      const onWarning = (text: string) => warnings.push(text);
      const { epochLosses, health } = await train(larger, images, settings, createBackend("simd", 1), { onWarning });
      return { warnings, learns: epochLosses[3] < Math.log(10), dead: health.epochs.map((one) => one.deadFilters) };
    };
    const collapsed = await runOfFourEpochs("swat-m", 0.95);
    const warning = /^epoch \d: weights explode.* \d+ \(\d+ of \d+ filters without a weight\).*; see docs\/swat-m\.md$/;
    expect(collapsed.warnings).toEqual([expect.stringMatching(warning)]);
    expect(collapsed.learns).toBe(false);
    const healthy = await runOfFourEpochs("swat-u", 0.9);
    expect(healthy.warnings).toEqual([]);
    expect(healthy.learns).toBe(true);
    expect(healthy.dead.every((count) => count > 0)).toBe(true);
  });
});

describe("evaluation", () => {
  const keptOf = ({ finalPruning }: Run) => finalPruning?.layers.map(({ kept }) => kept);

  const readOf = ({ events }: Run) =>
    events.filter(isEpoch)[1].layers.map(({ weightDensity, weights }) => Math.round(weightDensity * weights));

  it.each([1, 2, 100])("with a period of %i keeps as many weights as the last step read", async (topKPeriod) => {
    const run = await runOf("swat-m", { topKPeriod });
    expect(keptOf(run)).toEqual(readOf(run));
  });

  it("of weights pruned in units keeps as many as the last step read", async () => {
    const run = await runOf("swat-m", { pruning: "channel" });
    expect(keptOf(run)).toEqual(readOf(run));
  });

  it("as the authors do keeps what was shared after the last step, and trains the same", async () => {
    const [ours, theirs] = [await runOf("swat-m"), await runOf("swat-m", { evaluation: "authors" })];
    const shared = theirs.shared.at(-1) as number[];
    const { layers } = theirs.events[0];
    expect(keptOf(theirs)).toEqual(shared.map((sparsity, i) => keepCount(sparsity, layers[i].weights)));
    expect(keptOf(theirs)).not.toEqual(keptOf(ours));
    const parameters = ({ model }: Run) => model.parameters.map(({ values }) => Array.from(values));
    expect(parameters(theirs)).toEqual(parameters(ours));
  });

  it("of methods that share nothing keeps what was asked for, whatever thresholds were reused", async () => {
    const run = await runOf("swat-u", { topKPeriod: 100 });
    const asked = run.events[0].layers.slice(1).map(({ weights }) => keepCount(0.9, weights));
    expect(keptOf(run)?.slice(1)).toEqual(asked);
  });

  it("gives the same with methods that share nothing", async () => {
    const [ours, theirs] = [await runOf("swat-u"), await runOf("swat-u", { evaluation: "authors" })];
    expect(theirs.testAccuracy).toBe(ours.testAccuracy);
    expect(keptOf(theirs)).toEqual(keptOf(ours));
  });
});

describe("options of sharing", () => {
  it("are refused where they could change nothing, all at once", async () => {
    const shares = { shareBy: "mean", shareGrowth: 2, shareAt: "step" } as const;
    expect(await faultsOf(() => runOf("swat-erk", shares))).toEqual([
      "shareBy: only swat-m shares weights, got mean with method swat-erk; valid: method swat-m",
      "shareGrowth: only swat-m shares weights, got 2 with method swat-erk; valid: method swat-m",
      "shareAt: only swat-m shares weights, got step with method swat-erk; valid: method swat-m",
    ]);
    expect(await faultsOf(() => runOf("swat-m", { keepFilters: true, pruning: "filter" }))).toEqual([
      "keepFilters: pruning filter empties filters, got true; valid: pruning unstructured or channel",
    ]);
    expect(await faultsOf(() => runOf("dense", { keepFilters: true }))).toEqual([
      "keepFilters: dense training empties no filter, got true; valid: a sparse method",
    ]);
  });
});

/** A run that goes on from a checkpoint after any step ends as if it had never stopped, bit by bit. */
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend, defaultBuild } from "../../src/kernels/index.ts";
import { networkNamed } from "../../src/networks/index.ts";
import type { NOfM } from "../../src/sparsity/masks/n-of-m.ts";
import { patternOf } from "../../src/sparsity/masks/nm.ts";
import { SHARINGS } from "../../src/sparsity/sharing.ts";
import { exemptionsOf } from "../../src/sparsity/training-methods.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../src/swat/checkpoint.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../src/swat/settings.ts";
import type { TrainState } from "../../src/swat/state.ts";
import { prepareTraining, type ResumedState, type TrainHooks } from "../../src/swat/train.ts";
import type { TrainingEvent } from "../../src/swat/training-log.ts";

/** Two epochs of three steps, the last of each with fewer images; refreshes in steps 0 and 2 of an epoch. */
const data = await loadData("generated:12x12x1", { seed: 1, limit: 20, testLimit: 20 });
const STEPS = 6;
const { rate, ...defaults } = TRAIN_DEFAULTS;
const NO_EPOCH = { weightDensity: 0, deadFilters: 0, largestWeight: 0 };
const common = {
  ...defaults,
  sparsity: 0.7,
  epochs: 2,
  batchSize: 8,
  topKPeriod: 2,
  schedule: [
    { epoch: 0, rate },
    { epoch: 1, rate: rate / 2 },
  ],
} satisfies TrainSettings;
const settingsOf = (change: Partial<TrainSettings>): TrainSettings => ({
  ...common,
  ...exemptionsOf(change.method ?? common.method, change.methodOptions),
  ...change,
});

const nmSettings = (pruning: string, options: object): Partial<TrainSettings> => {
  const { n, m } = patternOf(pruning) as NOfM;
  const methodOptions = { lambda: 2e-4, transposable: "none", ...options };
  return { method: "nm", pruning, sparsity: 1 - n / m, methodOptions };
};
const RIGL_OPTIONS = { distribution: "erk", deltaT: 2, alpha: 0.3, beginStep: 0, endStep: 6 };
const riglSettings: Partial<TrainSettings> = { method: "rigl", methodOptions: RIGL_OPTIONS };

interface Run {
  readonly events: TrainingEvent[];
  /** By the step that was recorded, and by the steps that were done. */
  readonly traces: Map<number, Uint8Array>;
  readonly checkpoints: Map<number, Uint8Array>;
  readonly results: unknown;
}

async function run(
  network: string,
  settings: TrainSettings,
  { resume, ...hooks }: TrainHooks & { resume?: ResumedState } = {},
): Promise<Run> {
  const [events, traces, checkpoints] = [[] as TrainingEvent[], new Map(), new Map()];
  const graph = networkNamed(network).build([1, 12, 12], 10);
  const outcome = await prepareTraining(
    graph,
    data,
    settings,
    createBackend(defaultBuild(), 1),
    resume,
  )({
    records: () => true,
    checkpointEvery: 1,
    async onEvent(event) {
      events.push(event);
    },
    async onTrace(step, bytes) {
      traces.set(step, bytes);
    },
    async onCheckpoint(state, steps) {
      checkpoints.set(state.stepsDone, encodeCheckpoint({ run: description(network, settings, steps), state }));
    },
    ...hooks,
  });
  const { model, ...results } = outcome;
  return { events, traces, checkpoints, results };
}

function description(network: string, settings: TrainSettings, steps: number): Checkpoint["run"] {
  const images = { train: 20, test: 20, channels: 1, height: 12, width: 12, classes: 10 };
  const files = { traces: [], logLines: 0, logCsv: false };
  return { network, data: "generated:12x12x1", images, settings, kernels: defaultBuild(), steps, ...files };
}

async function stateAfter(steps: number, { checkpoints }: Run): Promise<TrainState> {
  const bytes = checkpoints.get(steps) as Uint8Array;
  return (await decodeCheckpoint(memorySource("checkpoint", bytes))).state;
}

describe("a run that goes on", () => {
  it.each<[string, string, Partial<TrainSettings>]>([
    ["dense, with dropout", "wrn10-1", { method: "dense", sparsity: 0 }],
    [
      "swat-u, with dropout, augmentation and warm-ups",
      "wrn10-1",
      { augment: ["crop", "flip"], warmup: 1, rateWarmup: 1 },
    ],
    ["swat-erk", "resnet8", { method: "swat-erk", nesterov: true }],
    ["swat-m, with dropout", "wrn10-1", { method: "swat-m" }],
    ["swat-m evaluated as the authors do", "resnet8", { method: "swat-m", evaluation: "authors" }],
    ["AdamW with a cosine", "resnet8", { optimizer: "adamw", schedule: [{ epoch: 0, rate }], rateDecay: "cosine" }],
    ["stable swat-m", "resnet8", { method: "swat-m", ...SHARINGS.stable }],
    ["inputs forward and gradients", "resnet8", { drop: ["inputs:forward", "outputGrad:backward"] }],
    ["channels of swat-u", "resnet8", { pruning: "channel" }],
    ["meprop", "resnet8", { method: "meprop" }],
    ["n:m, selecting in every step", "resnet8", nmSettings("2:4", { period: 1 })],
    ["transposable n:m between selections", "resnet8", nmSettings("2:4", { period: 2, transposable: "exact" })],
    ["rigl, whose masks change in every other step", "resnet8", riglSettings],
    [
      "topkast between selections",
      "resnet8",
      { method: "topkast", methodOptions: { backwardSparsity: 0.4, period: 4 } },
    ],
    ["filters of swat-m", "resnet8", { method: "swat-m", pruning: "filter", labelSmoothing: 0.1 }],
  ])("of %s gives the same after any step", async (_, network, change) => {
    const settings = settingsOf(change);
    const whole = await run(network, settings);
    expect([...whole.checkpoints.keys()]).toEqual([1, 2, 3, 4, 5, 6]);
    for (let steps = 1; steps <= STEPS; steps++) {
      const state = await stateAfter(steps, whole);
      const rest = await run(network, settings, { resume: { state, where: "checkpoint" } });
      expect(rest.results).toEqual(whole.results);
      expect(rest.events).toEqual(whole.events.filter(({ step }) => step >= steps));
      expect([...rest.traces.keys()]).toEqual([...whole.traces.keys()].filter((step) => step >= steps));
      for (const [step, bytes] of rest.traces) expect(equal(bytes, whole.traces.get(step)), `trace ${step}`).toBe(true);
      for (const [done, bytes] of rest.checkpoints)
        expect(equal(bytes, whole.checkpoints.get(done)), `checkpoint ${done}, resumed at ${steps}`).toBe(true);
      expect(rest.checkpoints.has(STEPS)).toBe(steps < STEPS);
    }
  });

  it("goes on from where a signal stopped it, with the state that it would have saved there anyway", async () => {
    const settings = settingsOf({ method: "swat-m" });
    const whole = await run("resnet8", settings);
    for (let steps = 0; steps < STEPS; steps++) {
      const abort = new AbortController();
      if (steps === 0) abort.abort();
      const stopped = await run("resnet8", settings, {
        checkpointEvery: undefined,
        signal: abort.signal,
        onProgress: ({ step }) => step === steps && abort.abort(),
      });
      const last = stopped.checkpoints.get(steps) as Uint8Array;
      if (steps > 0) expect(equal(last, whole.checkpoints.get(steps))).toBe(true);
      const resume = { state: await stateAfter(steps, stopped), where: "checkpoint" };
      const rest = await run("resnet8", settings, { resume });
      expect(equal(rest.checkpoints.get(STEPS) as Uint8Array, whole.checkpoints.get(STEPS))).toBe(true);
      expect([...stopped.events, ...rest.events]).toEqual(whole.events);
    }
  });

  it("trains the same, evaluated only at the end; of a stop between, too", async () => {
    const settings = settingsOf({ epochs: 3, schedule: [{ epoch: 0, rate }] });
    const often = await run("resnet8", settings);
    const once = await run("resnet8", settings, { evaluateEvery: 5 });
    const accuracies = ({ events }: Run) => events.filter(({ event }) => event === "epoch").map((e) => e.testAccuracy);
    expect(accuracies(often)).not.toContain(undefined);
    expect(accuracies(once)).toEqual([undefined, undefined, accuracies(often)[2]]);
    expect(once.results).toEqual(often.results);
    for (const [steps, bytes] of once.checkpoints) expect(equal(bytes, often.checkpoints.get(steps))).toBe(true);
    const abort = new AbortController();
    const onProgress = ({ step }: { step: number }) => step === 3 && abort.abort();
    const { results } = await run("resnet8", settings, { evaluateEvery: 5, signal: abort.signal, onProgress });
    expect(results).toMatchObject({ stepsDone: 3, testAccuracy: accuracies(often)[0] });
  });

  it("ends differently where any part of the state is another", async () => {
    const settings = settingsOf({ method: "swat-m", ...SHARINGS.stable, shareAt: "step" });
    const whole = await run("resnet8", settings);
    const parts: Record<string, (state: TrainState) => TrainState> = {
      lossSum: (state) => ({ ...state, lossSum: 0 }),
      health: (state) => ({ ...state, health: { epochs: [{ ...NO_EPOCH, epoch: 7 }], layers: [] } }),
      // Of linear layers, which rank in the next step; convolutions rank after the next sharing.
      sparsity: withLayers((layer) => ({ ...layer, sparsity: 0.5 })),
      rankedWeightSparsity: withLayers((layer) => ({ ...layer, rankedWeightSparsity: 0.5 })),
      weightThreshold: withLayers((layer) => ({ ...layer, weightThreshold: 0 })),
      inputThreshold: withLayers((layer) => ({ ...layer, inputThreshold: 0 })),
      momenta: withTensors(/:momentum$/),
      weights: withTensors(/conv1\.weight$/),
      runningMeans: withTensors(/running_mean$/),
      runningVariances: withTensors(/running_var$/),
    };
    for (const [name, change] of Object.entries(parts)) {
      const state = change(await stateAfter(1, whole));
      const { checkpoints } = await run("resnet8", settings, { resume: { state, where: "checkpoint" } });
      expect(equal(checkpoints.get(STEPS) as Uint8Array, whole.checkpoints.get(STEPS)), name).toBe(false);
    }
  });
});

describe("the masks of a checkpoint", () => {
  const options = { backwardSparsity: 0.4, period: 4 };

  it.each<[string, Partial<TrainSettings>, string[]]>([
    ["n:m", nmSettings("2:4", { period: 4 }), ["active"]],
    ["rigl", riglSettings, ["active"]],
    ["topkast", { method: "topkast", methodOptions: options }, ["active", "wanted"]],
  ])("of %s decide how its run ends", async (_, change, keys) => {
    const settings = settingsOf(change);
    const whole = await run("resnet8", settings);
    const state = await stateAfter(1, whole);
    const masks = state.tensors.filter(({ values }) => values instanceof Uint8Array);
    expect([...new Set(masks.map(({ name }) => name.split(":")[1]))].sort()).toEqual(keys);
    const turned = state.tensors.map((tensor) => {
      const { values } = tensor;
      return values instanceof Uint8Array ? { ...tensor, values: values.map((one) => 1 - one) } : tensor;
    });
    const resume = { state: { ...state, tensors: turned }, where: "checkpoint" };
    const { checkpoints } = await run("resnet8", settings, { resume });
    expect(equal(checkpoints.get(STEPS) as Uint8Array, whole.checkpoints.get(STEPS))).toBe(false);
  });

  it("are refused where they are no masks, or missing", async () => {
    const settings = settingsOf(riglSettings);
    const state = await stateAfter(1, await run("resnet8", settings));
    const isFirst = ({ name }: { name: string }) => name === "layer1.0.conv1.weight:active";
    const change = (values: Uint8Array | Float32Array) => ({
      ...state,
      tensors: state.tensors.map((tensor) => (isFirst(tensor) ? { ...tensor, values } : tensor)),
    });
    const size = state.tensors.find(isFirst)?.values.length as number;
    const resumed = (changed: TrainState) => run("resnet8", settings, { resume: { state: changed, where: "file" } });
    await expect(resumed(change(new Uint8Array(size).fill(7)))).rejects.toThrow(
      /^file: tensor "layer1.0.conv1.weight:active" is a mask, got 7; valid: 0 and 1$/,
    );
    await expect(resumed(change(new Float32Array(size)))).rejects.toThrow(/another type, got F32; valid: U8 \[/);
    const without = { ...state, tensors: state.tensors.filter((tensor) => !isFirst(tensor)) };
    await expect(resumed(without)).rejects.toThrow(/:active" is missing; valid: U8 \[/);
  });

  it("holding other numbers of connections end in a run like any other", async () => {
    const settings = settingsOf(riglSettings);
    const state = await stateAfter(1, await run("resnet8", settings));
    const emptied = state.tensors.map((tensor) =>
      tensor.values instanceof Uint8Array ? { ...tensor, values: new Uint8Array(tensor.values.length) } : tensor,
    );
    const resume = { state: { ...state, tensors: emptied }, where: "file" };
    expect((await run("resnet8", settings, { resume })).results).toMatchObject({ stepsDone: STEPS });
  });
});

describe("a checkpoint", () => {
  it("never holds a NaN or an infinity: the run ends there", async () => {
    const settings = settingsOf({ momentum: 0, schedule: [{ epoch: 0, rate: 3e38 }], weightDecay: 100 });
    await expect(run("lenet5", settings)).rejects.toThrow(
      /^step 0: parameter [a-z0-9.]+: NaN or infinity after the update; lower the learning rate$/,
    );
  });
});

function withLayers(change: (layer: TrainState["layers"][number]) => TrainState["layers"][number]) {
  return (state: TrainState): TrainState => ({ ...state, layers: state.layers.map(change) });
}

/** Halves the tensors whose names match. */
function withTensors(pattern: RegExp) {
  return (state: TrainState): TrainState => ({
    ...state,
    tensors: state.tensors.map((tensor) =>
      pattern.test(tensor.name)
        ? { ...tensor, values: Float32Array.from(tensor.values, (value) => value / 2) }
        : tensor,
    ),
  });
}

function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.from(a).equals(b);
}

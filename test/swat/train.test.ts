import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { recordSelection } from "../../src/swat/record-selection.ts";
import { defaultSchedule, rateAt, TRAIN_DEFAULTS, type TrainSettings } from "../../src/swat/settings.ts";
import { StepPlan } from "../../src/swat/step-plan.ts";
import { train } from "../../src/swat/train.ts";
import { isMacOp } from "../../src/trace/manifest.ts";
import { openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;

interface Run {
  readonly traces: Trace[];
  readonly bytes: Uint8Array[];
  readonly losses: readonly number[];
  readonly accuracy: number;
  readonly stepsDone: number;
}

interface RunOptions {
  readonly limit?: number;
  readonly network?: string;
  readonly record?: string;
  readonly signal?: AbortSignal;
}

async function run(change: Partial<TrainSettings> = {}, options: RunOptions = {}): Promise<Run> {
  const { limit = 24, signal } = options;
  const epochs = change.epochs ?? 1;
  const settings = { ...defaults, epochs, schedule: defaultSchedule(epochs, rate), ...change };
  const data = await loadData("generated:12x12x1", { seed: settings.seed, limit, testLimit: 40 });
  const network = networkNamed(options.network ?? "resnet8").build([1, 12, 12], 10);
  const bytes: Uint8Array[] = [];
  const outcome = await train(network, data, settings, createBackend(), {
    records: recordSelection(options.record ?? "every:1"),
    async onTrace(_, trace) {
      bytes.push(trace);
    },
    ...(signal === undefined ? {} : { signal }),
  });
  const traces = await Promise.all(bytes.map((trace, i) => openTrace(memorySource(`step ${i}`, trace))));
  return { traces, bytes, losses: outcome.epochLosses, accuracy: outcome.testAccuracy, stepsDone: outcome.stepsDone };
}

describe("training", () => {
  it("gives the same traces, losses and accuracy for the same seed, others for another", async () => {
    const [first, second, other] = [await run(), await run(), await run({ seed: 2 })];
    expect(second.bytes).toEqual(first.bytes);
    expect(second.losses).toEqual(first.losses);
    expect(second.accuracy).toBe(first.accuracy);
    expect(other.losses).not.toEqual(first.losses);
  });

  it("stops at a NaN or an infinity, naming the step and the layer it came from", async () => {
    const schedule = [{ epoch: 0, rate: 1e30 }];
    await expect(run({ schedule }, { limit: 80 })).rejects.toThrow(
      /^step \d+: layer [a-z0-9.]+: NaN or infinity \(loss .*\); lower the learning rate$/,
    );
  });

  it("learns", async () => {
    const { losses } = await run({ epochs: 5, sparsity: 0.5 }, { limit: 320, network: "lenet5", record: "last" });
    expect(losses[4]).toBeLessThan(0.9 * losses[0]);
  });

  it("stops after the current step when it is told to", async () => {
    const abort = new AbortController();
    abort.abort();
    expect((await run({}, { signal: abort.signal })).stepsDone).toBe(0);
  });
});

describe("a recorded step", () => {
  it("verifies, and holds every pass of every layer but the input gradient of the first", async () => {
    const { traces } = await run();
    const layers = layersOf(networkNamed("resnet8").build([1, 12, 12], 10)).map(({ name }) => name);
    for (const trace of traces) {
      expect(await verifyTrace(trace)).toEqual([]);
      const ops = trace.manifest.ops.filter(isMacOp).map(({ layer, pass }) => `${layer} ${pass}`);
      const expected = layers.flatMap((layer) =>
        ["forward", "inputGrad", "weightGrad"].map((pass) => `${layer} ${pass}`),
      );
      expect([...ops].sort()).toEqual(expected.filter((op) => op !== "conv1 inputGrad").sort());
      const kinds = new Set(trace.manifest.ops.map(({ kind }) => kind));
      expect([...kinds].sort()).toEqual([
        "add",
        "averagePool",
        "batchNorm",
        "conv",
        "linear",
        "loss",
        "optimizer",
        "relu",
      ]);
    }
  });

  it("has the asked sparsity in weights and saved inputs, and a dense first layer", async () => {
    const [{ manifest, tensor }] = (await run({ sparsity: 0.75 })).traces;
    for (const op of manifest.ops.filter(isMacOp)) {
      const { shape, nonzeros } = tensor((op.pass === "weightGrad" ? op.operands.input : op.operands.weight) as string);
      const size = shape.reduce((a, b) => a * b, 1);
      // ceil of the kept share of all elements; saved inputs may have fewer where ReLU left fewer.
      const kept = op.layer === "conv1" ? size : Math.ceil(0.25 * size);
      if (op.pass !== "weightGrad") expect(nonzeros).toBe(kept);
      else if (op.layer !== "conv1") expect(nonzeros).toBeLessThanOrEqual(kept);
    }
  });

  it("says what kind of step it is, and in which phase", async () => {
    const schedule = [
      { epoch: 0, rate: 0.05 },
      { epoch: 1, rate: 0.005 },
    ];
    const { traces } = await run({ epochs: 2, schedule, topKPeriod: 2 }, { limit: 48 });
    const said = traces.map(({ manifest: { phase, stepKind, refreshed } }) => [phase, stepKind, refreshed]);
    const epoch = (phase: number) => ["refresh", "reuse", "refresh"].map((kind) => [phase, kind, kind === "refresh"]);
    expect(said).toEqual([...epoch(0), ...epoch(1)]);
    const dense = await run({ method: "dense", sparsity: 0 });
    expect(dense.traces.map(({ manifest }) => manifest.stepKind)).toEqual(["dense", "dense"]);
  });

  it("of dense training has dense weights, and saves what it read", async () => {
    const [{ manifest, tensor }] = (await run({ method: "dense", sparsity: 0 })).traces;
    for (const op of manifest.ops.filter(isMacOp)) {
      if (op.pass === "forward") expect(tensor(op.operands.weight as string).mask).toBeUndefined();
      if (op.pass !== "weightGrad") continue;
      const forward = manifest.ops.find(
        (other) => isMacOp(other) && other.layer === op.layer && other.pass === "forward",
      );
      expect(op.operands.input).toBe(forward && isMacOp(forward) && forward.operands.input);
    }
  });
});

describe("settings", () => {
  it("the default schedule drops the rate tenfold for the last third", () => {
    expect(defaultSchedule(3, 0.05)).toEqual([
      { epoch: 0, rate: 0.05 },
      { epoch: 2, rate: 0.005 },
    ]);
    expect(defaultSchedule(1, 0.05)).toEqual([{ epoch: 0, rate: 0.05 }]);
    expect([0, 1, 2, 3].map((epoch) => rateAt(defaultSchedule(3, 0.05), epoch))).toEqual([0.05, 0.05, 0.005, 0.005]);
  });

  it.each([
    ["last", [9]],
    ["every:4", [0, 4, 8]],
    ["steps:0,5,5,12", [0, 5]],
    // Two phases, of 8 and 2 steps; the first step of an epoch refreshes, the second does not.
    ["stratified:1", [2, 3, 6, 7, 8, 9]],
    ["stratified:3", [0, 1, 4, 5, 6, 7, 8, 9]],
  ])("--record %s selects steps %o of ten", (text, expected) => {
    const selects = recordSelection(text);
    const plan = new StepPlan({ ...defaults, epochs: 5, batchSize: 2, schedule: defaultSchedule(5, rate) }, 4);
    expect([...Array(10).keys()].filter((step) => selects(step, plan))).toEqual(expected);
  });

  it.each(["first", "every:0", "every:", "steps:", "steps:1,", "steps:-1", "stratified:0", "stratified"])(
    "--record %s is refused",
    (text) => {
      expect(() => recordSelection(text)).toThrow(`got "${text}"; known: last, every:N, steps:A,B,…, stratified:K`);
    },
  );
});

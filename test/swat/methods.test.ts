/** What each method and way of pruning does in training, and how settings move the parameters. */
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { layersOf, parameterShape } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { erdosRenyiKernelSparsities } from "../../src/sparsity/erdos-renyi.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { type Method, PUBLISHED_EXEMPTIONS } from "../../src/sparsity/methods.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { DivergenceError } from "../../src/swat/divergence-error.ts";
import { evaluate } from "../../src/swat/evaluate.ts";
import { Model } from "../../src/swat/model.ts";
import { MomentumSharing } from "../../src/swat/momentum-sharing.ts";
import {
  ADAMW_RATE,
  checkOptimizer,
  checkSchedule,
  defaultSchedule,
  rateOfStep,
  TRAIN_DEFAULTS,
  type TrainSettings,
  trainSettings,
} from "../../src/swat/settings.ts";
import { type TrainOutcome, train } from "../../src/swat/train.ts";
import { openTrace } from "../../src/trace/trace.ts";

const network = networkNamed("resnet8").build([1, 8, 8], 10);
const layers = layersOf(network);
const { rate, ...defaults } = TRAIN_DEFAULTS;
const data = await loadData("generated:8x8x1", { seed: 1, limit: 48, testLimit: 20 });

/** Two epochs of three steps on one thread. */
function outcomeOf(method: Method, change: Partial<TrainSettings> = {}): Promise<TrainOutcome> {
  const settings = { ...defaults, ...PUBLISHED_EXEMPTIONS[method], method, epochs: 2, schedule: [{ epoch: 0, rate }] };
  return train(network, data, { ...settings, sparsity: 0.8, ...change }, createBackend("js", 1));
}

function parametersOf({ model }: TrainOutcome): number[][] {
  return model.parameters.map(({ values }) => Array.from(values));
}

describe("a method", () => {
  it("swat-erk keeps of every layer what its shape is worth", async () => {
    const { finalPruning } = await outcomeOf("swat-erk");
    const exempt = PUBLISHED_EXEMPTIONS["swat-erk"];
    const sparsities = erdosRenyiKernelSparsities(layers.map(parameterShape), 0.8, exempt);
    finalPruning?.layers.forEach(({ kept, weights }, i) => {
      expect(kept).toBe(keepCount(sparsities[i], weights));
    });
    expect(finalPruning?.density).toBeCloseTo(0.2, 3);
  });

  it("swat-m moves sparsity among layers, but leaves those that are asked to stay dense", async () => {
    const exempt = { firstLayerDense: true, lastLayerDense: true, evaluation: "authors" } as const;
    const { model, finalPruning } = await outcomeOf("swat-m", exempt);
    const sparsities = model.swatLayers.map(({ sparsity }) => sparsity);
    expect([sparsities[0], sparsities.at(-1)]).toEqual([0, 0]);
    expect(new Set(sparsities.slice(1, -1)).size).toBeGreaterThan(2);
    finalPruning?.layers.forEach(({ kept, weights }, i) => {
      expect(kept).toBe(keepCount(sparsities[i] as number, weights));
    });
  });

  it("swat-m without momentum is refused", async () => {
    await expect(outcomeOf("swat-m", { momentum: 0 })).rejects.toThrow(
      /^momentum: swat-m .* got 0; valid: more than 0$/,
    );
  });

  it("swat-m names the layer whose momentum is no number", () => {
    const sparsities = layers.map(() => 0.8);
    const model = new Model(network, 4, createBackend("js", 1), sparsities);
    model.initialise(1);
    const sharing = new MomentumSharing(model.swatLayers, 0.8, PUBLISHED_EXEMPTIONS["swat-m"]);
    model.parameters.find(({ name }) => name === "layer2.0.conv1.weight")?.grad.fill(Number.NaN);
    model.update({ learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 1e-3 }, sharing);
    expect(() => sharing.share()).toThrow(new DivergenceError("layer layer2.0.conv1: NaN or infinity in its momentum"));
  });

  it("swat-m ends in divergence where a momentum overflows", async () => {
    const fault = await outcomeOf("swat-m", { weightDecay: 1e45 }).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(DivergenceError);
    expect((fault as Error).message).toMatch(/^step 0: layer [a-z0-9.]+: NaN or infinity in its momentum$/);
  });

  it("dense prunes nothing", async () => {
    expect((await outcomeOf("dense", { sparsity: 0 })).finalPruning).toBeNull();
  });
});

/** `weight` with all but the units of the largest Σ|w| zeroed, found by sorting. */
function largestUnits(weight: Float32Array, size: number, sparsity: number): Float32Array {
  const scores = Array.from({ length: weight.length / size }, (_, unit) =>
    weight.subarray(unit * size, (unit + 1) * size).reduce((sum, value) => sum + Math.abs(value), 0),
  );
  const kept = scores.toSorted((a, b) => b - a).slice(0, keepCount(sparsity, scores.length));
  return weight.map((value, i) => (kept.includes(scores[Math.floor(i / size)]) ? value : 0));
}

describe("structured pruning", () => {
  it.each(["channel", "filter"] as const)(
    "by %s leaves whole units of convolutions in the evaluation after training",
    async (pruning) => {
      const { model } = await outcomeOf("swat-u", { pruning, topKPeriod: 100 });
      for (const [i, { name, sparseWeight, weight }] of model.swatLayers.entries()) {
        const { op, geometry: g } = layers[i];
        if (i === 0 || op === "linear") continue;
        const size = pruning === "channel" ? g.R * g.S : g.C * g.R * g.S;
        expect(sparseWeight, name).toEqual(largestUnits(weight.values, size, 0.8));
      }
    },
  );

  it.each(["channel", "filter"] as const)(
    "by %s keeps the whole units of convolutions that are the largest now, also between refreshes",
    (pruning) => {
      const sparsities = layers.map(() => 0.8);
      const model = new Model(network, 4, createBackend("js", 1), sparsities, { pruning });
      model.initialise(1);
      model.forward(4, { training: true, refresh: true });
      for (const seed of [2, 3]) {
        // As large a step as can be: other units than before are the largest.
        model.initialise(seed);
        model.forward(4, { training: true, refresh: false });
        for (const [i, { name, weight, sparseWeight }] of model.swatLayers.entries()) {
          const { op, geometry: g } = layers[i];
          if (op === "linear") continue;
          const size = pruning === "channel" ? g.R * g.S : g.C * g.R * g.S;
          expect(sparseWeight, name).toEqual(largestUnits(weight.values, size, 0.8));
        }
      }
    },
  );
});

describe("the final pruning", () => {
  it.each([
    ["swat-u", "last-step"],
    ["swat-m", "last-step"],
    ["swat-m", "authors"],
  ] as const)(
    "of %s evaluated at the densities of %s is one exact top-k of each layer, with dense activations",
    async (method, evaluation) => {
      const change = { topKPeriod: 100, evaluation };
      const { model, testAccuracy, finalPruning } = await outcomeOf(method, change);
      // The same weights pruned by sorting, in a model that knows of no sparsity.
      const dense = new Model(
        network,
        16,
        createBackend("reference"),
        layers.map(() => null),
      );
      for (const [i, { values }] of dense.parameters.entries()) values.set(model.parameters[i].values);
      const buffers = model.layers.flatMap((layer) => layer.buffers);
      for (const [i, { values }] of dense.layers.flatMap((layer) => layer.buffers).entries())
        values.set(buffers[i].values);
      for (const [i, { weight }] of dense.swatLayers.entries()) {
        const { values } = weight;
        const { sparsity, keptWeights } = model.swatLayers[i];
        const isOfLastStep = method === "swat-m" && evaluation === "last-step";
        const k = isOfLastStep ? keptWeights : keepCount(Number(sparsity), values.length);
        const threshold = values.map(Math.abs).sort()[values.length - k];
        values.forEach((value, at) => {
          if (Math.abs(value) < threshold) values[at] = 0;
        });
      }
      expect(evaluate(dense, data.test, 16)).toBe(testAccuracy);
      expect(finalPruning?.testAccuracy).toBe(testAccuracy);
    },
  );
});

describe("a setting", () => {
  it("warmup ranks anew in every step, as a period of 1 does", async () => {
    const everyStep = await outcomeOf("swat-u", { topKPeriod: 1 });
    expect(parametersOf(await outcomeOf("swat-u", { topKPeriod: 100, warmup: 2 }))).toEqual(parametersOf(everyStep));
    expect(parametersOf(await outcomeOf("swat-u", { topKPeriod: 100 }))).not.toEqual(parametersOf(everyStep));
  });

  it("batch-norm decay spares γ and β, and only them, when it is off", () => {
    const model = new Model(
      network,
      4,
      createBackend("js", 1),
      layers.map(() => null),
    );
    model.initialise(1);
    const before = model.parameters.map(({ values }) => Float32Array.from(values));
    const sgd = { learningRate: 1, momentum: 0, nesterov: false, weightDecay: 0.5 };
    model.update({ ...sgd, batchNormDecay: false });
    const norms = new Set(network.nodes.filter(({ op }) => op === "batchNorm").map(({ name }) => name));
    model.parameters.forEach(({ name, values }, i) => {
      const spared = norms.has(name.replace(/\.(weight|bias)$/, ""));
      expect(values, name).toEqual(spared ? before[i] : before[i].map((value) => 0.5 * value));
    });
    model.update(sgd);
    const gamma = model.parameters.find(({ name }) => name === "bn1.weight");
    expect(gamma?.values[0]).toBe(0.5);
  });

  it("rate warm-up grows the rate step by step and then follows the schedule", () => {
    const schedule = [
      { epoch: 0, rate: 1 },
      { epoch: 1, rate: 0.5 },
      { epoch: 3, rate: 0.1 },
    ];
    // Two epochs of two steps: (step + 1)/5 of the epoch's rate.
    const rates = Array.from({ length: 8 }, (_, step) => rateOfStep({ schedule, rateWarmup: 2, epochs: 4 }, step, 2));
    expect(rates).toEqual([1 / 5, 2 / 5, (0.5 * 3) / 5, (0.5 * 4) / 5, 0.5, 0.5, 0.1, 0.1]);
  });

  it("a rate that decays as a cosine takes the values of PyTorch, and begins after the warm-up", () => {
    const settings = { schedule: [{ epoch: 0, rate: 0.2 }], rateDecay: "cosine" } as const;
    const rates = (rateWarmup: number, epochs: number) =>
      Array.from({ length: epochs * 2 }, (_, step) => rateOfStep({ ...settings, rateWarmup, epochs }, step, 2));
    // torch.optim.lr_scheduler.CosineAnnealingLR(SGD(lr=0.2), T_max=8), PyTorch 1.13.
    const wanted = [
      0.2, 0.19238795325112867, 0.17071067811865476, 0.138268343236509, 0.1, 0.06173165676349103, 0.029289321881345254,
      0.007612046748871327,
    ];
    rates(0, 4).forEach((rate, step) => void expect(rate).toBeCloseTo(wanted[step], 15));
    const warmed = rates(1, 5);
    expect(warmed.slice(0, 2)).toEqual([0.2 / 3, 0.4 / 3]);
    warmed.slice(2).forEach((rate, step) => void expect(rate).toBeCloseTo(wanted[step], 15));
  });

  it("AdamW updates as PyTorch does", () => {
    const model = new Model(
      network,
      4,
      createBackend("js", 1),
      layers.map(() => null),
    );
    model.addSquares();
    const [{ values, grad }] = model.parameters;
    grad.fill(0.5);
    values.fill(1);
    model.update({ learningRate: 0.01, momentum: 0.9, nesterov: false, weightDecay: 0.1 });
    // torch.optim.AdamW with lr 0.01 and weight_decay 0.1 moves 1 at a gradient of ½ to this, whatever its size.
    expect(values[0]).toBeCloseTo(0.9890000002, 6);
  });

  it("a step of AdamW records its squares", async () => {
    const settings = { ...trainSettings({ optimizer: "adamw", epochs: 1 }), ...PUBLISHED_EXEMPTIONS["swat-u"] };
    const steps: Uint8Array[] = [];
    const hooks = { records: () => true, onTrace: async (_: number, bytes: Uint8Array) => void steps.push(bytes) };
    await train(network, data, settings, createBackend("js", 1), hooks);
    const { manifest } = await openTrace(memorySource("adamw", steps[0]));
    expect(manifest.settings).toMatchObject({ optimizer: "adamw" });
    const update = manifest.ops.find(({ kind }) => kind === "optimizer");
    expect(update && "writes" in update && update.writes).toContain("conv1.weight:square");
  });

  it("AdamW is refused where it has no meaning", () => {
    const settings = trainSettings({ optimizer: "adamw" });
    expect(settings.schedule[0].rate).toBe(ADAMW_RATE);
    expect(() => checkOptimizer({ ...settings, nesterov: true })).toThrow("nesterov: adamw has no Nesterov momentum");
    expect(() => checkOptimizer({ ...settings, method: "rigl" })).toThrow("optimizer: rigl is defined for SGD");
    expect(() => checkOptimizer(trainSettings({ beta2: 0.9 }))).toThrow("beta2: SGD has none, got 0.9");
  });

  it("a rate that decays by itself cannot also be cut in steps", () => {
    const settings = trainSettings({ rateDecay: "cosine" });
    expect(settings.schedule).toEqual([{ epoch: 0, rate: 0.05 }]);
    expect(() => checkSchedule({ ...settings, schedule: defaultSchedule(3, 0.1) })).toThrow(
      "schedule: 2 rates with rateDecay cosine; valid: one",
    );
  });
});

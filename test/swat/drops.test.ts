/**
 * What every drop does to a step, against a model written out here: convolutions of the reference kernels between top-k
 * selections that are made by sorting, as Algorithm 1 of SWAT with other operands.
 */
import { describe, expect, it } from "vitest";
import type { ConvGeometry } from "../../src/core/geometry.ts";
import { randomStream } from "../../src/core/random.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend, isSupported } from "../../src/kernels/index.ts";
import { referenceKernels as kernels } from "../../src/kernels/reference/index.ts";
import { layersOf, type Network } from "../../src/networks/graph.ts";
import { GraphBuilder } from "../../src/networks/graph-builder.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { DROPS, type Drop, isSwat, parseDrops, SWAT_DROPS } from "../../src/sparsity/operand-masking.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { kernelGeometry } from "../../src/swat/layers/swat-layer.ts";
import { Model } from "../../src/swat/model.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../src/swat/settings.ts";
import { type TrainOutcome, train } from "../../src/swat/train.ts";
import type { TrainingEvent } from "../../src/swat/training-log.ts";
import { isMacOp, type MacOp } from "../../src/trace/manifest.ts";
import { openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

const SETS: readonly (readonly Drop[])[] = [[], ...DROPS.map((drop) => [drop]), SWAT_DROPS, DROPS];
const SPARSITY = 0.7;
const CLASSES = 5;
const MAX_BATCH = 6;
/** Batch and refresh of each step: thresholds are reused by the second, for fewer images. */
const STEPS = [
  { batch: 6, refresh: true },
  { batch: 4, refresh: false },
  { batch: 6, refresh: true },
];

/** conv – ReLU – strided conv – ReLU – linear, on 7×6 images. */
function smallNetwork(): Network {
  const net = new GraphBuilder("small", [2, 7, 6]);
  const first = net.relu("relu1", net.conv("conv1", net.input, 5, { kernel: 3, padding: 1, bias: true }));
  const second = net.relu("relu2", net.conv("conv2", first, 4, { kernel: 3, stride: 2, padding: 1, bias: true }));
  net.linear("linear", second, CLASSES);
  return net.build();
}

const small = smallNetwork();

function keep(values: Float32Array, threshold: number): Float32Array {
  return values.map((value) => (Math.abs(value) >= threshold ? value : 0));
}

/** A layer of the model written out. */
class PlainLayer {
  readonly #g: ConvGeometry;
  readonly #drops: ReadonlySet<Drop>;
  readonly #isLinear: boolean;
  readonly #thresholds = new Map<string, number>();
  weight: Float32Array = new Float32Array();
  bias: Float32Array = new Float32Array();
  #input: Float32Array = new Float32Array();
  #refresh = true;

  constructor(g: ConvGeometry, drops: readonly Drop[], isLinear: boolean) {
    this.#g = g;
    this.#drops = new Set(drops);
    this.#isLinear = isLinear;
  }

  /** What is left of an operand, or all of it where the pass does not drop it. */
  #operand(drop: Drop, values: Float32Array): Float32Array {
    const [operand] = drop.split(":");
    if (!this.#drops.has(drop)) return values;
    if (this.#refresh || this.#isLinear) {
      const magnitudes = values.map(Math.abs).sort();
      this.#thresholds.set(operand, magnitudes[values.length - Math.ceil((1 - SPARSITY) * values.length)]);
    }
    return keep(values, this.#thresholds.get(operand) as number);
  }

  forward(N: number, input: Float32Array, refresh: boolean): Float32Array {
    const g = { ...this.#g, N };
    this.#input = input;
    this.#refresh = refresh;
    const P = Math.floor((g.H + g.padding[0] + g.padding[1] - g.R) / g.stride[0]) + 1;
    const Q = Math.floor((g.W + g.padding[2] + g.padding[3] - g.S) / g.stride[1]) + 1;
    const output = new Float32Array(N * g.K * P * Q);
    const [x, W] = [this.#operand("inputs:forward", input), this.#operand("weights:forward", this.weight)];
    kernels.convForward(g, x, W, this.bias, output);
    return output;
  }

  backward(N: number, grad: Float32Array): { input: Float32Array; weight: Float32Array; bias: Float32Array } {
    const g = { ...this.#g, N };
    const kept = this.#operand("outputGrad:backward", grad);
    const input = new Float32Array(this.#input.length);
    const weight = new Float32Array(this.weight.length);
    const bias = new Float32Array(this.bias.length);
    kernels.convInputGrad(g, kept, this.#operand("weights:backward", this.weight), input);
    kernels.convWeightGrad(g, kept, this.#operand("inputs:backward", this.#input), weight);
    kernels.biasGrad(g, grad, bias);
    return { input, weight, bias };
  }
}

class PlainModel {
  readonly layers: PlainLayer[];

  constructor(drops: readonly Drop[]) {
    this.layers = layersOf(small).map((node) => {
      const g = kernelGeometry(node, small.nodes[node.from[0]].shape);
      return new PlainLayer(g, drops, node.op === "linear");
    });
  }

  /** Logits, and gradients of each layer's weight and bias in turn. */
  step(batch: number, images: Float32Array, labels: Uint8Array, refresh: boolean): Float32Array[] {
    const outputs: Float32Array[] = [];
    let values: Float32Array = images.slice(0, batch * small.nodes[0].shape.reduce((a, b) => a * b, 1));
    for (const [i, layer] of this.layers.entries()) {
      values = layer.forward(batch, values, refresh);
      if (i < this.layers.length - 1) values = values.map((value) => Math.max(value, 0));
      outputs.push(values);
    }
    let grad: Float32Array = new Float32Array(values.length);
    kernels.crossEntropy(batch, CLASSES, values, labels, 0, grad);
    const gradients: Float32Array[] = [];
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const { input, weight, bias } = this.layers[i].backward(batch, grad);
      gradients.unshift(weight, bias);
      if (i > 0) grad = input.map((value, at) => (outputs[i - 1][at] > 0 ? value : 0));
    }
    return [values, ...gradients];
  }
}

/** What the trainer's model computes in each step, and the model written out with the same parameters. */
function bothSides(build: string, drops: readonly Drop[]): { actual: Float32Array[]; expected: Float32Array[] }[] {
  const backend = createBackend(build, 1);
  const sparsities = layersOf(small).map(() => SPARSITY);
  const model = new Model(small, MAX_BATCH, backend, sparsities, { drops });
  model.initialise(4);
  const plain = new PlainModel(drops);
  const labels = Uint8Array.from({ length: MAX_BATCH }, (_, i) => i % CLASSES);
  return STEPS.map(({ batch, refresh }, step) => {
    for (const [i, { weight, bias }] of model.swatLayers.entries()) {
      plain.layers[i].weight = weight.values.slice();
      plain.layers[i].bias = (bias?.values ?? new Float32Array()).slice();
    }
    randomStream(7, "images", step).fillUniform(model.pixels, -1, 1);
    const expected = plain.step(batch, model.pixels, labels, refresh);
    model.forward(batch, { training: true, refresh });
    model.backward(batch, labels, 0);
    const logits = new Float32Array(batch * CLASSES);
    backend.read(model.logits.values, batch, logits);
    const actual = [logits, ...model.parameters.map(({ grad }) => grad.slice())];
    model.update({ learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 });
    return { actual, expected };
  });
}

describe.each(SETS.map((set) => [set.join("+") || "nothing", set] as const))("dropping %s", (_, drops) => {
  it("is what the reference kernels make of those operands, bit by bit", () => {
    for (const { actual, expected } of bothSides("reference", drops)) expect(actual).toEqual(expected);
  });

  it.each(["js", "simd", "relaxed"].filter(isSupportedBuild))("is the same to rounding on %s", (build) => {
    for (const { actual, expected } of bothSides(build, drops)) {
      for (const [i, values] of expected.entries()) {
        const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const worst = values.reduce((most, value, at) => Math.max(most, Math.abs(value - actual[i][at])), 0);
        expect(worst, `array ${i}`).toBeLessThanOrEqual(1e-5 * largest);
      }
    }
  });
});

function isSupportedBuild(build: string): boolean {
  return build === "js" || isSupported(build as "simd" | "relaxed");
}

const resnet8 = networkNamed("resnet8").build([1, 12, 12], 10);
const { rate, ...defaults } = TRAIN_DEFAULTS;
const data = await loadData("generated:12x12x1", { seed: 1, limit: 40, testLimit: 30 });

type Run = TrainOutcome & { traces: Trace[]; events: TrainingEvent[] };

/** An epoch of three steps, the last one smaller; the traces of all. */
async function runOf(change: Partial<TrainSettings>): Promise<Run> {
  const settings = { ...defaults, epochs: 1, schedule: [{ epoch: 0, rate }], sparsity: 0.8, ...change };
  const bytes: Uint8Array[] = [];
  const events: TrainingEvent[] = [];
  const outcome = await train(resnet8, data, settings, createBackend(), {
    records: () => true,
    async onTrace(_, trace) {
      bytes.push(trace);
    },
    async onEvent(event) {
      events.push(event);
    },
  });
  const traces = await Promise.all(bytes.map((trace, i) => openTrace(memorySource(`step ${i}`, trace))));
  return { ...outcome, traces, events };
}

const runs = new Map(await Promise.all(SETS.map(async (drop) => [drop, await runOf({ drop })] as const)));

function runDropping(drop: readonly Drop[]): Run {
  return runs.get(drop) as Run;
}

function parametersOf({ model }: TrainOutcome): number[][] {
  return model.parameters.map(({ values }) => Array.from(values));
}

describe("training that drops", () => {
  it("nothing is dense training, bit by bit", async () => {
    const [nothing, dense] = [runDropping(SETS[0]), await runOf({ method: "dense" })];
    expect(parametersOf(nothing)).toEqual(parametersOf(dense));
    expect(nothing.testAccuracy).toBe(dense.testAccuracy);
  });

  it("what SWAT drops is SWAT, bit by bit", async () => {
    const [told, swat] = [runDropping(SWAT_DROPS), await runOf({})];
    expect(parametersOf(told)).toEqual(parametersOf(swat));
    expect(told.finalPruning).toEqual(swat.finalPruning);
  });

  it("each thing alone parts from dense training and from the others", () => {
    const all = SETS.map((drop) => JSON.stringify(parametersOf(runDropping(drop))));
    expect(new Set(all).size).toBe(SETS.length);
  });

  it("no weights forward leaves nothing to prune at the end", () => {
    for (const drop of SETS) {
      expect(runDropping(drop).finalPruning === null, drop.join("+")).toBe(!drop.includes("weights:forward"));
    }
  });

  it("no weights cannot share them by momentum", async () => {
    await expect(runOf({ method: "swat-m", drop: ["inputs:backward"] })).rejects.toThrow(
      "drop: swat-m shares weights, got inputs:backward; valid: with weights:forward or weights:backward",
    );
  });
});

/** Of each pass, the operand and the drop that makes it sparse. */
const SPARSE_BY = [
  ["forward", "weight", "weights:forward"],
  ["forward", "input", "inputs:forward"],
  ["inputGrad", "weight", "weights:backward"],
  ["inputGrad", "outputGrad", "outputGrad:backward"],
  ["weightGrad", "input", "inputs:backward"],
  ["weightGrad", "outputGrad", "outputGrad:backward"],
] as const;

describe("a trace of training that drops", () => {
  it.each(SETS.map((set) => [set.join("+") || "nothing", set] as const))(
    "%s verifies, and its passes name the sparse operands and no others",
    async (_, drop) => {
      const { traces } = runDropping(drop);
      for (const trace of traces) expect(await verifyTrace(trace)).toEqual([]);
      // A step that ranks anew: counts are exact.
      const [trace] = traces;
      const { name } = trace.manifest.method;
      expect(name).toBe(`swat-u of ${drop.join("+")}`);
      const sparse = trace.manifest.ops.filter(isMacOp).filter(({ layer }) => layer !== "conv1");
      for (const op of sparse) {
        for (const [, operand, by] of SPARSE_BY.filter(([pass]) => pass === op.pass)) {
          const at = `${op.layer} ${op.pass} ${operand}`;
          const { id, role, shape, nonzeros, within, mask } = operandOf(trace, op, operand);
          const size = shape.reduce((a, b) => a * b, 1);
          const kept = Math.ceil((1 - 0.8) * size);
          const natural = operand === "weight" ? size : trace.tensor(within ?? id).nonzeros;
          const least = drop.includes(by) ? Math.min(kept, natural) : natural;
          // Elements of equal magnitude are kept together.
          expect(nonzeros, at).toBeGreaterThanOrEqual(least);
          expect(nonzeros, at).toBeLessThanOrEqual(least + (operand === "weight" ? 0 : 0.01 * size));
          if (!drop.includes(by)) expect(within, at).toBeUndefined();
          if (operand === "weight" && !drop.includes(by)) expect({ role, mask }, at).toEqual({ role: "parameter" });
        }
      }
    },
  );
});

describe("a log of training that drops", () => {
  it.each(SETS.map((set) => [set.join("+") || "nothing", set] as const))(
    "%s has the densities of the operands that the trace of the step names",
    (_, drop) => {
      const { traces, events } = runDropping(drop);
      const steps = events.filter(({ event }) => event === "step");
      expect(steps).toHaveLength(traces.length);
      for (const [i, trace] of traces.entries()) {
        const ops = trace.manifest.ops.filter(isMacOp);
        const density = (layer: string, pass: MacOp["pass"], operand: "weight" | "input") => {
          const op = ops.find((candidate) => candidate.layer === layer && candidate.pass === pass) as MacOp;
          const { nonzeros, shape } = operandOf(trace, op, operand);
          return nonzeros / shape.reduce((a, b) => a * b, 1);
        };
        for (const { layer, weightDensity, savedInputDensity } of steps[i].layers) {
          expect(weightDensity, layer).toBe(density(layer, "forward", "weight"));
          expect(savedInputDensity, layer).toBe(density(layer, "weightGrad", "input"));
        }
      }
    },
  );
});

function operandOf(trace: Trace, { operands }: MacOp, operand: "weight" | "input" | "outputGrad") {
  return trace.tensor(operands[operand] as string);
}

describe("names of drops", () => {
  it("are read in any order, and in one order told", () => {
    expect(parseDrops("inputs:backward+weights:forward+weights:backward")).toEqual(SWAT_DROPS);
    expect(isSwat(["inputs:backward", "weights:forward", "weights:backward"])).toBe(true);
    expect(isSwat(["weights:forward"])).toBe(false);
    expect(isSwat(DROPS)).toBe(false);
  });

  it("that are unknown are refused, with what is known", () => {
    expect(() => parseDrops("weights:forwards")).toThrow(
      'unknown operand to drop, got "weights:forwards"; did you mean "weights:forward"? known: weights:forward, ',
    );
  });
});

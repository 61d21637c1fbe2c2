/** A kind of layer that two files add, scale-kind.ts and scale-layer.ts, goes through everything that the shipped ones do. */
import "./scale-layer.ts";
import { beforeAll, describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { createBackend } from "../../../src/kernels/index.ts";
import { layersOf, type Network } from "../../../src/networks/graph.ts";
import { defineNetwork, type GraphBuilder } from "../../../src/networks/graph-builder.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { networkMacs } from "../../../src/step/flops.ts";
import { footprintOf, PLAIN_STORAGE } from "../../../src/step/footprint.ts";
import { addLayerKind, parameterCount } from "../../../src/step/layer-kinds.ts";
import { ADDED_KINDS } from "../../../src/step/live-ranges.ts";
import { networkFootprint } from "../../../src/step/network-footprint.ts";
import { generatedData } from "../../../src/swat/data/generated.ts";
import { addLayer } from "../../../src/swat/layers/index.ts";
import { Model } from "../../../src/swat/model.ts";
import { TRAIN_DEFAULTS } from "../../../src/swat/settings.ts";
import { weightsOf } from "../../../src/swat/state.ts";
import { type TrainOutcome, train } from "../../../src/swat/train.ts";
import type { OtherOp } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace, type Trace } from "../../../src/trace/trace.ts";
import { verifyTrace } from "../../../src/trace/verify.ts";
import { syntheticTrace } from "../../synthetic/step.ts";

const [BATCH, CHANNELS, SIDE] = [4, 8, 8];
const ELEMENTS = BATCH * CHANNELS * SIDE * SIDE;
const [FEW, MANY] = [2, 8];

function drawn(scales: boolean): Network {
  const scaled = (net: GraphBuilder, from: number) =>
    scales ? net.node({ op: "scale", name: "scale", from: [from], shape: net.nodes[from].shape, initial: 0.5 }) : from;
  return defineNetwork("scaled", { image: [3, SIDE, SIDE], classes: 10 }, (net, classes) => {
    const conv = net.conv("conv1", net.input, CHANNELS, { kernel: 3, padding: 1 });
    const a = scaled(net, net.relu("relu1", net.batchNorm("bn1", conv)));
    const b = net.add("add", a, net.conv("conv2", a, CHANNELS, { kernel: 3, padding: 1 }));
    net.linear("fc", net.globalAveragePool("pool", b), classes);
  }).build([3, SIDE, SIDE], 10);
}

const network = drawn(true);
const data = generatedData({ seed: 1, channels: 3, height: SIDE, width: SIDE, trainSize: 32, testSize: 8 });
const { rate, ...defaults } = TRAIN_DEFAULTS;
const settings = { ...defaults, batchSize: BATCH, sparsity: 0.8, schedule: [{ epoch: 0, rate }] };

async function run(epochs: number): Promise<{ outcome: TrainOutcome; trace: Trace }> {
  let bytes = new Uint8Array();
  const outcome = await train(network, data, { ...settings, epochs }, createBackend("js", 1), {
    records: (step, { steps }) => step === steps - 1,
    onTrace: async (_, trace) => {
      bytes = trace.slice();
    },
  });
  return { outcome, trace: await openTrace(memorySource("recorded", bytes)) };
}

let recorded: Trace;
let outcome: TrainOutcome;
beforeAll(async () => {
  ({ outcome, trace: recorded } = await run(MANY));
});

const scaleOps = ({ manifest }: Trace) => manifest.ops.filter(({ layer }) => layer === "scale") as OtherOp[];

describe("a kind of layer added from outside", () => {
  it("trains: its parameter moves, and is part of the weights", async () => {
    const short = await run(FEW);
    expect(outcome.epochLosses[MANY - 1]).toBeLessThan(outcome.epochLosses[0]);
    const scaleOf = ({ model }: TrainOutcome) => weightsOf(model).find(({ name }) => name === "scale.scale")?.values;
    expect(scaleOf(outcome)).toHaveLength(CHANNELS);
    expect(scaleOf(outcome)).not.toEqual(scaleOf(short.outcome));
  });

  it("has the gradient of the difference quotient", () => {
    const model = new Model(network, BATCH, createBackend("js", 1), [null, null, null]);
    model.initialise(1);
    const labels = Array.from({ length: BATCH }, (_, i) => data.train.label(i));
    for (let i = 0; i < BATCH; i++) data.train.loadImage(i, model.pixels, i * model.images.size);
    const loss = () => {
      model.forward(BATCH, { training: true, refresh: true });
      return model.backward(BATCH, labels, 0);
    };
    const scale = model.parameters.find(({ name }) => name === "scale.scale") as Model["parameters"][number];
    loss();
    const [gradient, start, step] = [scale.grad[0], scale.values[0], 1e-2];
    scale.values[0] = start + step;
    const above = loss();
    scale.values[0] = start - step;
    const below = loss();
    expect(gradient).toBeCloseTo((above - below) / (2 * step), 3);
  });

  it("is recorded with what it reads again and updates, and declared", async () => {
    expect(recorded.warnings).toEqual([]);
    expect(await verifyTrace(recorded)).toEqual([]);
    expect(recorded.manifest).toMatchObject({ version: "1.3", kinds: ["scale"] });
    expect(scaleOps(recorded)).toEqual([
      { kind: "scale", pass: "forward", layer: "scale", reads: ["relu1:output"], writes: ["scale:output"] },
      {
        ...{ kind: "scale", pass: "backward", layer: "scale" },
        ...{ reads: ["relu1:output", "scale:outputGrad"], writes: ["relu1:outputGrad"] },
      },
      {
        ...{ kind: "optimizer", pass: "update", layer: "scale" },
        reads: ["scale.scale:master", "scale.scale:grad", "scale.scale:momentum"],
        writes: ["scale.scale:master", "scale.scale:momentum"],
      },
    ]);
  });

  it("is refused in a trace that does not declare it", async () => {
    const { kinds: _, ...undeclared } = recorded.manifest;
    const bytes = encodeTrace(undeclared, new Map());
    await expect(openTrace(memorySource("undeclared", bytes))).rejects.toThrow(/kind: unknown value, got "scale"/);
  });

  it("is synthesized with the ops of a recorded step and the zeros of its input", async () => {
    const synthetic = await syntheticTrace(network, { batch: BATCH, sparsity: 0.8, settings: { naturalDensity: 0.4 } });
    expect(synthetic.manifest.kinds).toEqual(["scale"]);
    expect(synthetic.manifest.ops).toEqual(recorded.manifest.ops);
    const nonzeros = (trace: Trace, id: string) => trace.tensor(id).nonzeros;
    for (const trace of [recorded, synthetic]) {
      expect(nonzeros(trace, "scale:output")).toBe(nonzeros(trace, "relu1:output"));
      expect(nonzeros(trace, "scale:output")).toBeLessThan(ELEMENTS);
    }
  });

  it("counts parameters but no MACs", () => {
    const without = drawn(false);
    expect(parameterCount(network)).toBe(parameterCount(without) + CHANNELS);
    const sparsities = layersOf(network).map(() => ({ weight: 0.8, input: 0.8 }));
    expect(networkMacs(network, sparsities, "exact")).toEqual(networkMacs(without, sparsities, "exact"));
  });

  it("holds its input until its backward pass", () => {
    const bytes = ELEMENTS * PLAIN_STORAGE.valueBytes;
    const part = footprintOf(recorded.manifest).parts.find(({ part }) => part === ADDED_KINDS);
    expect(part).toMatchObject({ denseBytes: bytes, sparseBytes: bytes, sparseIndexedBytes: bytes });
    const choice = { batch: BATCH, method: "swat-u", naturalDensity: 0.4 };
    const sparsities = layersOf(network).map(() => ({ weight: 0.8, input: 0.8 }));
    const expected = networkFootprint(network, { ...choice, sparsities }, PLAIN_STORAGE);
    expect(expected.parts.find(({ part }) => part === ADDED_KINDS)).toEqual(part);
    const without = networkFootprint(drawn(false), { ...choice, sparsities }, PLAIN_STORAGE);
    expect(without.parts.map(({ part }) => part)).not.toContain(ADDED_KINDS);
  });

  it("is simulated: one sweep over what each pass reads", async () => {
    const [machine] = await loadMachines(["tensordash-4096"]);
    const identified = { trace: recorded, name: "recorded", sha256: "0".repeat(64) };
    const { rows } = (await simulate({ traces: [identified], machines: [machine] })).machines[0];
    expect(rows.filter(({ kind }) => kind === "scale").map(({ pass, cycles }) => [pass, cycles.vector])).toEqual([
      ["forward", Math.ceil(ELEMENTS / machine.vectorLanes)],
      ["backward", Math.ceil((2 * ELEMENTS) / machine.vectorLanes)],
    ]);
  });

  it("is added once, under a name of its own", () => {
    const row = { reads: "nothing", parameters: () => [] } as const;
    expect(() => addLayerKind("scale", row)).toThrow('layer kind "scale" exists already');
    expect(() => addLayerKind("loss", row)).toThrow('layer kind "loss" exists already');
    expect(() => addLayer("relu", () => outcome.model.layers[0])).toThrow('op "relu" has a layer already');
  });
});

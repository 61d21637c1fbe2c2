import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../src/swat/checkpoint.ts";
import { Model } from "../../src/swat/model.ts";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { modelState, restoreModel, type TrainState } from "../../src/swat/state.ts";
import { encodeContainer } from "../../src/trace/safetensors.ts";
import { faultsOf } from "../support/folder.ts";

const { rate, ...defaults } = TRAIN_DEFAULTS;
const of = { weightDensity: 0.25, deadFilters: 2, largestWeight: 0.5 };
const HEALTH = {
  epochs: [{ epoch: 0, ...of }],
  layers: [{ layer: "conv1", sparsity: null, weights: 150, filters: 6, ...of }],
};

function modelOf(name: string, classes = 10): Model {
  const network = networkNamed(name).build([1, 12, 12], classes);
  const sparsities = layersOf(network).map(() => 0.5);
  const model = new Model(network, 2, createBackend("js", 1), sparsities);
  model.initialise(1);
  return model;
}

function checkpointOf(model: Model): Checkpoint {
  return {
    run: {
      network: "lenet5",
      data: "generated",
      images: { train: 20, test: 10, channels: 1, height: 12, width: 12, classes: 10 },
      limit: 20,
      testLimit: 10,
      settings: { ...defaults, schedule: [{ epoch: 0, rate }], augment: ["crop", "flip"] },
      kernels: "js",
      record: "last",
      checkpointEvery: 4,
      evaluateEvery: 2,
      logCsv: true,
      steps: 6,
      traces: ["step-000001.safetensors"],
      logLines: 3,
    },
    state: { stepsDone: 2, epochLosses: [2.25, 1 / 3], lossSum: 0.1, health: HEALTH, ...modelState(model) },
  };
}

const decode = (bytes: Uint8Array) => decodeCheckpoint(memorySource("run.safetensors", bytes));
const whole = encodeCheckpoint(checkpointOf(modelOf("lenet5")));

/** The file with another manifest, whose checksum is right. */
function withManifest(change: (manifest: Record<string, unknown>) => void): Uint8Array {
  const { run, state } = checkpointOf(modelOf("lenet5"));
  const { tensors, ...position } = state;
  const manifest = { version: "1.1", run, ...position };
  change(manifest);
  const text = JSON.stringify(manifest);
  const hash = createHash("sha256").update(text);
  for (const { values } of tensors) hash.update(values);
  return encodeContainer(
    tensors.map(({ name, shape, values }) => ({ name, shape, data: values })),
    { "swat-sim-checkpoint": text, sha256: hash.digest("hex") },
  );
}

describe("a checkpoint file", () => {
  it("gives back all that was put in, to the bit", async () => {
    const checkpoint = checkpointOf(modelOf("lenet5"));
    expect(await decode(encodeCheckpoint(checkpoint))).toEqual(checkpoint);
    // The slice of a Node buffer is no copy.
    expect(await decode(Buffer.from(whole))).toEqual(checkpoint);
    expect(Buffer.from(withManifest(() => {})).equals(whole)).toBe(true);
  });

  it("of version 1.0 resumes as it did then: evaluated at the sparsities of now", async () => {
    const old = withManifest((manifest) => {
      manifest.version = "1.0";
      delete manifest.health;
      const { evaluation, ...settings } = (manifest.run as Checkpoint["run"]).settings;
      Object.assign(manifest.run as object, { settings });
      manifest.layers = (manifest.layers as TrainState["layers"]).map(
        ({ rankedWeightSparsity, rankedInputSparsity, keptWeights, ...layer }) => layer,
      );
    });
    const { run, state } = checkpointOf(modelOf("lenet5"));
    expect(await decode(old)).toEqual({
      run: { ...run, settings: { ...run.settings, evaluation: "authors" } },
      state: {
        ...state,
        health: { epochs: [], layers: [] },
        layers: state.layers.map((layer) => ({ ...layer, keptWeights: 0 })),
      },
    });
  });

  it("is refused when it is cut, and when any bit of a tensor or of the manifest's text is another", async () => {
    expect(await faultsOf(() => decode(whole.subarray(0, whole.length - 1)))).toEqual([
      expect.stringMatching(/^run.safetensors: file is cut: tensors end at byte \d+, got a file of \d+ bytes$/),
    ]);
    const lossSum = Buffer.from(whole).indexOf('lossSum\\":0.1') + 12;
    for (const at of [lossSum, whole.length - 1, whole.length - 4000]) {
      const damaged = whole.slice();
      damaged[at] ^= 1;
      expect(await faultsOf(() => decode(damaged))).toEqual([
        expect.stringMatching(
          /^run.safetensors: is damaged: SHA-256 of its content, got [0-9a-f]{64}; valid: [0-9a-f]{64}$/,
        ),
      ]);
    }
  });

  it("is refused when it is another kind of file", async () => {
    const weights = encodeContainer([], { network: "lenet5" });
    expect(await faultsOf(() => decode(weights))).toEqual([
      'run.safetensors: is not a checkpoint: __metadata__ has no "swat-sim-checkpoint" string',
    ]);
  });

  it("of an unknown version is refused before anything else is looked at", async () => {
    const wrong = withManifest((manifest) => Object.assign(manifest, { version: "2.0", stepsDone: -1 }));
    expect(await faultsOf(() => decode(wrong))).toEqual([
      'run.safetensors: version: unknown version, got "2.0"; known: 1.0, 1.1',
    ]);
  });

  it("is refused with every wrong field, its value and what is valid", async () => {
    const wrong = withManifest((manifest) => {
      manifest.stepsDone = -1;
      Object.assign((manifest.run as Checkpoint["run"]).settings, { evaluation: "swat-x", rate: "all" });
    });
    expect((await faultsOf(() => decode(wrong))).sort()).toEqual([
      'run.safetensors: run.settings.evaluation: unknown value, got "swat-x"; did you mean "last-step"? known: last-step, authors',
      expect.stringMatching(/^run.safetensors: run.settings: unknown key, got "rate"; did you mean .* known: method, /),
      "run.safetensors: stepsDone: must be >= 0, got -1",
    ]);
  });
});

describe("restoring", () => {
  const restore = (model: Model, state: TrainState) => faultsOf(() => restoreModel(model, state, "run.safetensors"));
  const { state } = checkpointOf(modelOf("lenet5"));

  it("names every tensor that is missing or has another shape, and leaves the model as it was", async () => {
    const model = modelOf("lenet5", 12);
    const before = structuredClone(modelState(model));
    const [first, ...rest] = state.tensors;
    const faults = await restore(model, { ...state, tensors: rest });
    const last = layersOf(networkNamed("lenet5").build([1, 12, 12], 10)).at(-1);
    expect(faults[0]).toBe(`run.safetensors: tensor "${first.name}" is missing; valid: F32 [${first.shape}]`);
    expect(faults.slice(1)).toHaveLength(4);
    expect(faults[1]).toBe(
      `run.safetensors: tensor "${last?.name}.weight" has another shape, got [10,${last?.geometry.C}]; valid: [12,${last?.geometry.C}]`,
    );
    expect(modelState(model)).toEqual(before);
  });

  it("names every parameter that is not finite, and leaves the model as it was", async () => {
    const model = modelOf("lenet5");
    const before = structuredClone(modelState(model));
    const tensors = structuredClone(state.tensors);
    const [first, second] = tensors.filter(({ name }) => !name.endsWith(":momentum"));
    first.values[1] = Number.NaN;
    second.values[0] = Number.NEGATIVE_INFINITY;
    expect(await restore(model, { ...state, tensors })).toEqual([
      `run.safetensors: tensor "${first.name}": must be finite numbers, got NaN`,
      `run.safetensors: tensor "${second.name}": must be finite numbers, got -Infinity`,
    ]);
    expect(modelState(model)).toEqual(before);
  });

  it("names the layers and tensors of another network", async () => {
    const faults = await restore(modelOf("resnet8"), state);
    expect(faults).toContain(
      'run.safetensors: tensor "conv1.weight" has another shape, got [6,1,5,5]; valid: [16,1,3,3]',
    );
    // A hundred faults are told, and how many more there are.
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toMatch(/^and at least \d+ more$/);
    expect(faults[0]).toMatch(
      /^run.safetensors: layers are those of another network, got conv1, .*; valid: conv1, layer1/,
    );
  });
});

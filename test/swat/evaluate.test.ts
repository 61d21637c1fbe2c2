/** Evaluating between the steps of a run leaves no trace in it. */
import { describe, expect, it } from "vitest";
import { randomStream } from "../../src/core/random.ts";
import { createBackend, isSupported } from "../../src/kernels/index.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import type { Pruning } from "../../src/sparsity/structured.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { evaluate } from "../../src/swat/evaluate.ts";
import { Model } from "../../src/swat/model.ts";
import { MomentumSharing } from "../../src/swat/momentum-sharing.ts";
import { modelState } from "../../src/swat/state.ts";

const BATCH = 6;
const STEPS = 5;
const SGD = { learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 1e-3 };
const network = networkNamed("wrn10-1").build([1, 10, 10], 10);
const { test } = await loadData("generated:10x10x1", { seed: 1, limit: 1, testLimit: 15 });

/** Losses and final state of a run with momentum sharing, which reads what evaluation writes to; thresholds live two steps. */
function run(build: string, pruning: Pruning, evaluates: boolean): unknown[] {
  const sparsities = layersOf(network).map((_, index) => (index === 0 ? null : 0.8));
  const model = new Model(network, BATCH, createBackend(build, 1), sparsities, { pruning });
  model.initialise(1);
  const sharing = new MomentumSharing(model.swatLayers, 0.8, { firstLayerDense: true, lastLayerDense: false });
  const losses = Array.from({ length: STEPS }, (_, step) => {
    randomStream(2, "images", step).fillUniform(model.pixels, -1, 1);
    model.forward(BATCH, { training: true, refresh: step % 2 === 0, seed: 1, step });
    const loss = model.backward(BATCH, [0, 1, 2, 3, 4, 5], 0);
    model.update(SGD, sharing);
    sharing.share();
    if (evaluates) evaluate(model, test, BATCH);
    return loss;
  });
  const { layers, tensors } = modelState(model);
  return [losses, layers, tensors.map(({ name, values }) => [name, Array.from(values)])];
}

describe("evaluation", () => {
  it.each([
    ["simd", "unstructured"],
    ["simd", "channel"],
    ["js", "unstructured"],
    ["js", "filter"],
  ] as const)("on %s with %s weights changes nothing of training", (build, pruning) => {
    if (!isSupported(build)) return;
    expect(run(build, pruning, true)).toEqual(run(build, pruning, false));
  });
});

/** What training with masks computes and records. */
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../src/api/open.ts";
import { countOnes } from "../../src/core/bit-mask.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { GraphBuilder } from "../../src/networks/graph-builder.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { conservationFaults } from "../../src/sim/conformance/memory.ts";
import type { LayerMasks } from "../../src/sparsity/masks/mask-method.ts";
import { loadData } from "../../src/swat/data/index.ts";
import { Model } from "../../src/swat/model.ts";
import { type TrainSettings, trainSettings } from "../../src/swat/settings.ts";
import { train } from "../../src/swat/train.ts";
import type { TrainingEvent } from "../../src/swat/training-log.ts";
import { isMacOp, type MacOp } from "../../src/trace/manifest.ts";
import { openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

const data = await loadData("generated:8x8x1", { seed: 1, limit: 24, testLimit: 8 });
const network = networkNamed("resnet8").build([1, 8, 8], 10);
const backend = createBackend("js", 1);

/** Three steps of a method, all recorded. */
async function recorded(
  given: Partial<TrainSettings>,
): Promise<{ traces: Trace[]; events: TrainingEvent[]; model: Model }> {
  const settings = trainSettings({ batchSize: 8, epochs: 1, ...given });
  const [traces, events]: [Trace[], TrainingEvent[]] = [[], []];
  const { model } = await train(network, data, settings, backend, {
    records: () => true,
    onTrace: async (step, bytes) => void traces.push(await openTrace(memorySource(`step ${step}`, bytes))),
    onEvent: async (event) => void events.push(event),
  });
  return { traces, events, model };
}

describe("a recorded step", () => {
  it("of n:m names the pattern, wants every gradient, and verifies", async () => {
    const { traces } = await recorded({ pruning: "2:4", methodOptions: { transposable: "exact" } });
    for (const trace of traces) {
      expect(await verifyTrace(trace)).toEqual([]);
      expect(trace.manifest.method).toMatchObject({ name: "nm", sparsity: 0.5, topKPeriod: 1 });
      expect(trace.manifest.settings).toMatchObject({ pruning: "2:4", methodOptions: { lambda: 2e-4 } });
      const weight = trace.tensor("layer1.0.conv1:weight");
      expect(weight.pattern).toEqual({ n: 2, m: 4, axis: "inputChannels", transposable: "exact" });
      expect(weight.nonzeros).toBe((16 * 16 * 9) / 2);
      expect(gradOf(trace, "layer1.0.conv1")).toEqual({ nonzeros: 16 * 16 * 9, mask: undefined });
      expect(trace.tensor("conv1:weight").pattern).toBe(undefined);
    }
  });

  it("of rigl counts active weights that are still 0, and says when every gradient is wanted", async () => {
    const methodOptions = { distribution: "uniform", deltaT: 2, alpha: 1, endStep: 3 };
    const { traces, events } = await recorded({ method: "rigl", sparsity: 0.8, methodOptions });
    const size = 16 * 16 * 9;
    const active = size - Math.floor(0.8 * size);
    for (const [step, trace] of traces.entries()) {
      expect(await verifyTrace(trace)).toEqual([]);
      const { denseGradient, refreshed, stepKind, kinds, ops } = trace.manifest;
      const isUpdate = step % 2 === 0;
      expect(trace.tensor("layer1.0.conv1:weight").nonzeros).toBe(active);
      expect(gradOf(trace, "layer1.0.conv1").nonzeros).toBe(isUpdate ? size : active);
      expect({ denseGradient, refreshed, stepKind, kinds }).toEqual(
        isUpdate
          ? { denseGradient: true, refreshed: true, stepKind: "dense", kinds: ["maskUpdate"] }
          : { denseGradient: undefined, refreshed: false, stepKind: "reuse", kinds: undefined },
      );
      const updates = ops.filter(({ pass }) => pass === "update").map(({ kind, layer }) => `${kind} ${layer}`);
      expect(updates.includes("maskUpdate layer1.0.conv1")).toBe(isUpdate);
      expect(updates.includes("optimizer layer1.0.conv1")).toBe(!isUpdate);
      expect(updates.some((update) => update.endsWith(" bn1"))).toBe(!isUpdate);
      expect(trace.tensor("layer1.0.conv1.weight:master").nonzeros).toBe(active);
    }
    const changes = events.map(({ layers }) => layers.find(({ layer }) => layer === "layer1.0.conv1"));
    // f = alpha/2 · (1 + cos(π·t/3)) of the active connections.
    expect(changes[0]).toMatchObject({ dropped: active, gradientDensity: 1 });
    expect(changes[1]).not.toHaveProperty("dropped");
    expect(changes[2]).toMatchObject({ dropped: Math.floor((1 + Math.cos((Math.PI * 2) / 3)) * 0.5 * active) });
  });

  it("of topkast wants more gradients than it has active weights, and its optimizer moves these alone", async () => {
    const { traces } = await recorded({ method: "topkast", sparsity: 0.8, methodOptions: { backwardSparsity: 0.6 } });
    const size = 16 * 16 * 9;
    for (const trace of traces) {
      expect(await verifyTrace(trace)).toEqual([]);
      const [active, wanted] = [Math.ceil((1 - 0.8) * size), Math.ceil((1 - 0.6) * size)];
      expect(trace.tensor("layer1.0.conv1:weight").nonzeros).toBe(active);
      for (const part of ["grad", "master", "momentum"])
        expect(trace.tensor(`layer1.0.conv1.weight:${part}`).nonzeros).toBe(wanted);
    }
  });

  it("is replayed by machines that account for every byte", async () => {
    const methodOptions = { deltaT: 2, endStep: 3 };
    const { traces } = await recorded({ method: "rigl", sparsity: 0.8, methodOptions });
    for (const machine of await loadMachines(["tensordash-4096", "sparse-tensor-core-4096"])) {
      for (const trace of traces) expect(await conservationFaults(trace, machine)).toEqual([]);
    }
  });

  it("that breaks a law of its method is found", async () => {
    const { traces } = await recorded({ pruning: "2:4" });
    const rigl = (await recorded({ method: "rigl", sparsity: 0.8, methodOptions: { deltaT: 2, endStep: 1 } }))
      .traces[1];
    const [trace] = traces;
    const broken = async (from: Trace, change: (manifest: Trace["manifest"]) => Trace["manifest"], flip?: string) =>
      verifyTrace({
        ...from,
        manifest: change(structuredClone(from.manifest)),
        async mask(id) {
          const mask = await from.mask(id);
          return id === flip ? { ...mask, bytes: mask.bytes.map((byte) => byte ^ 1) } : mask;
        },
      });
    const id = "layer1.0.conv1:weight";
    expect(await broken(trace, (same) => same, id)).toContainEqual(
      expect.stringMatching(
        /tensor "layer1.0.conv1:weight": filter 0 keeps [13] of input channels 0 to 3; valid: 2 of 4/,
      ),
    );
    expect(await broken(rigl, (same) => same, "layer1.0.conv1.weight:grad")).toContainEqual(
      expect.stringMatching(/layer layer1.0.conv1: \d+ (active weights have no gradient|gradients in)/),
    );
    const other = (manifest: Trace["manifest"]) => ({
      ...manifest,
      ops: manifest.ops.map((op) =>
        isMacOp(op) && op.pass === "inputGrad" && op.layer === "layer1.0.conv1"
          ? ({ ...op, operands: { ...op.operands, weight: "layer1.0.conv2:weight" } } as MacOp)
          : op,
      ),
    });
    expect(await broken(rigl, other)).toContainEqual(
      expect.stringMatching(/layer layer1.0.conv1: forward and inputGrad read different weights/),
    );
    expect(await broken(rigl, (manifest) => ({ ...manifest, denseGradient: true }))).toContainEqual(
      expect.stringMatching(/denseGradient: masks change in place of weights, got an optimizer op/),
    );
  });
});

function gradOf(trace: Trace, layer: string) {
  const op = trace.manifest.ops.find(
    (one) => isMacOp(one) && one.pass === "weightGrad" && one.layer === layer,
  ) as MacOp;
  const { nonzeros, mask } = trace.tensor(op.output as string);
  return { nonzeros, mask };
}

describe("the gradient of masked weights", () => {
  it("agrees with finite differences, of active weights and of those that are not", () => {
    const net = new GraphBuilder("small", [2, 5, 5]);
    const first = net.relu("relu", net.conv("conv", net.input, 4, { kernel: 3, padding: 1, bias: true }));
    net.linear("linear", first, 3);
    const built = net.build();
    const sizes = [4 * 2 * 9, 3 * 100];
    const masks = sizes.map((size): LayerMasks => {
      const active = Uint8Array.from({ length: size }, (_, i) => Number(i % 3 !== 0));
      return { sparsity: 1 / 3, active, wanted: null, state: {} };
    });
    const model = new Model(built, 4, createBackend("reference", 1), masks);
    model.initialise(7);
    model.pixels.forEach((_, i) => {
      model.pixels[i] = Math.sin(1 + i * 1.7);
    });
    const loss = () => {
      model.forward(4, { training: true, refresh: false });
      return model.backward(4, [0, 1, 2, 0], 0);
    };
    loss();
    const grads = model.swatLayers.map(({ weight }) => weight.grad.slice());
    const H = 2 ** -7;
    model.swatLayers.forEach(({ weight }, layer) => {
      const { active } = masks[layer];
      for (let i = 0; i < weight.values.length; i += 7) {
        const [value, isActive] = [weight.values[i], active[i]];
        // What the passes multiply with is moved, wherever it lies.
        active[i] = 1;
        const at = (moved: number) => {
          weight.values[i] = isActive * value + moved;
          return loss();
        };
        const slope = (at(H) - at(-H)) / (2 * H);
        [weight.values[i], active[i]] = [value, isActive];
        expect(Math.abs(slope - grads[layer][i])).toBeLessThan(2e-3);
      }
    });
  });
});

it("meprop is output gradients alone of swat-u", async () => {
  const [named, dropped] = await Promise.all([
    recorded({ method: "meprop", sparsity: 0.7 }),
    recorded({ method: "swat-u", sparsity: 0.7, drop: ["outputGrad:backward"] }),
  ]);
  expect(named.model.parameters.map(({ values }) => values)).toEqual(
    dropped.model.parameters.map(({ values }) => values),
  );
  expect(named.traces[0].manifest.method.name).toBe("meprop");
  expect(countOnes(await named.traces[0].mask("layer1.0.conv1:keptOutputGrad"))).toBeGreaterThan(0);
});

/**
 * Trains a network on a data set. A step is the recipe of SWAT: forward with sparse weights, save sparse inputs, backward
 * with both, dense update; everything in it is decided by the settings and the seed.
 */
import type { Backend } from "../kernels/backend.ts";
import { randomStream } from "../kernels/random.ts";
import { layersOf, type Network } from "../networks/graph.ts";
import { uniformSparsities } from "../sparsity/uniform.ts";
import { TRACE_VERSION } from "../trace/manifest.ts";
import type { DataSplits, Dataset } from "./data/dataset.ts";
import { evaluate } from "./evaluate.ts";
import { Model } from "./model.ts";
import { type Provenance, StepRecorder } from "./record.ts";
import { rateAt, type TrainSettings } from "./settings.ts";

/** Called after each step. */
export interface TrainProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
}

/** What a run may be told beside its settings. */
export interface TrainHooks {
  /** Whether to record step `step` of `steps`; every call is one finished step. */
  readonly records?: (step: number, steps: number) => boolean;
  /** Receives the bytes of each recorded step, `step` from 0. */
  readonly onTrace?: (step: number, bytes: Uint8Array) => Promise<void>;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Called after each finished epoch; what it keeps is there if a later one fails. */
  readonly onEpoch?: (model: Model, stepsDone: number) => Promise<void>;
  /** Stops after the current step; the result then says how far it came. */
  readonly signal?: AbortSignal;
}

/** A finished or interrupted run. */
export interface TrainOutcome {
  readonly model: Model;
  /** Fraction of test images classified correctly, 0..1. */
  readonly testAccuracy: number;
  /** Mean training loss of each epoch; the last one may be partial. */
  readonly epochLosses: readonly number[];
  /** Steps that were done, of `steps`. */
  readonly stepsDone: number;
  readonly steps: number;
}

/** Trains. @throws Error when the loss becomes NaN or infinite, naming the step and the layer. */
export async function train(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
  hooks: TrainHooks = {},
): Promise<TrainOutcome> {
  const { batchSize, epochs } = settings;
  const model = new Model(network, Math.min(batchSize, data.train.size), backend, sparsitiesOf(network, settings));
  model.initialise(settings.seed);
  const labels = new Uint8Array(batchSize);
  const stepsPerEpoch = Math.ceil(data.train.size / batchSize);
  const steps = epochs * stepsPerEpoch;
  const epochLosses: number[] = [];
  let step = 0;

  for (let epoch = 0; epoch < epochs && !hooks.signal?.aborted; epoch++) {
    const order = randomStream(settings.seed, "shuffle", epoch).permutation(data.train.size);
    const sgd = { ...settings, learningRate: rateAt(settings.schedule, epoch) };
    let lossSum = 0;
    let seen = 0;
    for (let index = 0; index < stepsPerEpoch && !hooks.signal?.aborted; index++, step++) {
      const batch = loadBatch(data.train, order, index * batchSize, batchSize, model, labels);

      const refresh = index % settings.topKPeriod === 0;
      model.forward(batch, { training: true, refresh });
      const loss = model.backward(batch, labels, settings.labelSmoothing);
      if (!Number.isFinite(loss)) {
        const layer = model.firstNonFinite(batch) ?? "loss";
        throw new Error(`step ${step}: layer ${layer}: NaN or infinity (loss ${loss}); lower the learning rate`);
      }
      if (hooks.records?.(step, steps)) {
        const recorder = new StepRecorder(backend, batch);
        model.record(recorder);
        const provenance = { ...provenanceOf(network, data, settings, backend), epoch, step, refreshed: refresh, loss };
        await hooks.onTrace?.(step, recorder.encode(provenance));
      }
      model.update(sgd);

      lossSum += loss * batch;
      seen += batch;
      hooks.onProgress?.({ step: step + 1, steps, epoch, loss });
      await nextTick();
    }
    if (seen > 0) epochLosses.push(lossSum / seen);
    if (!hooks.signal?.aborted) await hooks.onEpoch?.(model, step);
  }
  const testAccuracy = evaluate(model, data.test, Math.min(batchSize, data.train.size));
  return { model, testAccuracy, epochLosses, stepsDone: step, steps };
}

/** Fills the model's images and the labels with a batch in shuffled order; the last one of an epoch may be smaller. */
function loadBatch(
  data: Dataset,
  order: Uint32Array,
  from: number,
  batchSize: number,
  model: Model,
  labels: Uint8Array,
): number {
  const batch = Math.min(batchSize, data.size - from);
  for (let i = 0; i < batch; i++) {
    data.loadImage(order[from + i], model.pixels, i * model.images.size);
    labels[i] = data.label(order[from + i]);
  }
  return batch;
}

/** Sparsity of each convolution and linear layer, null where the method is dense. */
export function sparsitiesOf(network: Network, settings: TrainSettings): (number | null)[] {
  const layers = layersOf(network).length;
  if (settings.method === "dense") return new Array<null>(layers).fill(null);
  return uniformSparsities(layers, settings.sparsity, settings);
}

function provenanceOf(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
): Omit<Provenance, "step"> {
  const { method, sparsity, topKPeriod, firstLayerDense, lastLayerDense, seed } = settings;
  const { epochs, batchSize, schedule, momentum, nesterov, weightDecay, labelSmoothing } = settings;
  const swat = { sparsity, topKPeriod, firstLayerDense, lastLayerDense };
  return {
    version: TRACE_VERSION,
    producer: "swat-sim",
    network: network.name,
    dataset: data.name,
    method: { name: method, ...(method === "dense" ? {} : swat) },
    settings: { epochs, batchSize, schedule, momentum, nesterov, weightDecay, labelSmoothing },
    seed,
    kernels: backend.name,
  };
}

/** Lets timers and signals run: a step blocks the thread. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

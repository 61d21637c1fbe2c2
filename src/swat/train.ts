/**
 * Trains a network on a data set. A step is the recipe of SWAT: forward with sparse weights, save sparse inputs, backward
 * with both, dense update; everything in it is decided by the settings and the seed.
 */
import type { Backend } from "../kernels/backend.ts";
import { randomStream } from "../kernels/random.ts";
import { layersOf, type Network, parameterShape } from "../networks/graph.ts";
import { fixedSparsities } from "../sparsity/methods.ts";
import { TRACE_VERSION } from "../trace/manifest.ts";
import { augmentation } from "./data/augment.ts";
import type { DataSplits, Dataset } from "./data/dataset.ts";
import { evaluate, type FinalPruning, finalPruning } from "./evaluate.ts";
import { Model } from "./model.ts";
import { MomentumSharing } from "./momentum-sharing.ts";
import { type Provenance, StepRecorder } from "./record.ts";
import { rateOfStep, type TrainSettings } from "./settings.ts";

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
  /** The weights that remain when they are pruned once for all, and their accuracy; null for dense training. */
  readonly finalPruning: FinalPruning | null;
  /** Mean training loss of each epoch; the last one may be partial. */
  readonly epochLosses: readonly number[];
  /** Steps that were done, of `steps`. */
  readonly stepsDone: number;
  readonly steps: number;
}

/**
 * Trains. @throws Error when the loss or a momentum that SWAT-M shares by becomes NaN or infinite, naming the step and the
 * layer, and for SWAT-M without momentum.
 */
export async function train(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
  hooks: TrainHooks = {},
): Promise<TrainOutcome> {
  const { batchSize, epochs, pruning, seed } = settings;
  const maxBatch = Math.min(batchSize, data.train.size);
  const model = new Model(network, maxBatch, backend, sparsitiesOf(network, settings), pruning);
  const sharing = sharingOf(model, settings);
  model.initialise(seed);
  const labels = new Uint16Array(batchSize);
  const trainImages = augmentation(data.train, settings.augment ?? [], settings.seed);
  const stepsPerEpoch = Math.ceil(data.train.size / batchSize);
  const steps = epochs * stepsPerEpoch;
  const epochLosses: number[] = [];
  let step = 0;

  for (let epoch = 0; epoch < epochs && !hooks.signal?.aborted; epoch++) {
    const order = randomStream(seed, "shuffle", epoch).permutation(data.train.size);
    const warmup = epoch < settings.warmup;
    let lossSum = 0;
    let seen = 0;
    for (let index = 0; index < stepsPerEpoch && !hooks.signal?.aborted; index++, step++) {
      const batch = loadBatch(trainImages(epoch), order, index * batchSize, batchSize, model, labels);

      const refresh = index % settings.topKPeriod === 0;
      model.forward(batch, { training: true, refresh, warmup, seed, step });
      const loss = model.backward(batch, labels, settings.labelSmoothing);
      if (!Number.isFinite(loss)) {
        const layer = model.firstNonFinite(batch) ?? "loss";
        throw new Error(`step ${step}: layer ${layer}: NaN or infinity (loss ${loss}); lower the learning rate`);
      }
      if (hooks.records?.(step, steps)) {
        const recorder = new StepRecorder(backend, batch);
        model.record(recorder);
        const refreshed = refresh || warmup;
        const provenance = { ...provenanceOf(network, data, settings, backend), epoch, step, refreshed, loss };
        await hooks.onTrace?.(step, recorder.encode(provenance));
      }
      model.update({ ...settings, learningRate: rateOfStep(settings, step, stepsPerEpoch) }, sharing);
      shareAfter(step, sharing);

      lossSum += loss * batch;
      seen += batch;
      hooks.onProgress?.({ step: step + 1, steps, epoch, loss });
      await nextTick();
    }
    if (seen > 0) epochLosses.push(lossSum / seen);
    if (!hooks.signal?.aborted) await hooks.onEpoch?.(model, step);
  }
  const testAccuracy = evaluate(model, data.test, maxBatch);
  const pruned = settings.method === "dense" ? null : finalPruning(model, testAccuracy);
  return { model, testAccuracy, finalPruning: pruned, epochLosses, stepsDone: step, steps };
}

/** What shares weights among layers after every step; undefined for methods that do not. */
function sharingOf(
  model: Model,
  { method, momentum, sparsity, ...exempt }: TrainSettings,
): MomentumSharing | undefined {
  if (method !== "swat-m") return undefined;
  if (momentum === 0) throw new Error("momentum: swat-m shares weights by it, got 0; valid: more than 0");
  return new MomentumSharing(model.swatLayers, sparsity, exempt);
}

function shareAfter(step: number, sharing: MomentumSharing | undefined): void {
  try {
    sharing?.share();
  } catch (error) {
    throw new Error(`step ${step}: ${(error as Error).message}`, { cause: error });
  }
}

/** Fills the model's images and the labels with a batch in shuffled order; the last one of an epoch may be smaller. */
function loadBatch(
  data: Dataset,
  order: Uint32Array,
  from: number,
  batchSize: number,
  model: Model,
  labels: Uint16Array,
): number {
  const batch = Math.min(batchSize, data.size - from);
  for (let i = 0; i < batch; i++) {
    data.loadImage(order[from + i], model.pixels, i * model.images.size);
    labels[i] = data.label(order[from + i]);
  }
  return batch;
}

/** Sparsity of each convolution and linear layer in the first step, null where the method is dense. */
function sparsitiesOf(network: Network, settings: TrainSettings): readonly (number | null)[] {
  const { method, sparsity } = settings;
  const shapes = layersOf(network).map(parameterShape);
  if (method === "dense") return shapes.map(() => null);
  return fixedSparsities(method === "swat-m" ? "swat-u" : method, shapes, sparsity, settings);
}

function provenanceOf(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
): Omit<Provenance, "step"> {
  const { method, sparsity, topKPeriod, firstLayerDense, lastLayerDense, seed } = settings;
  const { epochs, batchSize, schedule, rateWarmup, momentum, nesterov, weightDecay } = settings;
  const { batchNormDecay, labelSmoothing, pruning, warmup } = settings;
  const update = { momentum, nesterov, weightDecay, batchNormDecay, labelSmoothing };
  const swat = { sparsity, topKPeriod, firstLayerDense, lastLayerDense };
  return {
    version: TRACE_VERSION,
    producer: "swat-sim",
    network: network.name,
    dataset: data.name,
    method: { name: method, ...(method === "dense" ? {} : swat) },
    settings: {
      epochs,
      batchSize,
      schedule,
      rateWarmup,
      ...update,
      ...(method === "dense" ? {} : { pruning, warmup }),
      ...(settings.augment === undefined ? {} : { augment: settings.augment }),
    },
    seed,
    kernels: backend.name,
  };
}

/** Lets timers and signals run: a step blocks the thread. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

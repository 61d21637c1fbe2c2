/**
 * Trains a network on a data set. A step is the recipe of SWAT: forward with sparse weights, save sparse inputs, backward
 * with both, dense update; everything in it is decided by the settings and the seed.
 */

import { randomStream } from "../core/random.ts";
import type { Backend } from "../kernels/backend.ts";
import { layersOf, type Network, parameterShape } from "../networks/graph.ts";
import { fixedSparsities } from "../sparsity/methods.ts";
import { TRACE_VERSION } from "../trace/manifest.ts";
import { augmentation } from "./data/augment.ts";
import type { DataSplits, Dataset } from "./data/dataset.ts";
import { DivergenceError } from "./divergence-error.ts";
import { evaluate, type FinalPruning, finalPruning } from "./evaluate.ts";
import { Model } from "./model.ts";
import type { MomentumSharing } from "./momentum-sharing.ts";
import { type Provenance, recordStep } from "./record.ts";
import { rateOfStep, type TrainSettings } from "./settings.ts";
import { checkSharing, sharingOf } from "./sharing-settings.ts";
import { modelState, restoreModel, type TrainState } from "./state.ts";
import { layerReports, type TrainingEvent } from "./training-log.ts";
import { HealthWatch, NO_HEALTH, type RunHealth, withEpoch } from "./weight-health.ts";

/** Called after each step. */
export interface TrainProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly loss: number;
  /** Images of the step. */
  readonly images: number;
}

/** What a run may be told beside its settings. */
export interface TrainHooks {
  /** Whether to record step `step` of `steps`; every call is one finished step. */
  readonly records?: (step: number, steps: number) => boolean;
  /** Receives the bytes of each recorded step, `step` from 0. */
  readonly onTrace?: (step: number, bytes: Uint8Array) => Promise<void>;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Receives what the user should know but is no error: dead filters and exploding weights, once each. */
  readonly onWarning?: (text: string) => void;
  /** Called after each finished epoch and each recorded step. */
  readonly onEvent?: (event: TrainingEvent) => Promise<void>;
  /**
   * Receives the state, of a run of `steps` steps, after each epoch, every `checkpointEvery` steps, and where it is stopped.
   * The arrays are the model's.
   */
  readonly onCheckpoint?: (state: TrainState, steps: number) => Promise<void>;
  readonly checkpointEvery?: number | undefined;
  /** Epochs from evaluation to evaluation, each one where not given; the last is always evaluated. Training stays the same. */
  readonly evaluateEvery?: number | undefined;
  /** Stops after the current step; the result then says how far it came. */
  readonly signal?: AbortSignal;
}

/** A finished or interrupted run. */
export interface TrainOutcome {
  readonly model: Model;
  /** Fraction of test images classified correctly, 0..1. */
  readonly testAccuracy: number;
  /** The weights that remain when they are pruned once for all, and their accuracy; null where the forward pass has dense weights. */
  readonly finalPruning: FinalPruning | null;
  /** Mean training loss of each epoch; the last one may be partial. */
  readonly epochLosses: readonly number[];
  /** Densities, dead filters and largest weights in the last step of each finished epoch. */
  readonly health: RunHealth;
  /** Steps that were done, of `steps`. */
  readonly stepsDone: number;
  readonly steps: number;
}

/** Where a run resumes; `where` names its file in messages. */
export interface ResumedState {
  readonly state: TrainState;
  readonly where: string;
}

/** As `prepareTraining` and its run in one. */
export async function train(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
  hooks: TrainHooks = {},
): Promise<TrainOutcome> {
  return prepareTraining(network, data, settings, backend)(hooks);
}

/**
 * Builds all that training takes, and returns what trains: what cannot begin is refused here, before anything is written. A
 * run that resumes from the state after any step gives what it would have given without a stop, bit by bit.
 * @throws Error for SWAT-M without momentum or without weights to share, and for augmentations that the data cannot have;
 * InputError for options of sharing that the method has no use for, and where the state to resume from is one of another network. The run throws DivergenceError when the loss, a momentum
 * that SWAT-M shares by, or a parameter at a checkpoint becomes NaN or infinite, naming the step and the layer.
 */
export function prepareTraining(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
  resume?: ResumedState,
): (hooks: TrainHooks) => Promise<TrainOutcome> {
  const { batchSize, pruning, seed } = settings;
  const maxBatch = Math.min(batchSize, data.train.size);
  checkSharing(settings);
  const selection = { pruning, drops: settings.drop, keepFilters: settings.keepFilters };
  const model = new Model(network, maxBatch, backend, sparsitiesOf(network, settings), selection);
  const sharing = sharingOf(model, settings);
  model.initialise(seed);
  const trainImages = augmentation(data.train, settings.augment ?? [], seed);
  if (resume !== undefined) restoreModel(model, resume.state, resume.where);
  const prepared = { network, data, settings, maxBatch, model, sharing, trainImages, state: resume?.state };
  return (hooks) => runSteps(prepared, hooks);
}

interface Prepared {
  readonly network: Network;
  readonly data: DataSplits;
  readonly settings: TrainSettings;
  readonly maxBatch: number;
  readonly model: Model;
  readonly sharing: MomentumSharing | undefined;
  /** Of an epoch. */
  readonly trainImages: (epoch: number) => Dataset;
  readonly state: TrainState | undefined;
}

async function runSteps(prepared: Prepared, hooks: TrainHooks): Promise<TrainOutcome> {
  const { network, data, settings, maxBatch, model, sharing, trainImages, state } = prepared;
  const { batchSize, epochs, seed } = settings;
  const evaluation = sharing === undefined ? "authors" : settings.evaluation;
  const { backend } = model;
  const labels = new Uint16Array(batchSize);
  const stepsPerEpoch = Math.ceil(data.train.size / batchSize);
  const steps = epochs * stepsPerEpoch;
  const { checkpointEvery = steps, evaluateEvery = 1 } = hooks;
  const epochLosses = [...(state?.epochLosses ?? [])];
  let { stepsDone: step = 0, lossSum = 0, health = NO_HEALTH } = state ?? {};
  const watch = new HealthWatch(hooks.onWarning ?? (() => {}));
  let testAccuracy: number | undefined;
  const save = async () => {
    checkParameters(model, step - 1);
    const position = { stepsDone: step, epochLosses: [...epochLosses], lossSum, health };
    await hooks.onCheckpoint?.({ ...position, ...modelState(model) }, steps);
  };

  for (let epoch = Math.floor(step / stepsPerEpoch); epoch < epochs && !hooks.signal?.aborted; epoch++) {
    const order = randomStream(seed, "shuffle", epoch).permutation(data.train.size);
    const warmup = epoch < settings.warmup;
    for (let index = step % stepsPerEpoch; index < stepsPerEpoch && !hooks.signal?.aborted; index++) {
      const batch = loadBatch(trainImages(epoch), order, index * batchSize, batchSize, model, labels);

      const refresh = index % settings.topKPeriod === 0;
      model.forward(batch, { training: true, refresh, warmup, seed, step });
      const loss = model.backward(batch, labels, settings.labelSmoothing);
      checkLoss(model, batch, loss, step);
      const recorded = hooks.records?.(step, steps) === true;
      if (recorded) {
        const refreshed = refresh || warmup;
        const provenance = { ...provenanceOf(network, data, settings, backend), epoch, step, refreshed, loss };
        await hooks.onTrace?.(step, recordStep(model, batch, provenance));
      }
      const isLast = index === stepsPerEpoch - 1;
      // The update moves the weights that a pass without drops has read.
      const layers = recorded || isLast ? layerReports(model, batch) : [];
      const learningRate = rateOfStep(settings, step, stepsPerEpoch);
      const refreshIsNext = isLast || (index + 1) % settings.topKPeriod === 0;
      const shares = settings.shareAt !== "refresh" || refreshIsNext ? sharing : undefined;
      model.update({ ...settings, learningRate }, shares);
      shareAfter(step, shares);

      lossSum += loss * batch;
      hooks.onProgress?.({ step: step + 1, steps, epoch, loss, images: batch });
      const at = { epoch, step };
      if (recorded) await hooks.onEvent?.({ event: "step", ...at, loss, learningRate, layers });
      step++;
      if (isLast) {
        epochLosses.push(lossSum / data.train.size);
        lossSum = 0;
        health = withEpoch(health, epoch, layers);
        watch.look(epoch, layers);
        const isDue = (epoch + 1) % evaluateEvery === 0 || step === steps;
        testAccuracy = isDue ? evaluate(model, data.test, maxBatch, evaluation) : undefined;
        const results = { loss: epochLosses[epoch], testAccuracy };
        await hooks.onEvent?.({ event: "epoch", ...at, ...results, learningRate, layers });
      }
      if (isLast || step % checkpointEvery === 0) await save();
      await nextTick();
    }
  }
  const seen = (step % stepsPerEpoch) * batchSize;
  if (hooks.signal?.aborted) await save();
  if (seen > 0) epochLosses.push(lossSum / seen);
  if (seen > 0 || testAccuracy === undefined) testAccuracy = evaluate(model, data.test, maxBatch, evaluation);
  const prunes = settings.method !== "dense" && settings.drop?.includes("weights:forward") !== false;
  const pruned = prunes ? finalPruning(model, testAccuracy) : null;
  return { model, testAccuracy, finalPruning: pruned, epochLosses, health, stepsDone: step, steps };
}

function shareAfter(step: number, sharing: MomentumSharing | undefined): void {
  try {
    sharing?.share();
  } catch (error) {
    const Kind = error instanceof DivergenceError ? DivergenceError : Error;
    throw new Kind(`step ${step}: ${(error as Error).message}`, { cause: error });
  }
}

function checkLoss(model: Model, batch: number, loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  const layer = model.firstNonFinite(batch) ?? "loss";
  throw new DivergenceError(`step ${step}: layer ${layer}: NaN or infinity (loss ${loss}); lower the learning rate`);
}

/** A run cannot resume from a state that holds a NaN or an infinity: the previous checkpoint must stay. */
function checkParameters({ parameters }: Model, step: number): void {
  const fault = parameters.find(({ values }) => {
    for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return true;
    return false;
  });
  if (fault === undefined) return;
  throw new DivergenceError(
    `step ${step}: parameter ${fault.name}: NaN or infinity after the update; lower the learning rate`,
  );
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
  const { batchNormDecay, labelSmoothing, pruning, warmup, drop } = settings;
  const { shareBy, shareGrowth, shareAt, keepFilters } = settings;
  const update = { momentum, nesterov, weightDecay, batchNormDecay, labelSmoothing };
  const swat = { sparsity, topKPeriod, firstLayerDense, lastLayerDense };
  return {
    version: TRACE_VERSION,
    producer: "swat-sim",
    network: network.name,
    dataset: data.name,
    method:
      method === "dense"
        ? { name: method }
        : { name: drop === undefined ? method : `${method} of ${drop.join("+")}`, ...swat },
    settings: {
      epochs,
      batchSize,
      schedule,
      rateWarmup,
      ...update,
      ...(method === "dense" ? {} : { pruning, warmup }),
      ...{ shareBy, shareGrowth, shareAt, keepFilters },
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

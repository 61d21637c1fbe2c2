/**
 * Trains a network on a data set. A step is the recipe of SWAT: forward with sparse weights, save sparse inputs, backward
 * with both, dense update; everything in it is decided by the settings and the seed.
 */

import { randomStream } from "../core/random.ts";
import { InputError } from "../io/faults.ts";
import type { Backend } from "../kernels/backend.ts";
import { layersOf, type Network, parameterShape } from "../networks/graph.ts";
import { fixedSparsities } from "../sparsity/methods.ts";
import type { Pruning } from "../sparsity/structured.ts";
import { dropsOf, topKMethod } from "../sparsity/training-methods.ts";
import { type BatchLoader, batchLoader } from "./data/batches.ts";
import type { DataSplits } from "./data/dataset.ts";
import { DivergenceError } from "./divergence-error.ts";
import { evaluate, type FinalPruning, finalPruning } from "./evaluate.ts";
import type { Evaluation, Phase } from "./layers/layer.ts";
import { type MaskPlan, maskPlanOf, regrowMasks } from "./masking.ts";
import { checkMethod } from "./method-settings.ts";
import { Model, type StepObserver } from "./model.ts";
import type { MomentumSharing } from "./momentum-sharing.ts";
import { provenanceOf } from "./provenance.ts";
import { StepRecorder } from "./record.ts";
import type { RecordSelection } from "./record-selection.ts";
import { checkOptimizer, checkSchedule, rateOfStep, type TrainSettings } from "./settings.ts";
import { checkSharing, sharingOf } from "./sharing-settings.ts";
import { modelState, restoreModel, type TrainState } from "./state.ts";
import { StepPlan } from "./step-plan.ts";
import { StepReporter, type TrainingEvent } from "./training-log.ts";
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
  /** Id of the run, which its traces carry. */
  readonly run?: string;
  /** Which steps to record; called once for each step, before it runs. */
  readonly records?: RecordSelection;
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
  const { batchSize, method, seed, keepFilters } = settings;
  const maxBatch = Math.min(batchSize, data.train.size);
  checkMethod(settings);
  checkSharing(settings);
  checkSchedule(settings);
  checkOptimizer(settings);
  const masks = maskPlanOf(network, settings, new StepPlan(settings, data.train.size).steps);
  const pruning = masks === undefined ? (settings.pruning as Pruning) : "unstructured";
  const selection = { pruning, drops: settings.drop ?? dropsOf(method), keepFilters };
  const model = new Model(network, maxBatch, backend, masks?.layers ?? sparsitiesOf(network, settings), selection);
  const sharing = sharingOf(model, settings);
  model.initialise(seed);
  if (settings.optimizer === "adamw") model.addSquares();
  const trainImages = batchLoader(data.train, settings.augment ?? [], seed);
  if (resume !== undefined) restoreModel(model, resume.state, resume.where);
  const prepared = { network, data, settings, maxBatch, model, masks, sharing, trainImages, state: resume?.state };
  return (hooks) => runSteps(prepared, hooks);
}

interface Prepared {
  readonly network: Network;
  readonly data: DataSplits;
  readonly settings: TrainSettings;
  readonly maxBatch: number;
  readonly model: Model;
  readonly masks: MaskPlan | undefined;
  readonly sharing: MomentumSharing | undefined;
  readonly trainImages: BatchLoader;
  readonly state: TrainState | undefined;
}

async function runSteps(prepared: Prepared, hooks: TrainHooks): Promise<TrainOutcome> {
  try {
    return await new TrainingRun(prepared, hooks).run();
  } finally {
    prepared.trainImages.close();
  }
}

/** A step on its way from its images to the update of the weights. */
interface StepInEpoch {
  readonly epoch: number;
  readonly index: number;
  readonly order: Uint32Array;
  readonly warmup: boolean;
}

/** A run between its first step, or where it resumes, and its last. */
class TrainingRun {
  readonly #prepared: Prepared;
  readonly #hooks: TrainHooks;
  readonly #evaluation: Evaluation;
  readonly #plan: StepPlan;
  readonly #stepsPerEpoch: number;
  readonly #steps: number;
  readonly #labels: Uint16Array;
  readonly #watch: HealthWatch;
  readonly #epochLosses: number[];
  /** Steps that are done. */
  #step: number;
  #lossSum: number;
  #health: RunHealth;
  #testAccuracy: number | undefined;

  constructor(prepared: Prepared, hooks: TrainHooks) {
    const { data, settings, sharing, state } = prepared;
    this.#prepared = prepared;
    this.#hooks = hooks;
    this.#evaluation = sharing === undefined ? "authors" : settings.evaluation;
    this.#plan = new StepPlan(settings, data.train.size);
    this.#stepsPerEpoch = this.#plan.stepsPerEpoch;
    this.#steps = this.#plan.steps;
    this.#labels = new Uint16Array(settings.batchSize);
    this.#watch = new HealthWatch(hooks.onWarning ?? (() => {}));
    this.#epochLosses = [...(state?.epochLosses ?? [])];
    this.#step = state?.stepsDone ?? 0;
    this.#lossSum = state?.lossSum ?? 0;
    this.#health = state?.health ?? NO_HEALTH;
  }

  async run(): Promise<TrainOutcome> {
    const { data, settings } = this.#prepared;
    const perEpoch = this.#stepsPerEpoch;
    const { checkpointEvery = this.#steps } = this.#hooks;
    for (let epoch = Math.floor(this.#step / perEpoch); epoch < settings.epochs && !this.#isAborted; epoch++) {
      const order = randomStream(settings.seed, "shuffle", epoch).permutation(data.train.size);
      const warmup = epoch < settings.warmup;
      for (let index = this.#step % perEpoch; index < perEpoch && !this.#isAborted; index++) {
        await this.#takeStep({ epoch, index, order, warmup });
        if (index === perEpoch - 1 || this.#step % checkpointEvery === 0) await this.#save();
        await nextTick();
      }
    }
    return this.#outcome();
  }

  get #isAborted(): boolean {
    return this.#hooks.signal?.aborted === true;
  }

  async #takeStep(at: StepInEpoch): Promise<void> {
    const { settings, model, masks, sharing } = this.#prepared;
    const { epoch, index, warmup } = at;
    const { topKPeriod, seed } = settings;
    const step = this.#step;
    const batch = await this.#loadBatch(at);
    const maskStep = masks?.stepKind(step);
    const refresh = maskStep === undefined ? index % topKPeriod === 0 : maskStep !== "keep";
    const isRecorded = this.#hooks.records?.(step, this.#plan) === true;
    const isLast = index === this.#stepsPerEpoch - 1;
    const recorder = isRecorded ? new StepRecorder(model, batch) : null;
    const reporter = isRecorded || isLast ? new StepReporter(model, batch) : null;
    const observer = observers(recorder, reporter);
    const phase = { training: true, refresh, warmup, ...(maskStep && { maskStep }), seed, step };
    model.forward(batch, phase, observer);
    const loss = model.backward(batch, this.#labels, settings.labelSmoothing, observer);
    checkLoss(model, batch, phase, loss);
    const denseGradient = maskStep === "regrow" ? { denseGradient: true } : {};
    await this.#record(recorder, { epoch, step, refreshed: refresh || warmup, ...denseGradient, loss });
    const reports = reporter?.layers ?? [];
    const learningRate = rateOfStep(settings, step, this.#stepsPerEpoch);
    const refreshIsNext = isLast || (index + 1) % topKPeriod === 0;
    const shares = settings.shareAt !== "refresh" || refreshIsNext ? sharing : undefined;
    const changes = maskStep === "regrow" ? regrowMasks(model, step) : [];
    if (maskStep !== "regrow") model.update({ ...settings, learningRate, step }, shares);
    shareAfter(step, shares);

    const layers = reports.map((report, index) => ({ ...report, ...changes[index] }));
    this.#lossSum += loss * batch;
    this.#hooks.onProgress?.({ step: step + 1, steps: this.#steps, epoch, loss, images: batch });
    if (isRecorded) await this.#hooks.onEvent?.({ event: "step", epoch, step, loss, learningRate, layers });
    this.#step++;
    if (isLast) await this.#endEpoch({ epoch, step }, learningRate, layers);
  }

  /** Fills the model's images and the labels; the last batch of an epoch may be smaller. The next one is loaded meanwhile. */
  async #loadBatch({ epoch, index, order }: StepInEpoch): Promise<number> {
    const { data, settings, model, trainImages } = this.#prepared;
    const { batchSize } = settings;
    const indicesOf = (at: number) => order.subarray(at * batchSize, (at + 1) * batchSize);
    const indices = indicesOf(index);
    await trainImages.load(epoch, indices, model.pixels);
    if (index < this.#stepsPerEpoch - 1) trainImages.prepare(epoch, indicesOf(index + 1));
    indices.forEach((image, i) => {
      this.#labels[i] = data.train.label(image);
    });
    return indices.length;
  }

  async #record(
    recorder: StepRecorder | null,
    at: { epoch: number; step: number; refreshed: boolean; denseGradient?: boolean; loss: number },
  ): Promise<void> {
    if (recorder === null) return;
    const { network, data, settings, model } = this.#prepared;
    const stratum = { stepKind: this.#plan.kindOf(at.step), phase: this.#plan.phaseOf(at.step) };
    const provenance = { ...provenanceOf(network, data, settings, model.backend), ...at, ...stratum };
    await this.#hooks.onTrace?.(at.step, recorder.encode(provenance, this.#hooks.run));
  }

  async #endEpoch(
    at: { readonly epoch: number; readonly step: number },
    learningRate: number,
    layers: StepReporter["layers"],
  ): Promise<void> {
    const { data } = this.#prepared;
    const { evaluateEvery = 1 } = this.#hooks;
    this.#epochLosses.push(this.#lossSum / data.train.size);
    this.#lossSum = 0;
    this.#health = withEpoch(this.#health, at.epoch, layers);
    this.#watch.look(at.epoch, layers);
    const isDue = (at.epoch + 1) % evaluateEvery === 0 || this.#step === this.#steps;
    this.#testAccuracy = isDue ? this.#evaluate() : undefined;
    const results = { loss: this.#epochLosses[at.epoch], testAccuracy: this.#testAccuracy };
    await this.#hooks.onEvent?.({ event: "epoch", ...at, ...results, learningRate, layers });
  }

  #evaluate(): number {
    const { model, data, maxBatch } = this.#prepared;
    return evaluate(model, data.test, maxBatch, this.#evaluation);
  }

  async #save(): Promise<void> {
    const { model } = this.#prepared;
    checkParameters(model, this.#step - 1);
    const position = { stepsDone: this.#step, epochLosses: [...this.#epochLosses] };
    const sums = { lossSum: this.#lossSum, health: this.#health };
    await this.#hooks.onCheckpoint?.({ ...position, ...sums, ...modelState(model) }, this.#steps);
  }

  /** Where the run ended, or was stopped. */
  async #outcome(): Promise<TrainOutcome> {
    const { model, settings } = this.#prepared;
    const seen = (this.#step % this.#stepsPerEpoch) * settings.batchSize;
    if (this.#isAborted) await this.#save();
    if (seen > 0) this.#epochLosses.push(this.#lossSum / seen);
    const isStale = seen > 0 || this.#testAccuracy === undefined;
    const testAccuracy = isStale ? this.#evaluate() : (this.#testAccuracy as number);
    const { method, drop = dropsOf(method) } = settings;
    const prunes = method !== "dense" && drop.includes("weights:forward");
    const pruned = prunes ? finalPruning(model, testAccuracy) : null;
    const reached = { health: this.#health, stepsDone: this.#step, steps: this.#steps };
    return { model, testAccuracy, finalPruning: pruned, epochLosses: this.#epochLosses, ...reached };
  }
}

function shareAfter(step: number, sharing: MomentumSharing | undefined): void {
  try {
    sharing?.share();
  } catch (error) {
    const fault = `step ${step}: ${(error as Error).message}`;
    if (error instanceof DivergenceError) throw new DivergenceError(fault, { cause: error });
    throw error instanceof InputError ? new InputError([fault], { cause: error }) : error;
  }
}

/** Calls all of them that are there. */
function observers(...list: readonly (StepObserver | null)[]): StepObserver {
  const present = list.filter((observer) => observer !== null);
  return {
    onOutput: (node, output) => present.forEach((observer) => void observer.onOutput?.(node, output)),
    onGradient: (node, output) => present.forEach((observer) => void observer.onGradient?.(node, output)),
    onBackward: (node, output) => present.forEach((observer) => void observer.onBackward?.(node, output)),
  };
}

function checkLoss(model: Model, batch: number, phase: Phase & { readonly step: number }, loss: number): void {
  if (Number.isFinite(loss)) return;
  const { step } = phase;
  const layer = model.firstNonFinite(batch, phase) ?? "loss";
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

/** Sparsity of each convolution and linear layer in the first step, null where the method is dense. */
function sparsitiesOf(network: Network, settings: TrainSettings): readonly (number | null)[] {
  const { method, sparsity } = settings;
  const shapes = layersOf(network).map(parameterShape);
  if (method === "dense") return shapes.map(() => null);
  const named = topKMethod(method);
  return fixedSparsities(named === "swat-m" ? "swat-u" : named, shapes, sparsity, settings);
}

/** Lets timers and signals run: a step blocks the thread. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What a run logs at the end of an epoch and of a recorded step: loss, accuracy, learning rate, and the state of each layer. */
import { countNonzeros, countOnes } from "../core/bit-mask.ts";
import type { NetworkNode } from "../networks/graph.ts";
import { emptyFilters } from "../sparsity/keep-filters.ts";
import type { SwatLayer } from "./layers/swat-layer.ts";
import type { Model, StepObserver } from "./model.ts";
import type { LayerHealth } from "./weight-health.ts";

/** A convolution or linear layer in one step. */
export interface LayerReport extends LayerHealth {
  /** Nonzeros / elements of the inputs saved for the weight gradient. */
  readonly savedInputDensity: number;
  /** Of a layer with masks: elements of the weight gradient that were computed / weights. */
  readonly gradientDensity?: number;
  /** Of a step that changed masks in place of the weights. */
  readonly dropped?: number;
  readonly grown?: number;
}

/** An entry of the log. `epoch` and `step` count from 0, over the whole run; the layers are those of that step. */
export interface TrainingEvent {
  readonly event: "epoch" | "step";
  readonly epoch: number;
  readonly step: number;
  /** Mean over the images of the epoch, or of the step's batch, in nats. */
  readonly loss: number;
  /** Fraction of test images classified correctly after the epoch, 0..1, where it was evaluated. */
  readonly testAccuracy?: number | undefined;
  /** That of the step. */
  readonly learningRate: number;
  readonly layers: readonly LayerReport[];
}

/** Reports of the convolutions and linear layers of a training step that it observes, in execution order. */
export class StepReporter implements StepObserver {
  readonly layers: LayerReport[] = [];
  readonly #model: Model;
  readonly #batch: number;

  /** @param batch images of the step. */
  constructor(model: Model, batch: number) {
    this.#model = model;
    this.#batch = batch;
  }

  onOutput({ name }: NetworkNode): void {
    const layer = this.#model.swatLayers.find((candidate) => candidate.name === name);
    if (layer !== undefined) this.layers.push(reportOf(layer, this.#model, this.#batch));
  }
}

function reportOf(layer: SwatLayer, { backend }: Model, batch: number): LayerReport {
  const { name, source, weight, sparsity, ranked } = layer;
  const forwardWeight = layer.active ?? layer.weightOf("forward");
  const saved = countOnes(backend.mask(source.values, batch, layer.keptFrom("inputs:backward") ?? 0));
  return {
    layer: name,
    sparsity: sparsity === null ? null : ranked.weight,
    weightDensity: countNonzeros(forwardWeight) / forwardWeight.length,
    savedInputDensity: saved / (batch * source.size),
    ...(layer.masks === null ? {} : { gradientDensity: layer.wanted === null ? 1 : meanOf(layer.wanted) }),
    weights: forwardWeight.length,
    filters: weight.shape[0],
    deadFilters: emptyFilters(forwardWeight, weight.shape[0]),
    largestWeight: largestOf(weight.values),
  };
}

/** Share of the ones. */
function meanOf(mask: Uint8Array): number {
  return countNonzeros(mask) / mask.length;
}

/** Largest magnitude; NaN where there is one. */
function largestOf(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

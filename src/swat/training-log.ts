/** What a run tells at the end of an epoch and of a recorded step: loss, accuracy, learning rate, and how dense each layer was. */
import { countNonzeros, countOnes } from "../kernels/bit-mask.ts";
import type { Model } from "./model.ts";

/** Densities (nonzeros / elements) of the weights that a layer's forward pass read and of the inputs saved for its weight gradient. */
export interface LayerDensities {
  readonly layer: string;
  readonly weightDensity: number;
  readonly savedInputDensity: number;
}

/** An entry of the log. `epoch` and `step` count from 0, over the whole run; the densities are those of that step. */
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
  readonly layers: readonly LayerDensities[];
}

/** Densities of each convolution and linear layer in a training step of `batch` images, between its backward pass and its update. */
export function layerDensities(model: Model, batch: number): LayerDensities[] {
  return model.swatLayers.map(({ name, source, operands: { forwardWeight, savedInputThreshold } }) => {
    const saved = countOnes(model.backend.mask(source.values, batch, savedInputThreshold));
    return {
      layer: name,
      weightDensity: countNonzeros(forwardWeight) / forwardWeight.length,
      savedInputDensity: saved / (batch * source.size),
    };
  });
}

/**
 * Test accuracy with sparse weights and dense activations, as SWAT evaluates. Weights are pruned once, by the exact top-k of
 * each layer and not by a threshold of training: this is also SWAT's final pruning. A layer keeps what its sparsity asks for or,
 * where SWAT-M has moved that since, as many weights as in the last training step.
 */
import { countNonzeros } from "../core/bit-mask.ts";
import type { Dataset } from "./data/dataset.ts";
import type { Evaluation } from "./layers/layer.ts";
import type { Model } from "./model.ts";

/** Fraction of `data`'s images that the model classifies correctly, 0..1; ties go to the lowest class. */
export function evaluate(model: Model, data: Dataset, batchSize: number, evaluation: Evaluation = "authors"): number {
  const logits = new Float32Array(batchSize * model.classes);
  let correct = 0;
  for (let from = 0; from < data.size; from += batchSize) {
    const batch = Math.min(batchSize, data.size - from);
    for (let i = 0; i < batch; i++) data.loadImage(from + i, model.pixels, i * model.images.size);
    model.forward(batch, { training: false, refresh: from === 0, evaluation });
    model.backend.read(model.logits.values, batch, logits);
    for (let i = 0; i < batch; i++)
      if (predict(logits, i * model.classes, model.classes) === data.label(from + i)) correct++;
  }
  return correct / data.size;
}

/** The weights that are left of a trained model. */
export interface FinalPruning {
  /** Fraction of test images classified correctly with these weights and dense activations, 0..1. */
  readonly testAccuracy: number;
  /** Weights kept / weights, over all convolutions and linear layers. */
  readonly density: number;
  readonly layers: readonly { readonly layer: string; readonly weights: number; readonly kept: number }[];
}

/** What `evaluate` has pruned the weights to, with the accuracy that it gave. */
export function finalPruning(model: Model, testAccuracy: number): FinalPruning {
  const layers = model.swatLayers.map(({ name, sparseWeight, active }) => ({
    layer: name,
    weights: sparseWeight.length,
    kept: countNonzeros(active ?? sparseWeight),
  }));
  const sum = (key: "weights" | "kept") => layers.reduce((total, layer) => total + layer[key], 0);
  return { testAccuracy, density: sum("kept") / sum("weights"), layers };
}

function predict(logits: Float32Array, from: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

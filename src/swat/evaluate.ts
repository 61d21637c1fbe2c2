/** Test accuracy with sparse weights and dense activations, as SWAT evaluates. */
import type { Dataset } from "./data/dataset.ts";
import type { Model } from "./model.ts";

/** Fraction of `data`'s images that the model classifies correctly, 0..1; ties go to the lowest class. */
export function evaluate(model: Model, data: Dataset, batchSize: number): number {
  const logits = new Float32Array(batchSize * model.classes);
  let correct = 0;
  for (let from = 0; from < data.size; from += batchSize) {
    const batch = Math.min(batchSize, data.size - from);
    for (let i = 0; i < batch; i++) data.loadImage(from + i, model.pixels, i * model.images.size);
    model.forward(batch, { training: false, refresh: from === 0 });
    model.backend.read(model.logits.values, batch, logits);
    for (let i = 0; i < batch; i++)
      if (predict(logits, i * model.classes, model.classes) === data.label(from + i)) correct++;
  }
  return correct / data.size;
}

function predict(logits: Float32Array, from: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

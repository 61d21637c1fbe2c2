/** Test accuracy with sparse weights and dense activations, as SWAT evaluates. */
import type { Dataset } from "./data/dataset.ts";
import type { Model } from "./model.ts";

/** Fraction of `data`'s images that the model classifies correctly, 0..1; ties go to the lowest class. */
export function evaluate(model: Model, data: Dataset, batchSize: number): number {
  let correct = 0;
  for (let from = 0; from < data.size; from += batchSize) {
    const batch = Math.min(batchSize, data.size - from);
    for (let i = 0; i < batch; i++) data.loadImage(from + i, model.images.values, i * model.images.size);
    model.forward(batch, { training: false, refresh: from === 0 });
    for (let i = 0; i < batch; i++) if (predict(model, i) === data.label(from + i)) correct++;
  }
  return correct / data.size;
}

function predict(model: Model, image: number): number {
  const logits = model.logits.values;
  const from = image * model.classes;
  let best = 0;
  for (let k = 1; k < model.classes; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

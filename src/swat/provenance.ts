/** What the traces of a run say of it, the same for all of its steps. */
import type { Backend } from "../kernels/backend.ts";
import type { Network } from "../networks/graph.ts";
import { NEWEST_VERSION } from "../trace/manifest.ts";
import type { DataSplits } from "./data/dataset.ts";
import type { Provenance } from "./record.ts";
import type { TrainSettings } from "./settings.ts";

export function provenanceOf(
  network: Network,
  data: DataSplits,
  settings: TrainSettings,
  backend: Backend,
): Omit<Provenance, "step"> {
  const { method, sparsity, topKPeriod, firstLayerDense, lastLayerDense, seed } = settings;
  const { epochs, batchSize, schedule, rateDecay, rateWarmup, momentum, nesterov, weightDecay } = settings;
  const { batchNormDecay, labelSmoothing, pruning, warmup, drop } = settings;
  const { methodOptions, optimizer, beta2 } = settings;
  const { shareBy, shareGrowth, shareAt, keepFilters } = settings;
  const adamw = { ...(optimizer && { optimizer }), ...(beta2 === undefined ? {} : { beta2 }) };
  const update = { ...adamw, momentum, nesterov, weightDecay, batchNormDecay, labelSmoothing };
  // Masks that are chosen every period are of weights that are compressed anew in every step; others lie as they are.
  const period = methodOptions === undefined ? topKPeriod : methodOptions.period;
  const periodically = typeof period === "number" ? { topKPeriod: period } : {};
  const swat = { sparsity, ...periodically, firstLayerDense, lastLayerDense };
  return {
    version: NEWEST_VERSION,
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
      ...(rateDecay === undefined ? {} : { rateDecay }),
      rateWarmup,
      ...update,
      ...(method === "dense" ? {} : { pruning, warmup }),
      ...(methodOptions === undefined ? {} : { methodOptions }),
      ...{ shareBy, shareGrowth, shareAt, keepFilters },
      ...(settings.augment === undefined ? {} : { augment: settings.augment }),
    },
    seed,
    kernels: backend.name,
  };
}

/** A synthetic trace by the name of its network: what is not given is filled in, as by `swat-sim trace synth`. */
import { type ImageShape, layersOf, parameterShape } from "../../networks/graph.ts";
import { networkNamed } from "../../networks/index.ts";
import type { FixedMethod } from "../../sparsity/methods.ts";
import type { Pruning } from "../../sparsity/structured.ts";
import { TRAIN_DEFAULTS } from "../../swat/settings.ts";
import { layerSparsities } from "../layer-sparsities.ts";
import { SYNTHETIC_DEFAULTS, type SyntheticSettings } from "./settings.ts";
import { type SyntheticTrace, synthesize } from "./trace.ts";

/** Which step to make up. */
export interface SyntheticOrder {
  readonly network: string;
  readonly method?: FixedMethod | undefined;
  /** Share of weights and activations that is dropped, 0 ≤ s < 1. */
  readonly sparsity?: number | undefined;
  readonly pruning?: Pruning | undefined;
  readonly batch?: number | undefined;
  /** [channels, height, width]; with `classes` those of the network's data set where not given. */
  readonly images?: ImageShape | undefined;
  readonly classes?: number | undefined;
  readonly seed?: number | undefined;
  /** Statistics of the zeros; those of recorded steps where not given. */
  readonly settings?: Partial<SyntheticSettings>;
}

/** Makes up a step of a network; `encodeTrace` or `writeTrace` makes a file of it. @throws Error for a network that is not known. */
export function synthesizeTrace(order: SyntheticOrder): SyntheticTrace {
  const d = TRAIN_DEFAULTS;
  const { method = d.method, sparsity = d.sparsity, pruning = d.pruning, batch = d.batchSize, seed = d.seed } = order;
  const definition = networkNamed(order.network);
  const network = definition.build(order.images ?? definition.image, order.classes ?? definition.classes);
  const sparsities = layerSparsities(layersOf(network).map(parameterShape), { method, sparsity });
  const settings = { ...SYNTHETIC_DEFAULTS, ...order.settings };
  return synthesize({
    network,
    method,
    sparsity,
    sparsities,
    pruning,
    topKPeriod: d.topKPeriod,
    batch,
    seed,
    settings,
  });
}

/** A synthetic trace by the name of its network: what is not given is filled in, as by `swat-sim trace synth`. */
import { type TSchema, Type } from "typebox";
import { type ImageShape, layersOf, parameterShape } from "../../networks/graph.ts";
import { networkNamed } from "../../networks/index.ts";
import { FIXED_METHODS, type FixedMethod } from "../../sparsity/methods.ts";
import { PRUNINGS, type Pruning } from "../../sparsity/structured.ts";
import { TRAIN_DEFAULTS } from "../../swat/settings.ts";
import { layerSparsities } from "../layer-sparsities.ts";
import { checkOrder } from "../order.ts";
import { SYNTHETIC_DEFAULTS, SYNTHETIC_SCHEMAS, type SyntheticSettings } from "./settings.ts";
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

const positive = Type.Integer({ minimum: 1 });

/** What an order may hold beside `images` and `settings`, which a sweep spells in another way. */
export const ORDER_SCHEMAS = {
  network: Type.String({ description: "A network, as resnet50-imagenet or wrn28-10." }),
  method: Type.Enum([...FIXED_METHODS], { description: "dense has sparsity 0 and no pruning." }),
  sparsity: Type.Number({ minimum: 0, exclusiveMaximum: 1, description: "Share of weights and activations dropped." }),
  pruning: Type.Enum([...PRUNINGS], { description: "What of convolutions is pruned." }),
  batch: Type.Integer({ minimum: 1, description: "Images of the step." }),
  classes: positive,
  seed: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "Of all draws." }),
} satisfies Record<Exclude<keyof SyntheticOrder, "images" | "settings">, TSchema>;

const strict = { additionalProperties: false };
const OrderSchema = Type.Object(
  {
    ...Type.Partial(Type.Object(ORDER_SCHEMAS)).properties,
    network: ORDER_SCHEMAS.network,
    images: Type.Optional(Type.Tuple([positive, positive, positive])),
    settings: Type.Optional(Type.Partial(Type.Object(SYNTHETIC_SCHEMAS), strict)),
  },
  strict,
);

/**
 * Makes up a step of a network; `simulate` takes it as it is, `writeTrace` makes a file of it.
 * @throws InputError with all faults of the order; for a network that is not known, and for images that are too small for it.
 */
export function synthesizeTrace(order: SyntheticOrder): SyntheticTrace {
  checkOrder(OrderSchema, order, "synthesizeTrace");
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

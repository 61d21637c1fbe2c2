/** A synthetic trace by the name of its network: what is not given is filled in, as by `swat-sim trace synth`. */

import { sizeOf } from "../core/geometry.ts";
import { optionalFields, type Schema, Type } from "../core/input/schema.ts";
import { SPARSITY_RANGE } from "../core/sparsity-range.ts";
import { refusing } from "../io/faults.ts";
import { precompiled } from "../io/validators/program.ts";
import { checkArgument, objectWith } from "../io/verb.ts";
import { type ImageShape, layersOf, type Network, parameterShape } from "../networks/graph.ts";
import { networkNamed } from "../networks/index.ts";
import { METHODS, type Method } from "../sparsity/methods.ts";
import { momentumSparsities } from "../sparsity/momentum.ts";
import { PRUNINGS, type Pruning } from "../sparsity/structured.ts";
import type { LayerSparsity } from "../step/flops.ts";
import { layerSparsities } from "../step/layer-sparsities.ts";
import { TRAIN_DEFAULTS } from "../swat/settings.ts";
import { fittedPatterns } from "../synthetic/fit/defaults.ts";
import { isOf, patternsLike, sparsitiesLike, withSettings } from "../synthetic/measure/like.ts";
import type { TracePatterns } from "../synthetic/measure/statistics.ts";
import { DEFAULT_POSITION, type Position, trainedImages } from "../synthetic/positions.ts";
import { SYNTHETIC_SCHEMAS, type SyntheticSettings } from "../synthetic/settings.ts";
import { type SyntheticTrace, synthesize } from "../synthetic/trace.ts";
import { checkOptions } from "./request.ts";

/** Which step to synthesize. */
export interface SyntheticOptions {
  readonly network: string;
  readonly method?: Method | undefined;
  /** Share of weights and activations that is dropped, 0 ≤ s < 1. */
  readonly sparsity?: number | undefined;
  readonly pruning?: Pruning | undefined;
  readonly batch?: number | undefined;
  /** [channels, height, width]; with `classes` those of the network's data set where not given. */
  readonly images?: ImageShape | undefined;
  readonly classes?: number | undefined;
  readonly seed?: number | undefined;
  /** Where in its training the step is; late where not given. */
  readonly position?: Position | undefined;
  /** Statistics of the zeros, for all layers; as fitted to recorded steps where not given. */
  readonly settings?: Partial<SyntheticSettings>;
  /** A recorded step whose patterns to take, layer by layer, where `settings` say nothing else. */
  readonly like?: TracePatterns | undefined;
}

const positive = Type.Integer({ minimum: 1 });

/** What options may hold beside `images` and `settings`, which a sweep spells in another way. */
export const ORDER_SCHEMAS = {
  network: Type.String({ description: "A network, as resnet50-imagenet or wrn28-10." }),
  method: Type.Enum([...METHODS], { description: "dense has sparsity 0 and no pruning." }),
  sparsity: Type.Number({ ...SPARSITY_RANGE, description: "Share of weights and activations dropped." }),
  pruning: Type.Enum([...PRUNINGS], { description: "What of convolutions is pruned." }),
  batch: Type.Integer({ minimum: 1, description: "Images of the step." }),
  position: Type.Union([Type.Enum(["early", "middle", "late"]), Type.Number({ minimum: 0 })], {
    description: "early, middle, late, or the images that the network was trained on.",
  }),
  classes: positive,
  seed: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: "Of all draws." }),
} satisfies Record<Exclude<keyof SyntheticOptions, "images" | "settings" | "like">, Schema>;

const strict = { additionalProperties: false };
const OptionsSchema = Type.Object(
  {
    ...optionalFields(ORDER_SCHEMAS),
    network: ORDER_SCHEMAS.network,
    images: Type.Optional(Type.Tuple([positive, positive, positive])),
    settings: Type.Optional(Type.Object(optionalFields(SYNTHETIC_SCHEMAS), strict)),
  },
  strict,
);
precompiled(OptionsSchema);

/**
 * Synthesizes a training step of a network; `simulate` takes it as it is, `writeTrace` makes a file of it.
 * @throws InputError with all faults of the options; for a network that is not known, and for images that are too small for it.
 */
export function synthesizeTrace(options: SyntheticOptions): SyntheticTrace {
  checkOptions(OptionsSchema, withoutPatterns(options), "synthesizeTrace");
  const { like } = options;
  if (like !== undefined) checkArgument("synthesizeTrace: like", like, PATTERNS);
  const d = TRAIN_DEFAULTS;
  const { method = d.method, pruning = d.pruning, batch = d.batchSize, seed = d.seed, settings = {} } = options;
  const sparsity = method === "dense" ? 0 : (options.sparsity ?? d.sparsity);
  const { position = DEFAULT_POSITION } = options;
  const definition = networkNamed(options.network);
  const network = definition.build(options.images ?? definition.image, options.classes ?? definition.classes);
  const isSame = like !== undefined && isOf(network, like) && like.method === method && like.sparsity === sparsity;
  const sparsities = isSame ? sparsitiesLike(network, like) : sparsitiesOf(network, method, sparsity);
  const fitted = fittedPatterns({
    ...{ network, method, sparsity, sparsities, seed, settings },
    trained: trainedImages(position),
  });
  const patterns = like === undefined ? fitted : withSettings(patternsLike(network, like, fitted), settings);
  const told = { ...(like === undefined ? { position } : { like: like.network }), ...settings };
  return synthesize({
    ...{ network, method, sparsity, sparsities, pruning, topKPeriod: d.topKPeriod },
    ...{ batch, seed, patterns, told },
  });
}

const PATTERNS = objectWith("the patterns of a step, as tracePatterns gives", "layers");

/** What of the options is data. */
function withoutPatterns(options: unknown): unknown {
  return refusing("synthesizeTrace", () => {
    if (typeof options !== "object" || options === null) return options;
    const { like: _, ...plain } = options as SyntheticOptions;
    return plain;
  });
}

/** Sparsities of the layers; SWAT-M's where all layers have about the same momentum for each weight that they keep, as in recorded steps. */
function sparsitiesOf(network: Network, method: Method, sparsity: number): LayerSparsity[] {
  const shapes = layersOf(network).map(parameterShape);
  if (method !== "swat-m") return layerSparsities(shapes, { method, sparsity });
  const layers = shapes.map((shape) => ({ size: sizeOf(shape), momentum: 1 }));
  return momentumSparsities(layers, sparsity).map((weight) => ({ weight, input: weight }));
}

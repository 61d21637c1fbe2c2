/** Patterns of the layers of a step that nobody has recorded: as fitted to recorded ones, or as a user says. */
import { randomStream } from "../../core/random.ts";
import { type LayerNode, layersOf, type Network } from "../../networks/graph.ts";
import type { LayerSparsity } from "../../step/flops.ts";
import { normalDeviates } from "../draw/axis.ts";
import type { Axis, FieldPattern, WeightPattern } from "../patterns.ts";
import type { SyntheticSettings } from "../settings.ts";
import type { StepPatterns } from "../step.ts";
import { activationFeatures, type LayerPlace, naturalFeatures, savedFeatures, weightFeatures } from "./features.ts";
import { FITTED } from "./fitted.ts";
import { layerPlaces, reluPlace, type Training } from "./places.ts";

/** What the patterns of a step depend on. */
export interface PatternOptions extends Training {
  readonly sparsities: readonly LayerSparsity[];
  readonly seed: number;
  /** What a user says, for all layers. */
  readonly settings: Partial<SyntheticSettings>;
}

type Fitted = keyof typeof FITTED;

/** The patterns of every layer and every ReLU. */
export function fittedPatterns(order: PatternOptions): StepPatterns {
  const { network, settings } = order;
  const layers = layersOf(network);
  const places = layerPlaces(order);
  const fit: Fit = {
    order,
    latents: new ChannelLatents(network, order.seed),
    given: (fitted) => ({ ...fitted, ...only(settings, fitted) }),
  };
  const relus = [...network.nodes.entries()].filter(([, { op }]) => op === "relu");
  return {
    weights: layers.map((node, index) => weightPattern(fit, node, index, places[index])),
    saved: layers.map((_, index) => savedPattern(fit, index, places[index])),
    natural: new Map(relus.map(([index, { name }]) => [name, naturalPattern(fit, index)])),
    gradDensity: settings.gradDensity ?? 1,
  };
}

/** What the patterns of a step have in common. */
interface Fit {
  readonly order: PatternOptions;
  readonly latents: ChannelLatents;
  /** What was fitted, but for what a user says. */
  readonly given: <T extends Partial<SyntheticSettings>>(fitted: T) => T;
}

function weightPattern(
  { order, latents, given }: Fit,
  node: LayerNode,
  index: number,
  place: LayerPlace,
): WeightPattern {
  const features = weightFeatures(place, 1 - order.sparsities[index].weight);
  const { filterSpread, channelSpread, sliceSpread } = given({
    filterSpread: Math.exp(linear(`${place.kind}.filterSpread`, features)),
    channelSpread: Math.exp(linear(`${place.kind}.channelSpread`, features)),
    sliceSpread: place.kind === "linear" ? 0 : Math.exp(linear("conv.sliceSpread", features)),
  });
  const coupling = couplingOf("outputGradCoupling", place);
  return {
    filters: scaled(latents.filters(node, coupling), filterSpread),
    channels: scaled(latents.channels(node), channelSpread),
    slices: sliceSpread,
  };
}

function savedPattern({ order, given }: Fit, index: number, place: LayerPlace): FieldPattern {
  const density = 1 - order.sparsities[index].input;
  const features = savedFeatures(place, density);
  const isConv = place.kind === "conv";
  const shares = given({
    savedOffsets: share(`${place.kind}.savedOffsets`, features),
    savedImageOffsets: share(`${place.kind}.savedImageOffsets`, features),
    savedPlaneOffsets: isConv ? share("conv.savedPlaneOffsets", features) : 0,
    savedPlaceOffsets: isConv ? share("conv.savedPlaceOffsets", features) : 0,
    savedChannelPlaceOffsets: isConv ? share("conv.savedChannelPlaceOffsets", features) : 0,
    savedCommon: isConv ? share("conv.savedCommon", features) : 0,
  });
  const { correlation, curvature } = given({
    correlation: isConv ? share("conv.savedCorrelation", features) : 0,
    curvature: isConv ? share("conv.savedCurvature", features) : 0,
  });
  return {
    ...{ density, offsets: shares.savedOffsets, images: shares.savedImageOffsets, planes: shares.savedPlaneOffsets },
    ...{ places: shares.savedPlaceOffsets, channelPlaces: shares.savedChannelPlaceOffsets },
    ...{ common: shares.savedCommon, correlation, curvature },
  };
}

/** Of the ReLU with this number in the network. */
function naturalPattern({ order, latents, given }: Fit, index: number): FieldPattern {
  const place = reluPlace(order, index);
  const features = naturalFeatures(place);
  const told = given({
    naturalDensity: share("natural.naturalDensity", features),
    offsets: share("natural.offsets", features),
    imageOffsets: share("natural.imageOffsets", features),
    planeOffsets: share("natural.planeOffsets", features),
    placeOffsets: share("natural.placeOffsets", features),
    channelPlaceOffsets: share("natural.channelPlaceOffsets", features),
    common: share("natural.common", features),
    correlation: share("natural.correlation", features),
    curvature: share("natural.curvature", features),
  });
  const { offsets, common, correlation, curvature } = told;
  const z = latents.natural(index, couplingOf("inputCoupling", place));
  return {
    ...{ density: told.naturalDensity, offsets, ofChannels: z.map((value) => Math.sqrt(offsets) * value) },
    ...{ images: told.imageOffsets, planes: told.planeOffsets },
    ...{ places: told.placeOffsets, channelPlaces: told.channelPlaceOffsets, common, correlation, curvature },
  };
}

function linear(name: Fitted, features: readonly number[]): number {
  return FITTED[name].reduce((sum, coefficient, i) => sum + coefficient * features[i], 0);
}

function share(name: Fitted, features: readonly number[]): number {
  return 1 / (1 + Math.exp(-linear(name, features)));
}

function couplingOf(name: Fitted, place: LayerPlace): number {
  return 2 * share(name, activationFeatures(place)) - 1;
}

function scaled(deviates: Float64Array | undefined, spread: number): Axis {
  return deviates === undefined ? spread : deviates.map((z) => spread * z);
}

/** The entries of `settings` whose names are in `names`. */
function only<T extends object>(settings: Partial<SyntheticSettings>, names: T): Partial<T> {
  const told = Object.entries(settings).filter(([name, value]) => name in names && value !== undefined);
  return Object.fromEntries(told) as Partial<T>;
}

/** Parts of a ReLU's stream. */
const [WEIGHTS, NATURAL, FILTERS] = [0, 1, 2];

/**
 * What the channels behind a ReLU have in common: how much the layers that read them weigh a channel goes with how dense it is, and with
 * what the filters that make it keep.
 */
class ChannelLatents {
  readonly #network: Network;
  readonly #seed: number;

  constructor(network: Network, seed: number) {
    this.#network = network;
    this.#seed = seed;
  }

  /** Of the input channels of a layer that reads a ReLU, in units of their spread. */
  channels({ from: [source], geometry }: LayerNode): Float64Array | undefined {
    const isRectified = this.#network.nodes[source].op === "relu" && geometry.groups === 1;
    return isRectified ? this.#deviates(source, WEIGHTS, 0) : undefined;
  }

  /** Of the channels of a ReLU. */
  natural(relu: number, coupling: number): Float64Array {
    return mixed(this.#deviates(relu, WEIGHTS, 0), this.#deviates(relu, NATURAL, 0), coupling);
  }

  /** Of the filters of a layer, by the ReLU that their outputs reach. */
  filters(node: LayerNode, coupling: number): Float64Array | undefined {
    const { nodes } = this.#network;
    let at = nodes.indexOf(node);
    while (at >= 0 && nodes[at].op !== "relu") {
      const made = at;
      at = nodes.findIndex(({ op, from }) => from.includes(made) && ["batchNorm", "add", "relu"].includes(op));
    }
    if (at < 0) return undefined;
    return mixed(this.#deviates(at, WEIGHTS, 0), this.#deviates(at, FILTERS, nodes.indexOf(node)), coupling);
  }

  #deviates(relu: number, part: number, layer: number): Float64Array {
    const stream = randomStream(this.#seed, "synthetic-channels", relu, part, layer);
    return normalDeviates(this.#network.nodes[relu].shape[0], stream);
  }
}

/** Deviates whose correlation with `a` is `coupling`. */
function mixed(a: Float64Array, b: Float64Array, coupling: number): Float64Array {
  const own = Math.sqrt(1 - coupling * coupling);
  return a.map((value, i) => coupling * value + own * b[i]);
}

/**
 * Signs that the weights of a run go wrong: filters without a weight, whose batch norm multiplies gradients by up to
 * 1/√ε = 316, and the exploding weights that follow (docs/swat-m.md).
 */
import { type Static, Type } from "../core/input/schema.ts";

const strict = { additionalProperties: false };
const count = Type.Integer({ minimum: 0 });

/** The weights of a convolution or linear layer in a training step. */
const LayerHealthSchema = Type.Object(
  {
    layer: Type.String(),
    /** Share to drop at the last ranking; null = dense. */
    sparsity: Type.Union([Type.Number(), Type.Null()]),
    /** Nonzeros / elements of what the forward pass read. */
    weightDensity: Type.Number(),
    weights: count,
    filters: count,
    /** Filters of which the forward pass read no nonzero weight. */
    deadFilters: count,
    /** Largest magnitude of the trained weights, kept or not. */
    largestWeight: Type.Number(),
  },
  strict,
);
/** The weights of a layer in one step. */
export type LayerHealth = Readonly<Static<typeof LayerHealthSchema>>;

/** Sums and maxima over the layers in the last step of an epoch. */
const EpochHealthSchema = Type.Object(
  { epoch: count, weightDensity: Type.Number(), deadFilters: count, largestWeight: Type.Number() },
  strict,
);

/** What a run keeps of its epochs: every finished one in sum, the last one by layer. */
export const RunHealthSchema = Type.Object(
  { epochs: Type.Array(EpochHealthSchema), layers: Type.Array(LayerHealthSchema) },
  strict,
);
/** The health of a run. */
export type RunHealth = Readonly<Static<typeof RunHealthSchema>>;

/** That of a run that has finished no epoch. */
export const NO_HEALTH: RunHealth = { epochs: [], layers: [] };

/** Adds an epoch. */
export function withEpoch({ epochs }: RunHealth, epoch: number, layers: readonly LayerHealth[]): RunHealth {
  const sum = (of: (layer: LayerHealth) => number) => layers.reduce((total, layer) => total + of(layer), 0);
  const added = {
    epoch,
    weightDensity: sum(({ weightDensity, weights }) => weightDensity * weights) / sum(({ weights }) => weights),
    deadFilters: sum(({ deadFilters }) => deadFilters),
    largestWeight: Math.max(...layers.map(({ largestWeight }) => largestWeight)),
  };
  return { epochs: [...epochs, added], layers: layers.map(healthOf) };
}

/**
 * Weights start below 1. Runs that learn stay below 25, although SWAT-U may empty half the filters of a 1×1 convolution;
 * behind filters that do not recover, the largest weight grows tenfold or more in an epoch.
 */
const EXPLODED = 100;
/** Layers that a warning names. */
const NAMED = 3;

/** Warns once a run of exploding weights. Dead filters alone are not a sign: healthy runs also have them. */
export class HealthWatch {
  readonly #warn: (text: string) => void;
  #isNews = true;

  constructor(warn: (text: string) => void) {
    this.#warn = warn;
  }

  /** Looks at the last step of an epoch. */
  look(epoch: number, layers: readonly LayerHealth[]): void {
    const exploded = layers.filter(({ largestWeight }) => !(largestWeight < EXPLODED));
    if (!this.#isNews || exploded.length === 0) return;
    this.#isNews = false;
    const list = named(exploded, ({ layer, largestWeight, deadFilters, filters }) => {
      const dead = deadFilters > 0 ? ` (${deadFilters} of ${filters} filters without a weight)` : "";
      return `${layer} ${largestWeight.toPrecision(3)}${dead}`;
    });
    this.#warn(`epoch ${epoch}: weights explode, largest |weight| ${list}; see docs/swat-m.md`);
  }
}

function healthOf({ layer, sparsity, weightDensity, weights, filters, deadFilters, largestWeight }: LayerHealth) {
  return { layer, sparsity, weightDensity, weights, filters, deadFilters, largestWeight };
}

/** The first few, and how many more there are. */
function named(layers: readonly LayerHealth[], text: (layer: LayerHealth) => string): string {
  const more = layers.length - NAMED;
  return [...layers.slice(0, NAMED).map(text), ...(more > 0 ? [`${more} more layers`] : [])].join(", ");
}

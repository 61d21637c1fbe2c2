/**
 * Signs that the weights of a run go wrong: filters without a weight, whose batch norm multiplies gradients by up to
 * 1/√ε = 316, and the exploding weights that follow (docs/swat-m.md).
 */
import { type Static, Type } from "typebox";

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

/** Weights start below 1; in runs that learn they stay below 2, behind dead filters they reach thousands. */
const EXPLODED = 10;
/** Layers that a warning names. */
const NAMED = 3;

/**
 * Says once a run which filters are dead and once which weights explode.
 * @param pruning of filters is what empties them: then it is no warning.
 */
export class HealthWatch {
  readonly #warn: (text: string) => void;
  #deadIsNews: boolean;
  #explosionIsNews = true;

  constructor(pruning: string, warn: (text: string) => void) {
    this.#warn = warn;
    this.#deadIsNews = pruning !== "filter";
  }

  /** Looks at the last step of an epoch. */
  look(epoch: number, layers: readonly LayerHealth[]): void {
    const dead = layers.filter(({ deadFilters }) => deadFilters > 0);
    if (this.#deadIsNews && dead.length > 0) {
      this.#deadIsNews = false;
      const total = dead.reduce((sum, { deadFilters }) => sum + deadFilters, 0);
      const list = named(dead, ({ layer, deadFilters, filters }) => `${layer} ${deadFilters} of ${filters}`);
      const what = "batch norm multiplies gradients behind such filters by up to 316, and their weights may explode";
      this.#warn(`epoch ${epoch}: filters without a weight: ${total} (${list}); ${what}; see docs/swat-m.md`);
    }
    const exploded = layers.filter(({ largestWeight }) => !(largestWeight < EXPLODED));
    if (this.#explosionIsNews && exploded.length > 0) {
      this.#explosionIsNews = false;
      const list = named(exploded, ({ layer, largestWeight }) => `${layer} ${largestWeight.toPrecision(3)}`);
      this.#warn(`epoch ${epoch}: weights explode, largest |weight| ${list}; see docs/swat-m.md`);
    }
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

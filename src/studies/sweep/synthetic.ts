/**
 * Synthetic traces in a sweep: the settings of `swat-sim trace synth`, by the names of its options, as fields of a point, and
 * the trace that they give.
 */

import { ORDER_SCHEMAS, synthesizeTrace } from "../../api/synthesize.ts";
import { optionalFields, type Schema, type Static, Type } from "../../core/input/schema.ts";
import { faultCollector, InputError } from "../../io/faults.ts";
import type { ImageShape } from "../../networks/graph.ts";
import { IMAGE_SHAPE, imageShapeText, parseImageShape } from "../../networks/image-shape.ts";
import { networkNamed } from "../../networks/index.ts";
import { TRAIN_DEFAULTS } from "../../swat/settings.ts";
import { DEFAULT_POSITION } from "../../synthetic/positions.ts";
import { SYNTHETIC_SCHEMAS } from "../../synthetic/settings.ts";
import { encodeTrace, type IdentifiedTrace, identifyTrace } from "../../trace/trace.ts";

const { network, method, sparsity, pruning, batch, position, classes, seed } = ORDER_SCHEMAS;
const images = Type.String({ pattern: IMAGE_SHAPE, description: "Height, width and channels, as 32x32x3." });
const ORDER = { network, method, sparsity, pruning, batch, position, images, classes, seed };
const SETTINGS = { ...ORDER, ...SYNTHETIC_SCHEMAS };
const NAMES = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
const SettingsSchema = Type.Object({ ...ORDER, ...optionalFields(SYNTHETIC_SCHEMAS) });

/** All settings of a synthetic trace; spreads that are not given are as fitted to recorded steps. */
export type SyntheticTraceSettings = Readonly<Static<typeof SettingsSchema>>;

/** The key of a spec that holds settings, and the first part of the fields that sweep them. */
export const SYNTHETIC = "synthetic";

/** The field that sweeps a setting, as `synthetic.sparsity`. */
export function fieldOf(setting: string): string {
  return `${SYNTHETIC}.${setting}`;
}

/** The fields of all settings. */
export const SYNTHETIC_FIELDS: readonly string[] = NAMES.map(fieldOf);

/** Whether a field is one of a synthetic trace, or means to be. */
export function isOfSynthetic(field: string): boolean {
  return field.split(".")[0] === SYNTHETIC;
}

/** Optional properties of a schema, one a setting: its name behind `prefix`, and what `schemaOf` makes of its schema. */
export function settingProperties(
  prefix = "",
  schemaOf: (schema: Schema) => Schema = (schema) => schema,
): Record<string, Schema> {
  return Object.fromEntries(NAMES.map((name) => [prefix + name, Type.Optional(schemaOf(SETTINGS[name]))]));
}

/** A synthetic trace as points of a sweep have it. */
export interface PlannedTrace {
  /** Tells it apart from the others of the sweep. */
  readonly trace: string;
  readonly synthetic: SyntheticTraceSettings;
  /** What the swept settings really are. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * What says which trace a combination of values draws. What is not given is as by `trace synth`, or in `base`.
 * @param fields those that are swept.
 */
export function syntheticTraces(
  base: Partial<SyntheticTraceSettings> = {},
  fields: readonly string[],
): (combination: Readonly<Record<string, unknown>>) => PlannedTrace {
  const swept = NAMES.filter((name) => fields.includes(fieldOf(name)));
  const known = new Map<string, PlannedTrace>();
  return (combination) => {
    const own = swept.filter((name) => Object.hasOwn(combination, fieldOf(name)));
    const key = JSON.stringify(own.map((name) => [name, combination[fieldOf(name)]]));
    let planned = known.get(key);
    if (planned === undefined) {
      const changes = Object.fromEntries(own.map((name) => [name, combination[fieldOf(name)]]));
      const synthetic = fullSettings({ ...base, ...changes });
      const values = Object.fromEntries(own.map((name) => [fieldOf(name), synthetic[name]]));
      planned = { trace: traceName(synthetic, swept), synthetic, values };
      known.set(key, planned);
    }
    return planned;
  };
}

/** In one order of keys. A dense step drops nothing, so that its sparsity is 0 and its pruning none, whatever is given. */
function fullSettings(given: Partial<SyntheticTraceSettings>): SyntheticTraceSettings {
  const { image, classes } = networkNamed(given.network as string);
  const { method, sparsity, pruning, batchSize: batch, seed } = TRAIN_DEFAULTS;
  const position = DEFAULT_POSITION;
  const defaults = { method, sparsity, pruning, batch, position, images: imageShapeText(image), classes, seed };
  const filled = { ...defaults, ...given };
  const dense = filled.method === "dense" ? { sparsity: 0, pruning: "unstructured" } : {};
  const all: Record<string, unknown> = { ...filled, ...dense };
  const names = NAMES.filter((name) => all[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, all[name]])) as SyntheticTraceSettings;
}

/** Network, method and sparsity, and whatever else is swept. */
function traceName(settings: SyntheticTraceSettings, swept: readonly (keyof SyntheticTraceSettings)[]): string {
  const { network, method, sparsity } = settings;
  const isDense = method === "dense";
  const told = ["network", "method", "sparsity", ...(isDense ? ["pruning"] : [])];
  const others = swept.filter((name) => !told.includes(name)).map((name) => `${name}=${settings[name]}`);
  return [network, method, ...(isDense ? [] : [sparsity]), ...others].join(" ");
}

/** Builds every network once, so that no sweep begins that cannot draw all its traces. @throws InputError for images that are too small. */
export function checkNetworks(all: Iterable<SyntheticTraceSettings>, where: string): void {
  const checked = new Set<string>();
  const { faults, attempt } = faultCollector();
  for (const { network, images, classes } of new Set(all)) {
    const key = `${network} ${images} ${classes}`;
    if (checked.has(key)) continue;
    checked.add(key);
    attempt(() => networkNamed(network).build(parseImageShape(images) as ImageShape, classes));
  }
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${where}: ${SYNTHETIC}: ${fault}`));
}

/** Draws a trace: the bytes that `trace synth` writes, opened and hashed. */
export function drawTrace(name: string, settings: SyntheticTraceSettings): Promise<IdentifiedTrace> {
  const { network, method, sparsity, pruning, batch, position, images, classes, seed, ...spreads } = settings;
  const order = { network, method, sparsity, pruning, batch, position, classes, seed, settings: spreads };
  const { manifest, masks } = synthesizeTrace({ ...order, images: parseImageShape(images) });
  return identifyTrace(name, encodeTrace(manifest, masks) as Uint8Array<ArrayBuffer>);
}

/** Patterns measured on a recorded step, for the layers of any network. */
import { type LayerNode, layersOf, type Network } from "../../networks/graph.ts";
import type { LayerSparsity } from "../../step/flops.ts";
import type { FieldPattern, WeightPattern } from "../patterns.ts";
import type { SyntheticSettings } from "../settings.ts";
import type { StepPatterns } from "../step.ts";
import type { MeasuredLayer, TracePatterns } from "./statistics.ts";

/**
 * What `recorded` tells of each layer of `network`: that of the layer of the same name where it is the same network, else of the
 * layer of the same kind that lies as deep. What it does not tell is as in `otherwise`.
 */
export function patternsLike(network: Network, recorded: TracePatterns, otherwise: StepPatterns): StepPatterns {
  const layers = layersOf(network);
  const counterparts = counterpartsOf(layers, recorded);
  const natural = naturalLike(recorded, [...otherwise.natural.keys()]);
  return {
    weights: counterparts.map((like, i): WeightPattern => like?.weight.pattern ?? otherwise.weights[i]),
    saved: counterparts.map((like, i): FieldPattern => like?.saved.pattern ?? otherwise.saved[i]),
    natural: new Map([...otherwise.natural].map(([name, pattern], i) => [name, natural[i] ?? pattern])),
    gradDensity: otherwise.gradDensity,
  };
}

/** Sparsities that the layers of a recorded step of the same network have, as steps between refreshes keep more or less than k. */
export function sparsitiesLike(network: Network, { layers }: TracePatterns): LayerSparsity[] {
  return layersOf(network).map(({ name }) => {
    const { weight, input, saved } = layers.find(({ layer }) => layer === name) as MeasuredLayer;
    return { weight: 1 - weight.density, input: saved.tensor === input.tensor ? 0 : 1 - saved.density };
  });
}

/** Whether a recorded step has the layers of the network, by name. */
export function isOf(network: Network, { layers }: TracePatterns): boolean {
  const names = layersOf(network).map(({ name }) => name);
  return names.length === layers.length && layers.every(({ layer }) => names.includes(layer));
}

function counterpartsOf(nodes: readonly LayerNode[], recorded: TracePatterns): (MeasuredLayer | undefined)[] {
  const { layers } = recorded;
  const classOf = (kind: string, taps: number) => (kind === "linear" ? kind : taps === 1 ? "1x1" : "kernel");
  const own = nodes.map(({ op, geometry }) => classOf(op, geometry.R * geometry.S));
  const theirs = layers.map(({ kind, taps }) => classOf(kind, taps));
  return nodes.map(({ name }, index) => {
    const same = layers.find(({ layer }) => layer === name);
    if (same !== undefined && layers.length === nodes.length) return same;
    const among = (fits: (kind: string) => boolean) => layers.filter((_, i) => fits(theirs[i]) && isTelling(layers[i]));
    const alike = among((kind) => kind === own[index]);
    const candidates = alike.length > 0 ? alike : among((kind) => kind !== "linear");
    const depth = index / Math.max(1, nodes.length - 1);
    const away = (layer: MeasuredLayer) => Math.abs(layers.indexOf(layer) / Math.max(1, layers.length - 1) - depth);
    return candidates.toSorted((a, b) => away(a) - away(b))[0];
  });
}

function isTelling({ weight, saved }: MeasuredLayer): boolean {
  return weight.pattern !== null || saved.pattern !== null;
}

/** Patterns of ReLUs, by name or by depth; of a step that tells of none, those of what its convolutions read. */
function naturalLike({ rectified, layers }: TracePatterns, names: readonly string[]): (FieldPattern | null)[] {
  const named = new Map(rectified.map(({ name, pattern }) => [name, pattern]));
  if (names.every((name) => named.has(name))) return names.map((name) => named.get(name) ?? null);
  const inputs = layers.filter(({ kind }) => kind === "conv").map(({ input }) => input.pattern);
  const told = (rectified.length > 0 ? rectified.map(({ pattern }) => pattern) : inputs).filter((p) => p !== null);
  return names.map((_, i) => told[Math.floor(((i + 0.5) / names.length) * told.length)] ?? null);
}

/** Patterns with what a user says instead; measured values of single filters, channels, images and places give way to a spread that is given. */
export function withSettings(patterns: StepPatterns, given: Partial<SyntheticSettings>): StepPatterns {
  const weightOf = (pattern: WeightPattern): WeightPattern => ({
    filters: given.filterSpread ?? pattern.filters,
    channels: given.channelSpread ?? pattern.channels,
    slices: given.sliceSpread ?? pattern.slices,
    ...(given.filterSpread === undefined && given.channelSpread === undefined ? { densities: pattern.densities } : {}),
  });
  const fieldOf = (
    pattern: FieldPattern,
    shares: { readonly [Name in keyof FieldPattern]?: FieldPattern[Name] | undefined },
  ): FieldPattern => {
    const said = Object.fromEntries(Object.entries(shares).filter(([, value]) => value !== undefined));
    const gone = (names: readonly (keyof FieldPattern)[]) => names.some((name) => shares[name] !== undefined);
    return {
      ...pattern,
      ...(gone(["density", "offsets"]) ? { ofChannels: undefined } : {}),
      ...(gone(["density", "offsets", "images", "places", "channelPlaces"]) ? { densities: undefined } : {}),
      ...said,
    };
  };
  const { naturalDensity: density, offsets, imageOffsets: images, planeOffsets: planes } = given;
  const { placeOffsets: places, channelPlaceOffsets: channelPlaces, common, correlation, curvature } = given;
  return {
    weights: patterns.weights.map(weightOf),
    saved: patterns.saved.map((pattern) =>
      fieldOf(pattern, {
        ...{ offsets: given.savedOffsets, images: given.savedImageOffsets, planes: given.savedPlaneOffsets },
        ...{ places: given.savedPlaceOffsets, channelPlaces: given.savedChannelPlaceOffsets },
        ...{ common: given.savedCommon, correlation, curvature },
      }),
    ),
    natural: new Map(
      [...patterns.natural].map(([name, pattern]) => [
        name,
        fieldOf(pattern, {
          ...{ density, offsets, images, planes, places, channelPlaces, common, correlation, curvature },
        }),
      ]),
    ),
    gradDensity: given.gradDensity ?? patterns.gradDensity,
  };
}

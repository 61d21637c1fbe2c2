/**
 * Fits the defaults of `trace synth` to recorded steps. With steps it measures them and keeps what it found in
 * recorded-steps.json beside it; then it fits all that are kept there and writes src/synthetic/fit/fitted.ts:
 *
 *     npx tsx scripts/fit-synthetic.ts [STEP.safetensors…]
 *
 * Spreads have a logarithmic link and the errors of counts, shares a logistic link: generalized linear models (McCullagh &
 * Nelder 1989), by iteratively reweighted least squares with a small ridge.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { openTraces } from "../src/api/open.ts";
import { networkNamed } from "../src/networks/index.ts";
import {
  activationFeatures,
  type LayerPlace,
  naturalFeatures,
  savedFeatures,
  weightFeatures,
} from "../src/synthetic/fit/features.ts";
import { layerPlaces } from "../src/synthetic/fit/places.ts";
import { tracePatterns } from "../src/synthetic/measure/statistics.ts";
import { correlation, fitGlm, type Sample } from "./glm.ts";

const KEPT = new URL("recorded-steps.json", import.meta.url);
const TARGET = new URL("../src/synthetic/fit/fitted.ts", import.meta.url);
const DIGITS = 4;

/** One layer of a recorded step: its place, and figures by name; null where its masks tell none. */
interface KeptLayer {
  readonly place: LayerPlace;
  readonly weightDensity: number;
  readonly savedDensity: number;
  readonly figures: Readonly<Record<string, number>>;
}
type Kept = Record<string, readonly KeptLayer[]>;

async function measured(path: string): Promise<[string, KeptLayer[]]> {
  const [{ trace }] = await openTraces([path]);
  const { manifest } = trace;
  const patterns = await tracePatterns(trace);
  const { method, sparsity } = patterns;
  const [N, ...images] = trace.tensor("images:output").shape as [number, number, number, number];
  const definition = networkNamed(patterns.network);
  const network = definition.build(images, definition.classes);
  const places = layerPlaces({ network, method, sparsity, trained: manifest.step * N });
  const kept = patterns.layers.map(({ weight, input, saved, outputGrad }, index): KeptLayer => {
    const place = places[index];
    const { C, H, K, R, S } = place.geometry;
    const [w, field, s] = [weight.pattern, input.pattern, saved.tensor === input.tensor ? null : saved.pattern];
    const figures: Record<string, number | null | undefined> = {
      filterSpread: w?.filterSpread,
      channelSpread: w?.channelSpread,
      sliceSpread: R * S === 1 ? null : w?.slices,
      ...{ naturalDensity: field?.density, offsets: field?.offsets, imageOffsets: field?.images },
      ...{ planeOffsets: field?.planes, placeOffsets: field?.places, channelPlaceOffsets: field?.channelPlaces },
      ...{ common: field?.common, correlation: field?.correlation, curvature: field?.curvature },
      ...{ savedOffsets: s?.offsets, savedImageOffsets: s?.images, savedPlaneOffsets: s?.planes },
      ...{ savedPlaceOffsets: s?.places, savedChannelPlaceOffsets: s?.channelPlaces },
      ...{ savedCommon: s?.common, savedCorrelation: s?.correlation, savedCurvature: s?.curvature },
      inputCoupling: correlation(field?.ofChannels, w?.channels),
      outputGradCoupling: correlation(outputGrad.pattern?.ofChannels, w?.filters),
    };
    const told = Object.entries(figures).filter((entry): entry is [string, number] => typeof entry[1] === "number");
    return {
      place: { ...place, geometry: { C, H, K, R, S }, depth: rounded(place.depth) },
      weightDensity: rounded(weight.density),
      savedDensity: rounded(saved.density),
      figures: Object.fromEntries(told.map(([name, value]) => [name, rounded(value)])),
    };
  });
  const training = `${network.name} ${method} ${sparsity}, seed ${manifest.seed}, batches of ${N}, step ${manifest.step}`;
  return [training, kept];
}

function rounded(value: number): number {
  return Number(value.toFixed(DIGITS));
}

/** Samples of each model, by its name. */
function samplesOf(layers: readonly KeptLayer[]): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const { place, weightDensity, savedDensity, figures } of layers) {
    const { kind } = place;
    const add = (name: string, features: number[], value: number) =>
      samples.set(name, [...(samples.get(name) ?? []), { features, value }]);
    for (const [name, value] of Object.entries(figures)) {
      if (name.endsWith("Spread")) add(`${kind}.${name}`, weightFeatures(place, weightDensity), value);
      else if (name.startsWith("saved")) add(`${kind}.${name}`, savedFeatures(place, savedDensity), value);
      else if (name.endsWith("Coupling")) add(name, activationFeatures(place), (1 + value) / 2);
      else if (kind === "conv") add(`natural.${name}`, naturalFeatures(place), value);
    }
  }
  return samples;
}

const kept: Kept = JSON.parse(readFileSync(KEPT, "utf8"));
for (const path of process.argv.slice(2)) {
  const [training, layers] = await measured(path);
  kept[training] = layers;
}
const steps = Object.entries(kept).toSorted(([a], [b]) => (a < b ? -1 : 1));
const texts = steps.map(
  ([name, layers]) => `${JSON.stringify(name)}: [\n${layers.map((l) => JSON.stringify(l)).join(",\n")}]`,
);
if (process.argv.length > 2) writeFileSync(KEPT, `{\n${texts.join(",\n")}\n}\n`);

// First layers read images and are dense in most methods.
const samples = samplesOf(steps.flatMap(([, layers]) => layers.slice(1)));
const lines = [...samples]
  .toSorted(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, of]) => {
    const coefficients = fitGlm(of, name.endsWith("Spread") ? "log" : "logit").map(rounded);
    return `  ${JSON.stringify(name)}: [${coefficients.join(", ")}],`;
  });
writeFileSync(
  TARGET,
  `/** Coefficients of features.ts for the default patterns. Written by scripts/fit-synthetic.ts; do not edit. */
// biome-ignore-all lint/suspicious/noApproximativeNumericConstant: fitted
export const FITTED = {
${lines.join("\n")}
} satisfies Readonly<Record<string, readonly number[]>>;
`,
);
console.log(`${steps.length} steps, ${[...samples.values()].flat().length} figures`);

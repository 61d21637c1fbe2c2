/** What the default patterns of a layer depend on; the coefficients are fitted to recorded steps (fitted.ts, scripts/fit-synthetic.ts). */
import type { ConvGeometry } from "../../core/geometry.ts";

/** Where in which training a layer is. */
export interface LayerPlace {
  readonly kind: "conv" | "linear";
  readonly geometry: Pick<ConvGeometry, "C" | "H" | "K" | "R" | "S">;
  /** 0 for the first layer of the network, 1 for the last one. */
  readonly depth: number;
  /** Images that the network was trained on. */
  readonly trained: number;
  /** Whether all layers have one sparsity. */
  readonly uniform: boolean;
  /** Of the whole network. */
  readonly sparsity: number;
  /** Whether the network sees images of one channel: those of MNIST and Fashion-MNIST, with an object in the middle. */
  readonly gray: boolean;
  /** How many identity shortcuts the input sums up; each lifts it, so that less of it is zero. */
  readonly shortcuts: number;
}

/** What was recorded lies between these; what lies outside is taken as the nearest of it. */
const RECORDED = {
  trained: [500, 100_000],
  width: [16, 512],
  side: [4, 32],
  density: [0.02, 1],
  shortcuts: [0, 3],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;
/** Centres of the features, so that coefficients tell something of a typical layer. */
const [TRAINED, WIDTH, SIDE, DENSITY] = [10_000, 32, 16, 0.1];

function recorded(name: keyof typeof RECORDED, value: number): number {
  const [least, most] = RECORDED[name];
  return Math.min(most, Math.max(least, value));
}

function progress(trained: number): number {
  return Math.log(recorded("trained", trained) / TRAINED);
}

/** Features of a weight of the given density. */
export function weightFeatures(place: LayerPlace, density: number): number[] {
  const x = progress(place.trained);
  if (place.kind === "linear") return [1, x];
  const { C, K, R, S } = place.geometry;
  const width = Math.log(recorded("width", Math.sqrt(C * K)) / WIDTH);
  const uniform = place.uniform ? 1 : 0;
  return [
    1,
    x,
    x * x,
    width,
    width * x,
    Math.log(DENSITY / recorded("density", density)),
    R * S === 1 ? 1 : 0,
    place.depth,
    place.depth ** 2,
    uniform,
    uniform * x,
  ];
}

/** Features of activations: of what the channels behind a ReLU have in common with weights. */
export function activationFeatures({ geometry, depth, trained, sparsity }: LayerPlace): number[] {
  const x = progress(trained);
  const side = Math.log(recorded("side", geometry.H) / SIDE);
  return [1, x, x * x, side, side * x, depth, sparsity];
}

/** Features of activation zeros. */
export function naturalFeatures(place: LayerPlace): number[] {
  const gray = place.gray ? 1 : 0;
  const shortcuts = Math.log(1 + recorded("shortcuts", place.shortcuts));
  return [...activationFeatures(place), gray, gray * progress(place.trained), shortcuts];
}

/** Features of saved inputs of the given density. */
export function savedFeatures(place: LayerPlace, density: number): number[] {
  const x = progress(place.trained);
  if (place.kind === "linear") return [1, x];
  const side = Math.log(recorded("side", place.geometry.H) / SIDE);
  const sparser = Math.log(DENSITY / recorded("density", density));
  const gray = place.gray ? 1 : 0;
  return [1, x, x * x, side, side * x, place.depth, sparser, gray, gray * x];
}

/**
 * Figures published by Raihan & Aamodt, Sparse Weight Activation Training (NeurIPS 2020), to show beside computed ones. The speed-ups
 * were simulated on an accelerator whose settings were not published. Unpublished figures are absent.
 */

/** Figures of one network and method at one sparsity. */
export interface PublishedFigures {
  readonly network: string;
  readonly method: string;
  readonly sparsity: number;
  /** Of the passes, over sparsity 0. */
  readonly forwardSpeedup?: number;
  readonly backwardSpeedup?: number;
  /** Training FLOPs saved, 0..1. */
  readonly flopsReduction?: number;
}

/** Source of all of these. */
export const PUBLISHED_SOURCE =
  "Raihan & Aamodt, Sparse Weight Activation Training, NeurIPS 2020: abstract, tables of accuracy and FLOPs, speed-ups by top-k sparsity";

/** Claims of the abstract: shares of the memory of the backward pass that are saved, over all networks and sparsities. */
export const PUBLISHED_RANGES = { activations: [0.23, 0.5], weights: [0.5, 0.9] } as const;

/** Speed-ups by top-k sparsity, and the tables of FLOPs at the sparsities that have a speed-up. */
const FIGURES: readonly PublishedFigures[] = [
  { network: "resnet50-imagenet", method: "swat-u", sparsity: 0, forwardSpeedup: 1, backwardSpeedup: 1 },
  {
    ...{ network: "resnet50-imagenet", method: "swat-u", sparsity: 0.8 },
    ...{ forwardSpeedup: 3.3, backwardSpeedup: 3.4, flopsReduction: 0.761 },
  },
  {
    ...{ network: "resnet50-imagenet", method: "swat-u", sparsity: 0.9 },
    ...{ forwardSpeedup: 5.6, backwardSpeedup: 6.3, flopsReduction: 0.856 },
  },
  { network: "resnet50-imagenet", method: "swat-erk", sparsity: 0.8, flopsReduction: 0.6 },
  { network: "resnet50-imagenet", method: "swat-erk", sparsity: 0.9, flopsReduction: 0.79 },
  { network: "wrn50-2-imagenet", method: "swat-u", sparsity: 0.8, flopsReduction: 0.786 },
  { network: "wrn50-2-imagenet", method: "swat-u", sparsity: 0.9, flopsReduction: 0.884 },
  { network: "vgg16", method: "swat-u", sparsity: 0.9, flopsReduction: 0.897 },
  { network: "wrn16-8", method: "swat-u", sparsity: 0.9, flopsReduction: 0.9 },
  { network: "densenet121", method: "swat-u", sparsity: 0.9, flopsReduction: 0.898 },
  { network: "densenet121", method: "swat-erk", sparsity: 0.9, flopsReduction: 0.897 },
];

/** Published figures of a network trained with a method at a sparsity. */
export function publishedFigures(network: string, method: string, sparsity: number): Partial<PublishedFigures> {
  const isAsked = (one: PublishedFigures) =>
    one.network === network && one.method === method && one.sparsity === sparsity;
  return FIGURES.find(isAsked) ?? {};
}

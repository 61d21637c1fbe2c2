/**
 * The statistics of the zeros of a synthetic trace, and those that recorded traces have (docs/synthetic-traces.md).
 *
 * A weight is w = exp(filterSpread·a + channelSpread·b)·z with standard normal a of its filter, b of its input channel and
 * z of its own; top-k then does what it does in training. Before its ReLU an activation is
 *
 *     √offsets·b + √(1 − offsets)·(√common·s + √(1 − common)·g) − t
 *
 * with standard normal b of its channel, and fields s of its image, g of its image and channel, whose correlation over
 * (x, y) pixels is correlation^(|x| + |y|). t sets the density; what is largest is what top-k saves.
 */

import { type TSchema, Type } from "typebox";

/** What synthetic masks are drawn with. */
export interface SyntheticSettings {
  /** Standard deviation of the log of the scale of filters, and of input channels, of weights. */
  readonly filterSpread: number;
  readonly channelSpread: number;
  /** Expected share of nonzeros of ReLU outputs, 0 < d < 1. */
  readonly naturalDensity: number;
  /** Share of the variance that all pixels of a channel have in common, in all images: how unlike channels are. */
  readonly offsets: number;
  /** Share of the rest that all channels of a pixel have in common. */
  readonly common: number;
  /** Correlation of neighbouring pixels. */
  readonly correlation: number;
  /** Share of nonzeros of gradients that batch norm passes on, 0 < d ≤ 1. */
  readonly gradDensity: number;
}

/** Of recorded steps: see docs/synthetic-traces.md. */
export const SYNTHETIC_DEFAULTS: SyntheticSettings = {
  filterSpread: 0.15,
  channelSpread: 0.15,
  naturalDensity: 0.5,
  offsets: 0.1,
  common: 0.05,
  correlation: 0.85,
  gradDensity: 1,
};

const share = (description: string) => Type.Number({ minimum: 0, exclusiveMaximum: 1, description });
const spread = (description: string) => Type.Number({ minimum: 0, description });

/** What they may be. */
export const SYNTHETIC_SCHEMAS = {
  filterSpread: spread("Standard deviation of the log of a filter's scale in weights."),
  channelSpread: spread("The same of an input channel."),
  naturalDensity: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, description: "Nonzeros of ReLU outputs." }),
  offsets: share("Share of variance before a ReLU that is of the channel."),
  common: share("Share of the rest that the channels of a pixel have in common."),
  correlation: share("Of neighbouring pixels before a ReLU."),
  gradDensity: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description: "Nonzeros of gradients that batch norm passes on.",
  }),
} satisfies Record<keyof SyntheticSettings, TSchema>;

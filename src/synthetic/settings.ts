/** The statistics of the zeros of a synthetic trace as numbers that a user may give (patterns.ts has the model). */
import { type Schema, Type } from "../core/input/schema.ts";

/** What synthetic masks are drawn with. */
export interface SyntheticSettings {
  /** Standard deviation of the log of the scale of filters, of input channels, and of kernel slices, of weights. */
  readonly filterSpread: number;
  readonly channelSpread: number;
  readonly sliceSpread: number;
  /** Expected share of nonzeros of ReLU outputs, 0 < d < 1. */
  readonly naturalDensity: number;
  /** Shares of the variance before a ReLU: of the channel in all images, of the image, and of the channel in one image. */
  readonly offsets: number;
  readonly imageOffsets: number;
  readonly planeOffsets: number;
  /** Shares of a place in all images and channels, and of a place in all images of a channel. */
  readonly placeOffsets: number;
  readonly channelPlaceOffsets: number;
  /** Share of the rest that all channels of a pixel have in common. */
  readonly common: number;
  /** Correlation of neighbouring pixels, and how much flatter than exponentially it falls off at first. */
  readonly correlation: number;
  readonly curvature: number;
  /** The same shares of what decides which activations top-k saves. */
  readonly savedOffsets: number;
  readonly savedImageOffsets: number;
  readonly savedPlaneOffsets: number;
  readonly savedPlaceOffsets: number;
  readonly savedChannelPlaceOffsets: number;
  readonly savedCommon: number;
  /** Share of nonzeros of gradients that batch norm passes on, 0 < d ≤ 1. */
  readonly gradDensity: number;
}

const share = (description: string) => Type.Number({ minimum: 0, exclusiveMaximum: 1, description });
const spread = (description: string) => Type.Number({ minimum: 0, description });

/** What they may be. */
export const SYNTHETIC_SCHEMAS = {
  filterSpread: spread("Standard deviation of the log of a filter's scale in weights."),
  channelSpread: spread("The same of an input channel."),
  sliceSpread: spread("The same of a kernel slice, one filter's kernel of one channel."),
  naturalDensity: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, description: "Nonzeros of ReLU outputs." }),
  offsets: share("Share of variance before a ReLU that is of the channel."),
  imageOffsets: share("Share of variance before a ReLU that is of the image."),
  planeOffsets: share("Share of variance before a ReLU that is of the channel in one image."),
  placeOffsets: share("Share of variance before a ReLU that is of the place in all images and channels."),
  channelPlaceOffsets: share("Share of variance before a ReLU that is of the place in all images of a channel."),
  common: share("Share of the rest that the channels of a pixel have in common."),
  correlation: share("Of neighbouring pixels before a ReLU."),
  curvature: share("How flat the correlation of pixels is near 1: 0 for an exponential."),
  savedOffsets: share("Share of variance of what is saved that is of the channel."),
  savedImageOffsets: share("Share of variance of what is saved that is of the image."),
  savedPlaneOffsets: share("Share of variance of what is saved that is of the channel in one image."),
  savedPlaceOffsets: share("Share of variance of what is saved that is of the place in all images and channels."),
  savedChannelPlaceOffsets: share(
    "Share of variance of what is saved that is of the place in all images of a channel.",
  ),
  savedCommon: share("Share of the rest that the channels of a pixel have in common."),
  gradDensity: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description: "Nonzeros of gradients that batch norm passes on.",
  }),
} satisfies Record<keyof SyntheticSettings, Schema>;

/** The settings of synthetic traces as options of the command line. */
import type { SyntheticSettings } from "../../synthetic/settings.ts";
import { density, numberIn } from "./options.ts";

/** An option and the setting that it gives. */
export interface SettingOption {
  readonly setting: keyof SyntheticSettings;
  readonly flag: string;
  readonly value: string;
  readonly description: string;
  readonly parse: (text: string) => number;
}

/** In the order of --help. */
export const SETTING_OPTIONS: readonly SettingOption[] = [
  {
    setting: "filterSpread",
    flag: "--filter-spread",
    value: "<s>",
    description: "spread of weights between filters (standard deviation of the log of their scale)",
    parse: numberIn(0, Infinity),
  },
  {
    setting: "channelSpread",
    flag: "--channel-spread",
    value: "<s>",
    description: "the same between input channels",
    parse: numberIn(0, Infinity),
  },
  {
    setting: "sliceSpread",
    flag: "--slice-spread",
    value: "<s>",
    description: "the same between kernel slices (one filter, one channel)",
    parse: numberIn(0, Infinity),
  },
  {
    setting: "naturalDensity",
    flag: "--natural-density",
    value: "<d>",
    description: "nonzeros of ReLU outputs, 0 < d < 1",
    parse: numberIn(0, 1, true),
  },
  {
    setting: "offsets",
    flag: "--offsets",
    value: "<r>",
    description: "share of the variance before a ReLU that lies between channels",
    parse: numberIn(0, 1),
  },
  {
    setting: "imageOffsets",
    flag: "--image-offsets",
    value: "<r>",
    description: "the same between images",
    parse: numberIn(0, 1),
  },
  {
    setting: "planeOffsets",
    flag: "--plane-offsets",
    value: "<r>",
    description: "the same between channels of one image",
    parse: numberIn(0, 1),
  },
  {
    setting: "placeOffsets",
    flag: "--place-offsets",
    value: "<r>",
    description: "the same between positions, over all images and channels",
    parse: numberIn(0, 1),
  },
  {
    setting: "channelPlaceOffsets",
    flag: "--channel-place-offsets",
    value: "<r>",
    description: "the same between positions of a channel, over all images",
    parse: numberIn(0, 1),
  },
  {
    setting: "common",
    flag: "--common",
    value: "<r>",
    description: "share of the rest that the channels of a pixel have in common",
    parse: numberIn(0, 1),
  },
  {
    setting: "correlation",
    flag: "--correlation",
    value: "<r>",
    description: "correlation of neighbouring pixels before a ReLU",
    parse: numberIn(0, 1),
  },
  {
    setting: "curvature",
    flag: "--curvature",
    value: "<r>",
    description: "how slowly that correlation begins to fall with distance; 0: exponential",
    parse: numberIn(0, 1),
  },
  {
    setting: "savedOffsets",
    flag: "--saved-offsets",
    value: "<r>",
    description: "like --offsets, for the values that decide which activations are saved",
    parse: numberIn(0, 1),
  },
  {
    setting: "savedImageOffsets",
    flag: "--saved-image-offsets",
    value: "<r>",
    description: "like --image-offsets, for those values",
    parse: numberIn(0, 1),
  },
  {
    setting: "savedPlaneOffsets",
    flag: "--saved-plane-offsets",
    value: "<r>",
    description: "like --plane-offsets, for those values",
    parse: numberIn(0, 1),
  },
  {
    setting: "savedPlaceOffsets",
    flag: "--saved-place-offsets",
    value: "<r>",
    description: "like --place-offsets, for those values",
    parse: numberIn(0, 1),
  },
  {
    setting: "savedChannelPlaceOffsets",
    flag: "--saved-channel-place-offsets",
    value: "<r>",
    description: "like --channel-place-offsets, for those values",
    parse: numberIn(0, 1),
  },
  {
    setting: "savedCommon",
    flag: "--saved-common",
    value: "<r>",
    description: "like --common, for those values",
    parse: numberIn(0, 1),
  },
  {
    setting: "gradDensity",
    flag: "--grad-density",
    value: "<d>",
    description: "nonzeros of gradients that batch norm passes on, 0 < d ≤ 1",
    parse: density,
  },
];

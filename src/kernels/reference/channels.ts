/** Copies of some channels of a tensor: concatenation along the channels, and its gradient. */
import type { ChannelRange } from "../backend.ts";
import type { Floats } from "../kernels.ts";

/** Those channels of target [N, C', H, W] = those of source [N, C, H, W], or added to. */
export function copyChannels(
  N: number,
  channels: ChannelRange,
  [sourceChannels, H, W]: readonly [number, number, number],
  source: Floats,
  [targetChannels]: readonly [number, number, number],
  target: Floats,
  accumulate: boolean,
): void {
  const plane = H * W;
  for (let n = 0; n < N; n++) {
    const from = (n * sourceChannels + channels.source) * plane;
    const to = (n * targetChannels + channels.target) * plane;
    for (let i = 0; i < channels.count * plane; i++) {
      target[to + i] = accumulate ? target[to + i] + source[from + i] : source[from + i];
    }
  }
}

/**
 * Places of buffers in one piece of memory, so that those that are in use at the same time never overlap: greedy by size, the
 * largest first, each in the lowest gap that is free as long as it is used (Pisarchyk & Lee 2020, "Efficient Memory
 * Management for Deep Neural Net Inference", Algorithm 3).
 */

/** Bytes that are in use from `from` to `to`, both included. */
export interface Span {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** The offset of each span, in their order, and the bytes of all. */
export interface Placement {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Places all spans; offsets are multiples of what all sizes are multiples of. */
export function placeSpans(spans: readonly Span[]): Placement {
  const offsets = new Array<number>(spans.length).fill(0);
  const placed: number[] = [];
  const bySize = spans.map((_, index) => index).sort((a, b) => spans[b].bytes - spans[a].bytes || a - b);
  for (const index of bySize) {
    const { bytes, from, to } = spans[index];
    let offset = 0;
    // `placed` is in the order of offsets.
    for (const other of placed) {
      if (spans[other].from > to || spans[other].to < from) continue;
      if (offsets[other] - offset >= bytes) break;
      offset = Math.max(offset, offsets[other] + spans[other].bytes);
    }
    offsets[index] = offset;
    const behind = placed.findIndex((other) => offsets[other] > offset);
    placed.splice(behind < 0 ? placed.length : behind, 0, index);
  }
  return { offsets, bytes: spans.reduce((end, { bytes }, i) => Math.max(end, offsets[i] + bytes), 0) };
}

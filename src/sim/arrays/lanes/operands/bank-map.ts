/**
 * In which bank of its on-chip buffer an element of the padded input or outputGrad lies, and how often reads of one line
 * meet in a bank. A conflict is a read beyond the first of its bank; they are counted, not charged.
 * Source: DNNsim's TensorDash training model (January 2020, parent of 58b1d72).
 */
import { type ConvGeometry, outputWidth } from "../../../../core/geometry.ts";
import type { SourceExtent, WindowGrid } from "../../../operation/channel-first.ts";
import type { PositionGrid } from "./position-lanes.ts";

/** Bank of (y, x) = ((y div period) · shift + (y mod period) · pitch + x) mod banks, in coordinates of the padded tensor. */
export interface BankMap {
  readonly banks: number;
  readonly period: number;
  readonly shift: number;
  readonly pitch: number;
  /** Padding above and left of the tensor. */
  readonly top: number;
  readonly left: number;
}

/** Banks of the input: groups of `stride` rows start where the outputs of the group before end, rows within one run on. */
export function inputBanks(g: ConvGeometry, banks: number): BankMap {
  const pitch = g.W + g.padding[2] + g.padding[3];
  const used = outputWidth(g) * g.stride[1];
  return {
    banks,
    period: g.stride[0],
    shift: used <= pitch ? used : 0,
    pitch,
    top: g.padding[0],
    left: g.padding[2],
  };
}

/** Banks of outputGrad: each row starts W div stride banks after the row before. */
export function outputGradBanks(g: ConvGeometry, extent: SourceExtent, banks: number): BankMap {
  const step = Math.floor(g.W / g.stride[1]);
  const shift = step <= extent.right - extent.left ? step : 0;
  return { banks, period: 1, shift, pitch: 0, top: -extent.top, left: -extent.left };
}

/** Bank of the element at (y, x), which may lie in the padding. */
export function bankOf(map: BankMap, y: number, x: number): number {
  const row = y + map.top;
  return (Math.floor(row / map.period) * map.shift + (row % map.period) * map.pitch + x + map.left) % map.banks;
}

/** Conflicts of one line of every tap, summed over the window sets of `size` windows of a stream of `images` images. */
export function windowConflicts(map: BankMap, grid: WindowGrid, images: number, size: number): number {
  const perImage = grid.height * grid.width;
  const windows = images * perImage;
  const requests = new Int32Array(map.banks);
  let conflicts = 0;
  for (let first = 0; first < windows; first += size) {
    for (const tap of grid.taps) {
      requests.fill(0);
      let most = 0;
      for (let i = first; i < Math.min(first + size, windows); i++) {
        const window = i % perImage;
        const y = grid.startY + Math.floor(window / grid.width) * grid.stepY + tap.y;
        const x = grid.startX + (window % grid.width) * grid.stepX + tap.x;
        most = Math.max(most, ++requests[bankOf(map, y, x)]);
      }
      conflicts += most - 1;
    }
  }
  return conflicts;
}

/** Adds to `lines[t]`, where it is larger, the conflicts of line t of a stream of positions; lanes hold one position each. */
export function raisePositionConflicts(
  map: BankMap,
  grid: PositionGrid,
  images: number,
  lanes: number,
  lines: Int32Array,
): void {
  const perImage = grid.P * grid.Q;
  const positions = images * perImage;
  const requests = new Int32Array(map.banks);
  for (let first = 0, t = 0; first < positions; first += lanes, t++) {
    requests.fill(0);
    let most = 0;
    for (let i = first; i < Math.min(first + lanes, positions); i++) {
      const position = i % perImage;
      const y = grid.startY + Math.floor(position / grid.Q) * grid.stepY;
      const x = grid.startX + (position % grid.Q) * grid.stepX;
      most = Math.max(most, ++requests[bankOf(map, y, x)]);
    }
    lines[t] = Math.max(lines[t], most - 1);
  }
}

/**
 * Forward and inputGrad as one thing: windows that step over a source tensor, each reading one element per tap and channel.
 * Channels lie on the lanes. Forward: the source is the input, windows are output positions, taps the kernel positions.
 * inputGrad: the source is outputGrad; input positions that differ modulo the stride see different kernel positions, so each
 * such phase is a channel-first job of its own with the kernel rotated by 180° and unit step. Nothing is ever zero-dilated.
 */
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";

/** One kernel position: where its weights lie, and what it reads relative to the window's first element. */
export interface Tap {
  /** r · S + s. */
  readonly kernel: number;
  readonly y: number;
  readonly x: number;
}

/** Windows of one image over the taps; window (i, j) reads source element (startY + i · stepY + y, startX + j · stepX + x). */
export interface WindowGrid {
  readonly height: number;
  readonly width: number;
  readonly startY: number;
  readonly startX: number;
  readonly stepY: number;
  readonly stepX: number;
  /** In line order: kernel rows outer, ascending in y, then in x. */
  readonly taps: readonly Tap[];
}

/** The channel-first jobs of a pass, in the order in which they run; jobs without windows or taps are left out. */
export function windowGrids(pass: "forward" | "inputGrad", g: ConvGeometry): WindowGrid[] {
  if (outputHeight(g) <= 0 || outputWidth(g) <= 0) return [];
  const grids = pass === "forward" ? [forwardGrid(g)] : inputGradGrids(g);
  return grids.filter(({ height, width, taps }) => height > 0 && width > 0 && taps.length > 0);
}

function forwardGrid(g: ConvGeometry): WindowGrid {
  const taps: Tap[] = [];
  for (let r = 0; r < g.R; r++) {
    for (let s = 0; s < g.S; s++) taps.push({ kernel: r * g.S + s, y: r * g.dilation[0], x: s * g.dilation[1] });
  }
  return {
    height: outputHeight(g),
    width: outputWidth(g),
    startY: -g.padding[0],
    startX: -g.padding[2],
    stepY: g.stride[0],
    stepX: g.stride[1],
    taps,
  };
}

function inputGradGrids(g: ConvGeometry): WindowGrid[] {
  const grids: WindowGrid[] = [];
  for (let a = 0; a < Math.min(g.stride[0], g.H); a++) {
    const rows = phaseTaps(a, g.R, g.stride[0], g.dilation[0], g.padding[0]);
    for (let b = 0; b < Math.min(g.stride[1], g.W); b++) {
      const columns = phaseTaps(b, g.S, g.stride[1], g.dilation[1], g.padding[2]);
      const taps = rows.flatMap((row) =>
        columns.map((column) => ({ kernel: row.kernel * g.S + column.kernel, y: row.source, x: column.source })),
      );
      const height = Math.ceil((g.H - a) / g.stride[0]);
      const width = Math.ceil((g.W - b) / g.stride[1]);
      grids.push({ height, width, startY: 0, startX: 0, stepY: 1, stepX: 1, taps });
    }
  }
  return grids;
}

/** Kernel positions of one axis that hit input positions phase, phase + stride, …, by ascending source coordinate. */
function phaseTaps(phase: number, extent: number, stride: number, dilation: number, padding: number) {
  const taps: { kernel: number; source: number }[] = [];
  for (let kernel = extent - 1; kernel >= 0; kernel--) {
    const distance = phase + padding - kernel * dilation;
    if (distance % stride === 0) taps.push({ kernel, source: distance / stride });
  }
  return taps;
}

/** Source coordinates [top, bottom) × [left, right) that windows read, joined with the image and its padding. */
export interface SourceExtent {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/**
 * The padded source of a pass. Forward: the whole padded image, read or not. inputGrad: outputGrad and what the windows
 * of any phase read around it.
 */
export function sourceExtent(
  pass: "forward" | "inputGrad",
  g: ConvGeometry,
  grids: readonly WindowGrid[],
): SourceExtent {
  if (pass === "forward") {
    return { top: -g.padding[0], bottom: g.H + g.padding[1], left: -g.padding[2], right: g.W + g.padding[3] };
  }
  let top = 0;
  let bottom = outputHeight(g);
  let left = 0;
  let right = outputWidth(g);
  for (const grid of grids) {
    const first = grid.taps[0];
    const last = grid.taps[grid.taps.length - 1];
    top = Math.min(top, grid.startY + first.y);
    left = Math.min(left, grid.startX + first.x);
    bottom = Math.max(bottom, grid.startY + (grid.height - 1) * grid.stepY + last.y + 1);
    right = Math.max(right, grid.startX + (grid.width - 1) * grid.stepX + last.x + 1);
  }
  return { top, bottom, left, right };
}

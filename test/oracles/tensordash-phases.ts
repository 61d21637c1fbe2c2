/**
 * Strided input gradients of the original TensorDash model. Where its phases hold other windows than
 * the input positions of that phase, each phase is translated into a stride-1 forward pass over the part of the padded
 * gradient that it reads, with the part of the rotated kernel that it uses.
 */
import { type BitMask, getBit, setBit, zerosMask } from "../../src/core/bit-mask.ts";
import { windowConflicts } from "../../src/sim/arrays/lanes/operands/bank-map.ts";
import { type TensorDashParams, tensordash } from "../../src/sim/arrays/tensordash.ts";
import type { ComputeResult } from "../../src/sim/hardware/accelerator.ts";
import { type GradPadding, type PaddedLayer, paddingKind } from "./tensordash-layer.ts";

/** One axis of a phase: kernel positions in the order read, windows, and the padded gradient position of the first. */
interface Axis {
  readonly taps: readonly number[];
  readonly windows: number;
  readonly start: number;
  /** Whether the windows are exactly the input positions of the phase. */
  readonly regular: boolean;
}

/** A phase of the original. */
export interface Phase {
  readonly y: Axis;
  readonly x: Axis;
  readonly regular: boolean;
}

/** The original's phases that own a tap. */
export function phasesOf(layer: PaddedLayer, grad: GradPadding): Phase[] {
  const axis = (phase: number, extent: number, size: number, padded: number, before: number, padding: number): Axis => {
    const { stride } = layer;
    const taps: number[] = [];
    for (let rotated = phase; rotated < extent; rotated += stride) taps.push(extent - 1 - rotated);
    const asymmetric = paddingKind(layer) === "asymmetric";
    const start = asymmetric ? 0 : phase;
    const windows = padded - taps.length - phase - start + 1;
    const first = stride * (start - before) + extent - 1 - phase - padding;
    const regular = first >= 0 && first < stride && windows === Math.ceil((size - first) / stride);
    return { taps, windows, start, regular };
  };
  const padding = paddingKind(layer) === "none" ? 0 : layer.padding;
  const vertical = paddingKind(layer) === "horizontal" ? 0 : padding;
  const horizontal = paddingKind(layer) === "vertical" ? 0 : padding;
  const phases: Phase[] = [];
  for (let py = 0; py < Math.min(layer.stride, layer.Ky); py++) {
    for (let px = 0; px < Math.min(layer.stride, layer.Kx); px++) {
      const y = axis(py, layer.Ky, layer.Ny, grad.height, grad.top, vertical);
      const x = axis(px, layer.Kx, layer.Nx, grad.width, grad.left, horizontal);
      phases.push({ y, x, regular: y.regular && x.regular });
    }
  }
  return phases;
}

/** Runs every phase that has a window as a forward pass of its own; the original counts nothing for the others. */
export function runPhases(
  phases: readonly Phase[],
  layer: PaddedLayer,
  grad: GradPadding,
  weight: BitMask,
  outputGrad: BitMask,
  byGrad: boolean,
  params: TensorDashParams,
): ComputeResult[] {
  const operand = { ...params.operand, forward: byGrad ? "input" : "weight" } as const;
  return phases
    .filter(({ y, x }) => y.windows > 0 && x.windows > 0)
    .map((phase): ComputeResult => {
      const geometry = {
        ...{ N: 1, C: layer.K, K: layer.C, R: phase.y.taps.length, S: phase.x.taps.length },
        H: phase.y.windows + phase.y.taps.length - 1,
        W: phase.x.windows + phase.x.taps.length - 1,
        stride: [1, 1],
        padding: [0, 0, 0, 0],
        dilation: [1, 1],
        groups: 1,
      } as const;
      const masks = { input: patchOf(phase, grad, outputGrad), weight: kernelOf(phase, layer, weight) };
      const result = tensordash.run(
        { pass: "forward", layer: "phase", geometry, masks, topKPeriod: 1 },
        { ...params, operand },
      );
      const readBankConflicts = conflictsOf(phase, layer, grad, byGrad, params);
      return { ...result, counters: { ...result.counters, readBankConflicts } };
    });
}

/** The part of the padded gradient that a phase reads. */
function patchOf({ y, x }: Phase, grad: GradPadding, outputGrad: BitMask): BitMask {
  const [, K, P, Q] = outputGrad.shape;
  const H = y.windows + y.taps.length - 1;
  const W = x.windows + x.taps.length - 1;
  const patch = zerosMask([1, K, H, W]);
  for (let k = 0; k < K; k++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++) {
        const p = h + y.start - grad.top;
        const q = w + x.start - grad.left;
        const inside = p >= 0 && p < P && q >= 0 && q < Q;
        if (inside && getBit(outputGrad, 0, (k * P + p) * Q + q)) setBit(patch, 0, (k * H + h) * W + w);
      }
    }
  }
  return patch;
}

/** The taps of a phase as a kernel [C, K, taps y, taps x]. */
function kernelOf({ y, x }: Phase, layer: PaddedLayer, weight: BitMask): BitMask {
  const kernel = zerosMask([layer.C, layer.K, y.taps.length, x.taps.length]);
  for (let c = 0; c < layer.C; c++) {
    for (let k = 0; k < layer.K; k++) {
      y.taps.forEach((r, i) => {
        x.taps.forEach((s, j) => {
          if (!getBit(weight, k, (c * layer.Ky + r) * layer.Kx + s)) return;
          setBit(kernel, c, (k * y.taps.length + i) * x.taps.length + j);
        });
      });
    }
  }
  return kernel;
}

/** Conflicts of a phase in the banks of the gradient, which a forward pass does not know. */
function conflictsOf(
  { y, x }: Phase,
  layer: PaddedLayer,
  grad: GradPadding,
  byGrad: boolean,
  p: TensorDashParams,
): number {
  const step = Math.floor(layer.Nx / layer.stride);
  const map = { banks: p.banks, period: 1, shift: step <= grad.width ? step : 0, pitch: 0, top: 0, left: 0 };
  const taps = y.taps.flatMap((_r, i) => x.taps.map((_s, j) => ({ kernel: 0, y: i, x: j })));
  const grid = { height: y.windows, width: x.windows, startY: y.start, startX: x.start, stepY: 1, stepX: 1, taps };
  const filterSets = Math.ceil(layer.C / (byGrad ? p.columns : p.rows));
  return windowConflicts(map, grid, 1, byGrad ? p.rows : p.columns) * filterSets * Math.ceil(layer.K / p.lanes);
}

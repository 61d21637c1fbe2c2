/**
 * Pairs that a machine multiplies which looks at one operand only, or at none: how many have both elements inside the image
 * (inputGrad: inside outputGrad), and how many one outside. Every element of the operand meets the same pairs in all
 * channels and images, and the axes are independent, so that one sum over its plane suffices:
 *
 *     weight       Σ_{r,s}  #{nonzeros under tap (r, s)} · windows(r) · windows(s) · images
 *     outputGrad   Σ_{p,q}  #{nonzeros at (p, q)} · taps(p) · taps(q) · C/groups          (weightGrad)
 *
 * A machine that looks at the operand with the padding multiplies none of it.
 */
import { type BitMask, countOnes } from "../../core/bit-mask.ts";
import { denseMacs, gridMacs, phaseMacs } from "../../core/dense-macs.ts";
import { type ConvGeometry, outputHeight, outputWidth } from "../../core/geometry.ts";
import { onesOfPlane } from "./mask-counts.ts";
import type { Operand, Operation, OperationOf, Pass, WeightOperation } from "./operation.ts";

/** Counts of pairs. */
export interface Pairs {
  readonly inside: number;
  /** With an element of the image padding. */
  readonly outside: number;
}

/** Pairs of a machine that looks at nothing; windows of an input gradient are those of its stride phases. */
export function allPairs(pass: Pass, g: ConvGeometry): Pairs {
  const inside = denseMacs(g);
  return { inside, outside: (pass === "inputGrad" ? phaseMacs(g) : gridMacs(g)) - inside };
}

/** Pairs of the nonzero weights of forward or inputGrad for `images` images. */
export function weightPairs({ pass, geometry: g, masks }: WeightOperation, images = g.N): Pairs {
  return pairsOf(masks.weight, [0, g.K], [tapReach(pass, g, 0), tapReach(pass, g, 1)], images);
}

/** The same of weights counted by kernel position [R · S]. */
export function pairsOfTaps(pass: Pass, g: ConvGeometry, weights: ArrayLike<number>, images = g.N): Pairs {
  return pairsOfPlane(weights, tapReach(pass, g, 0), tapReach(pass, g, 1), images);
}

/** Pairs of the nonzero outputGrads of weightGrad in images [from, to). */
export function outputGradPairs({ geometry: g, masks }: OperationOf<"weightGrad">, from = 0, to = g.N): Pairs {
  return pairsOf(masks.outputGrad, [from, to], [windowReach(g, 0), windowReach(g, 1)], g.C / g.groups);
}

/** Pairs inside the image of the nonzeros of one operand of `operation` with an operand that has no zero. */
export function pairsWithDense({ pass, geometry: g }: Operation, operand: Operand, mask: BitMask): number {
  const times = { weight: g.N, input: g.K, outputGrad: g.C }[operand] / (operand === "weight" ? 1 : g.groups);
  const reachOf = (axis: 0 | 1) =>
    operand === "weight" ? tapReach(pass, g, axis) : operand === "input" ? inputReach(g, axis) : windowReach(g, axis);
  return pairsOf(mask, [0, mask.shape[0]], [reachOf(0), reachOf(1)], times).inside;
}

/** What each position along an axis of an operand's plane meets along it. */
interface Reach {
  readonly all: readonly number[];
  readonly inside: readonly number[];
}

/** Pairs of the ones of slices [from, to), whose planes have these reaches vertically and horizontally. */
function pairsOf(
  mask: BitMask,
  [from, to]: readonly [number, number],
  [vertical, horizontal]: readonly [Reach, Reach],
  times: number,
): Pairs {
  // Where all positions meet as much, it does not matter where the ones are.
  if (!isUniform(vertical) || !isUniform(horizontal)) {
    return pairsOfPlane(onesOfPlane(mask, from, to), vertical, horizontal, times);
  }
  const ones = countOnes(mask, from, to);
  const inside = ones * vertical.inside[0] * horizontal.inside[0];
  return { inside: inside * times, outside: (ones * vertical.all[0] * horizontal.all[0] - inside) * times };
}

function isUniform({ all, inside }: Reach): boolean {
  return all.length > 0 && all.every((met) => met === all[0]) && inside.every((met) => met === inside[0]);
}

function pairsOfPlane(ones: ArrayLike<number>, vertical: Reach, horizontal: Reach, times: number): Pairs {
  const width = horizontal.all.length;
  let all = 0;
  let inside = 0;
  for (let y = 0; y < vertical.all.length; y++) {
    for (let x = 0; x < width; x++) {
      all += ones[y * width + x] * vertical.all[y] * horizontal.all[x];
      inside += ones[y * width + x] * vertical.inside[y] * horizontal.inside[x];
    }
  }
  return { inside: inside * times, outside: (all - inside) * times };
}

/** Windows of each kernel position along an axis (0 vertical, 1 horizontal); inputGrad: input positions that a stride aligns. */
function tapReach(pass: Pass, g: ConvGeometry, axis: 0 | 1): Reach {
  const { windows, kernel, extent, isInside } = axisOf(g, axis);
  const taps = [...Array(kernel).keys()];
  const aligned = (at: number, tap: number) =>
    (at + g.padding[axis * 2] - tap * g.dilation[axis]) % g.stride[axis] === 0;
  return {
    all: taps.map((tap) =>
      pass !== "inputGrad" ? windows : windows === 0 ? 0 : count(extent, (at) => aligned(at, tap)),
    ),
    inside: taps.map((tap) => count(windows, (window) => isInside(window, tap))),
  };
}

/** Kernel positions of each window along an axis. */
function windowReach(g: ConvGeometry, axis: 0 | 1): Reach {
  const { windows, kernel, isInside } = axisOf(g, axis);
  const positions = [...Array(windows).keys()];
  return {
    all: positions.map(() => kernel),
    inside: positions.map((window) => count(kernel, (tap) => isInside(window, tap))),
  };
}

/** Windows, each at one kernel position, that each input position meets along an axis. */
function inputReach(g: ConvGeometry, axis: 0 | 1): Reach {
  const { extent, kernel, windows } = axisOf(g, axis);
  const met = new Array<number>(extent).fill(0);
  for (let window = 0; window < windows; window++) {
    for (let tap = 0; tap < kernel; tap++) {
      const at = window * g.stride[axis] + tap * g.dilation[axis] - g.padding[axis * 2];
      if (at >= 0 && at < extent) met[at]++;
    }
  }
  return { all: met, inside: met };
}

function axisOf(g: ConvGeometry, axis: 0 | 1) {
  const hasOutput = outputHeight(g) > 0 && outputWidth(g) > 0;
  const [extent, kernel, windows] = axis === 0 ? [g.H, g.R, outputHeight(g)] : [g.W, g.S, outputWidth(g)];
  const isInside = (window: number, tap: number): boolean => {
    const at = window * g.stride[axis] + tap * g.dilation[axis] - g.padding[axis * 2];
    return at >= 0 && at < extent;
  };
  return { extent, kernel, windows: hasOutput ? windows : 0, isInside };
}

function count(extent: number, holds: (index: number) => boolean): number {
  let holding = 0;
  for (let i = 0; i < extent; i++) if (holds(i)) holding++;
  return holding;
}

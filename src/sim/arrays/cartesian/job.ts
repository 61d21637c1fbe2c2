/**
 * An operation as Cartesian products: planar convolutions of a few activation planes with the kernels of a range of
 * filters. Planes, kernels and filters are bit addresses, so that no tensor is turned, rotated or copied.
 *
 * A strided input gradient is one job for each stride phase, never zero-dilated: in a phase neighbouring gradients meet
 * neighbouring accumulators, which spreads them over the banks as a forward pass does. A dilated kernel keeps its
 * own taps only. Groups are jobs of their own.
 */
import { type BitMask, countOnes, sliceBytes } from "../../../core/bit-mask.ts";
import { sizeOf } from "../../../core/geometry.ts";
import { type Operand, type Operation, sourceMaskOf } from "../../operation/operation.ts";
import { axesOf, type PlaneAxis } from "./plane-axis.ts";

/** Bits of a tensor at address `base + y · row + x`. */
export interface PlaneSource {
  readonly base: number;
  readonly row: number;
}

/** Reduction steps, each with the kernels, filter f at `base + f · filter`, and the activation planes that they meet. */
export interface JobSteps {
  readonly count: number;
  /** Planes of each step. */
  readonly planes: number;
  weights(step: number): PlaneSource;
  plane(step: number, plane: number): PlaneSource;
}

/** Convolutions over the same axes and filters. */
export interface Job {
  readonly horizontal: PlaneAxis;
  readonly vertical: PlaneAxis;
  /** Number of the first filter among all groups, and filters of this group. */
  readonly firstFilter: number;
  readonly filters: number;
  /** Bits from one filter to the next. */
  readonly filterBits: number;
  readonly activations: Pick<BitMask, "bytes">;
  readonly weights: Pick<BitMask, "bytes">;
  readonly steps: JobSteps;
  /** Images; forward and inputGrad have one plane a step for each, weightGrad one step. */
  readonly images: number;
  /** How often the accumulators of one pass over the filters are emptied: once an image, or (weightGrad) once an input channel. */
  readonly drains: number;
  /**
   * "tiles": each output has a home at one processing element and its neighbours send their share. "spread": a processing
   * element holds every output that it can reach (weightGrad, where few outputs meet many positions). "outer": each output
   * belongs to one processing element, and every step adds to all of them (weightGrad where outputGrad has one position).
   */
  readonly accumulate: "tiles" | "spread" | "outer";
  readonly paddingAsNonzeros: boolean;
  /** No element of either operand is zero: every plane costs the same. */
  readonly isDense: boolean;
}

/** Operand on the activation side and operand on the weight side of each pass. */
export const SIDES = {
  forward: { activations: "input", weights: "weight" },
  inputGrad: { activations: "outputGrad", weights: "weight" },
  weightGrad: { activations: "input", weights: "outputGrad" },
} as const satisfies Record<Operation["pass"], { activations: Operand; weights: Operand }>;

/** The jobs of an operation, one after the other. */
export function jobsOf(operation: Operation): Job[] {
  const { pass, geometry: g } = operation;
  const [activations, weights] =
    operation.pass === "weightGrad"
      ? [operation.masks.input, operation.masks.outputGrad]
      : [sourceMaskOf(operation), operation.masks.weight];
  const isDense = [activations, weights].every((mask) => countOnes(mask) === sizeOf(mask.shape));
  const jobs: Job[] = [];
  for (let group = 0; group < g.groups; group++) {
    const shared = { ...filtersOf(operation, group, weights), steps: stepsOf(operation, group, activations, weights) };
    for (const horizontal of axesOf(pass, g, 1)) {
      for (const vertical of axesOf(pass, g, 0)) {
        if (horizontal.taps.length === 0 || vertical.taps.length === 0) continue;
        jobs.push({
          ...shared,
          horizontal,
          vertical,
          activations,
          weights,
          drains: pass === "weightGrad" ? g.C / g.groups : g.N,
          accumulate: accumulation(pass, horizontal, vertical),
          paddingAsNonzeros: operation.paddingAsNonzeros === true,
          isDense,
          images: g.N,
        });
      }
    }
  }
  return jobs;
}

function accumulation(pass: Operation["pass"], ...axes: readonly PlaneAxis[]): Job["accumulate"] {
  if (pass !== "weightGrad") return "tiles";
  return axes.every(({ taps, extent, outputs }) => taps.length === 1 && extent === outputs) ? "outer" : "spread";
}

/** Forward and weightGrad have output channels as filters, inputGrad input channels. */
function filtersOf({ pass, geometry: g }: Operation, group: number, weights: BitMask) {
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const filters = pass === "inputGrad" ? inputs : outputs;
  const filterBits = pass === "forward" ? sliceBytes(weights.shape) * 8 : weights.shape[2] * weights.shape[3];
  return { firstFilter: group * filters, filters, filterBits };
}

/** Forward reduces over input channels, inputGrad over output channels, each for every image; weightGrad over images. */
function stepsOf({ pass, geometry: g }: Operation, group: number, activations: BitMask, weights: BitMask): JobSteps {
  const [inputs, outputs] = [g.C / g.groups, g.K / g.groups];
  const [firstInput, firstOutput] = [group * inputs, group * outputs];
  switch (pass) {
    case "forward":
      return {
        ...{ count: inputs, planes: g.N },
        weights: (c) => address(weights, firstOutput, c),
        plane: (c, n) => address(activations, n, firstInput + c),
      };
    case "inputGrad":
      return {
        ...{ count: outputs, planes: g.N },
        weights: (k) => address(weights, firstOutput + k, 0),
        plane: (k, n) => address(activations, n, firstOutput + k),
      };
    case "weightGrad":
      return {
        ...{ count: g.N, planes: inputs },
        weights: (n) => address(weights, n, firstOutput),
        plane: (n, c) => address(activations, n, firstInput + c),
      };
  }
}

/** Address of channel `channel` of slice `slice` of a 4-D mask. */
function address(mask: BitMask, slice: number, channel: number): PlaneSource {
  const [, , height, width] = mask.shape;
  return { base: slice * sliceBytes(mask.shape) * 8 + channel * height * width, row: width };
}

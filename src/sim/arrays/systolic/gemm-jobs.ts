/**
 * A pass of a layer as matrix products left [m, k] · right [k, n], without ever building a matrix (im2col in words only):
 *
 *     forward     m = windows, padding included          k = taps · C/groups            n = filters (K/groups)
 *     inputGrad   m = windows of one stride phase        k = taps of it · K/groups      n = C/groups
 *     weightGrad  m = C/groups · R · S                   k = output positions           n = filters (K/groups)
 *
 * Left is the operand with positions (weightGrad: the input), right the weight (weightGrad: outputGrad). Groups follow
 * one another, and so do images unless the batch is folded into windows (weightGrad: into positions).
 */
import { type ConvGeometry, outputHeight, outputWidth } from "../../../core/geometry.ts";
import { type Tap, windowGrids } from "../../operation/channel-first.ts";
import type { Pass } from "../../operation/operation.ts";

/** One matrix product and how often it runs. */
export interface GemmJob {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Groups × images that run one after the other, all of the same cost. */
  readonly times: number;
  /** Kernel positions in the order of the reduction, in which the channels of a tap are neighbours; none in weightGrad. */
  readonly taps: readonly Tap[];
}

/** The products of a pass in the order in which they run; empty ones are left out. */
export function gemmJobs(pass: Pass, g: ConvGeometry, batch: "image" | "fold"): GemmJob[] {
  const images = batch === "fold" ? g.N : 1;
  const times = g.groups * (batch === "fold" ? 1 : g.N);
  const inputs = g.C / g.groups;
  const outputs = g.K / g.groups;
  return productsOf().filter((job) => job.m * job.n * job.k * times > 0);

  function productsOf(): GemmJob[] {
    if (pass === "weightGrad") {
      const positions = Math.max(0, outputHeight(g)) * Math.max(0, outputWidth(g));
      return [{ m: inputs * g.R * g.S, n: outputs, k: positions * images, times, taps: [] }];
    }
    const [channels, n] = pass === "forward" ? [inputs, outputs] : [outputs, inputs];
    return windowGrids(pass, g).map(({ height, width, taps }) => {
      return { m: height * width * images, n, k: taps.length * channels, times, taps };
    });
  }
}

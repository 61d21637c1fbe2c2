/**
 * Whether an operation lies in the scope of SCALE-Sim v3 fab89b7: a forward convolution of one image without padding, groups or
 * dilation whose windows end at the edge of the image. Outside it our counts rest on the same formulas but on no
 * independent number.
 */
import type { Operation } from "../../operation/operation.ts";
import type { NOfM } from "./n-of-m.ts";

/** True where SCALE-Sim computes the same operation on the same array. */
export function inGoldenScope({ pass, geometry: g }: Operation, pattern: NOfM): boolean {
  const [vertical, horizontal] = g.stride;
  return (
    pass === "forward" &&
    g.N === 1 &&
    g.groups === 1 &&
    g.padding.every((extent) => extent === 0) &&
    g.dilation.every((step) => step === 1) &&
    vertical === horizontal &&
    (g.H - g.R) % vertical === 0 &&
    (g.W - g.S) % horizontal === 0 &&
    (pattern.n === pattern.m || pattern.mode === "layer" || isItsRowWise(g.C * g.R * g.S, pattern))
  );
}

/** Its row-wise blocks keep one half, and come in pairs. */
function isItsRowWise(k: number, { n, m }: NOfM): boolean {
  return 2 * n === m && k % (2 * m) === 0;
}

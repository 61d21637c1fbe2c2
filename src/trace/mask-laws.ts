/**
 * Laws of steps that were trained with masks of weights: N:M patterns hold, both passes that read a weight read the same one,
 * and gradients are computed where the method wants them.
 */
import { type BitMask, countOnes, getBit } from "../core/bit-mask.ts";
import { isMacOp, type MacOp, type TraceTensor } from "./manifest.ts";
import type { Trace } from "./trace.ts";

type Pattern = NonNullable<TraceTensor["pattern"]>;

/** Methods whose laws are known. */
const METHODS = ["nm", "rigl", "topkast"];

/** Faults, one line each. */
export async function maskMethodFaults(trace: Trace): Promise<string[]> {
  const { ops, tensors, method, denseGradient } = trace.manifest;
  const faults: string[] = [];
  const macOps = ops.filter(isMacOp);
  for (const { id, pattern, shape } of tensors) {
    if (pattern === undefined) continue;
    const groups = macOps.find((op) => weightOf(op) === id)?.geometry.groups ?? 1;
    const fault = patternFault(await trace.mask(id), shape, { ...pattern, groups });
    if (fault !== undefined) faults.push(`tensor "${id}": ${fault}`);
  }
  if (METHODS.includes(method.name)) {
    for (const op of macOps.filter(({ pass }) => pass === "weightGrad")) {
      faults.push(...(await layerFaults(trace, op, macOps)).map((fault) => `layer ${op.layer}: ${fault}`));
    }
  }
  if (denseGradient === true && ops.some(({ kind }) => kind === "optimizer")) {
    faults.push("denseGradient: masks change in place of weights, got an optimizer op; valid: none");
  }
  return faults.map((fault) => `${trace.name}: ${fault}`);
}

/** The first group that keeps more than n, or, of a pattern along input channels alone, other than n or all it has. */
function patternFault(
  mask: BitMask,
  [filters, channels, ...kernel]: readonly number[],
  { n, m, transposable, groups }: Pattern & { readonly groups: number },
): string | undefined {
  const positions = kernel.reduce((product, extent) => product * extent, 1);
  const isKept = (k: number, c: number, position: number) => Number(getBit(mask, k, c * positions + position));
  const perGroup = filters / groups;
  for (let position = 0; position < positions; position++) {
    for (let k = 0; k < filters; k++) {
      for (let c = 0; c < channels; c += m) {
        const size = Math.min(m, channels - c);
        let ones = 0;
        for (let i = 0; i < size; i++) ones += isKept(k, c + i, position);
        const isRight = transposable === "none" ? ones === Math.min(n, size) : ones <= n;
        if (!isRight) return `filter ${k} keeps ${ones} of input channels ${c} to ${c + size - 1}; valid: ${n} of ${m}`;
      }
    }
    if (transposable === "none") continue;
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < filters; k += Math.min(m, perGroup - (k % perGroup))) {
        const size = Math.min(m, perGroup - (k % perGroup));
        let ones = 0;
        for (let i = 0; i < size; i++) ones += isKept(k + i, c, position);
        if (ones > n)
          return `input channel ${c} is kept by ${ones} of filters ${k} to ${k + size - 1}; valid: ${n} of ${m}`;
      }
    }
  }
  return undefined;
}

/** What breaks the laws of a method in one layer, whose op of the weight gradient is `op`. */
async function layerFaults(trace: Trace, { layer, output }: MacOp, macOps: readonly MacOp[]): Promise<string[]> {
  const { method, denseGradient } = trace.manifest;
  const readers = macOps.filter((op) => op.layer === layer && weightOf(op) !== undefined);
  const [weight, ...others] = [...new Set(readers.map(weightOf))];
  if (others.length > 0)
    return [`forward and inputGrad read different weights, got ${weight} and ${others.join(", ")}`];
  if (weight === undefined || output === undefined) return [];
  const [isMasked, isPartial] = [weight, output].map((id) => trace.tensor(id).mask !== undefined);
  if (isPartial && (method.name === "nm" || denseGradient === true)) return [`"${output}" has a mask; valid: none`];
  if (!isMasked || denseGradient === true || method.name === "nm") return [];
  const [active, wanted] = [await trace.mask(weight), await trace.mask(output)];
  const outside = countOnes({ shape: active.shape, bytes: active.bytes.map((byte, i) => byte & ~wanted.bytes[i]) });
  if (outside > 0) return [`${outside} active weights have no gradient in "${output}"`];
  const extra = countOnes(wanted) - countOnes(active);
  return method.name === "rigl" && extra > 0
    ? [`${extra} gradients in "${output}" are of weights that are not active`]
    : [];
}

function weightOf(op: MacOp): string | undefined {
  return op.pass === "weightGrad" ? undefined : op.operands.weight;
}

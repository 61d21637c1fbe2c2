/** SWAT layers of the `swat` oracle over one or more steps: masks, thresholds, output and gradients on one of our builds. */
import type { Floats, Kernels } from "../../src/kernels/kernels.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { type StructuredUnit, structuredPruner, unitSize } from "../../src/sparsity/structured.ts";
import { type Computed, floats, geometryOf, numberOf, type Params, type Tensors } from "./swat-case.ts";
import { runConvolution } from "./swat-operations.ts";

/** Counts of one step as the index lists them; null where a reused threshold makes no k. */
export interface LayerCounts {
  readonly k_w: number | null;
  readonly k_x: number | null;
  readonly kept_w: number;
  readonly kept_x: number;
  readonly nnz_x: number;
}

interface Selection {
  readonly values: Floats;
  readonly mask: Uint8Array;
  readonly threshold: number;
  /** Elements (or structured units) asked for; null on a step that reuses a threshold. */
  readonly k: number | null;
}

const units: Readonly<Record<string, StructuredUnit>> = { structured_channel: "channel", structured_filter: "filter" };

/**
 * Runs every step of a case (as the authors' code does): thresholds are refreshed when step % period = 0 and reused otherwise; a
 * linear layer, and weights pruned by structure, rank anew at every step.
 */
export function runSwatLayer(
  kernels: Kernels,
  kind: string,
  params: Params,
  tensors: Tensors,
): { computed: Computed; counts: LayerCounts[] } {
  const sparsity = numberOf(params, "sparsity", 0);
  const period = numberOf(params, "period", 1);
  const pruning = String(params.pruning ?? "unstructured");
  const unit = units[pruning];
  if (unit === undefined && pruning !== "unstructured") throw new Error(`pruning: unknown, got ${pruning}`);
  const computed: Computed = new Map();
  const counts: LayerCounts[] = [];
  let weights: Selection | null = null;
  let inputs: Selection | null = null;
  for (let step = 0; step < numberOf(params, "steps", 1); step++) {
    const prefix = tensors.has("x") ? "" : `s${step}.`;
    const g = geometryOf(params, tensors, prefix);
    const input = floats(tensors, `${prefix}x`);
    const weight = floats(tensors, `${prefix}w`);
    const refresh = kind === "swat_linear" || step % period === 0;
    weights =
      unit === undefined || kind === "swat_linear"
        ? selectTop(kernels, weight, sparsity, refresh ? null : weights)
        : selectUnits(weight, unitSize(unit, [g.K, g.C / g.groups, g.R, g.S]), sparsity);
    inputs = selectTop(kernels, input, sparsity, refresh ? null : inputs);
    const operands = {
      input,
      savedInput: inputs.values,
      weight: weights.values,
      bias: tensors.has(`${prefix}b`) ? floats(tensors, `${prefix}b`) : null,
      outputGrad: floats(tensors, `${prefix}grad_out`),
    };
    for (const [name, values] of runConvolution(kernels, g, operands, prefix)) computed.set(name, values);
    computed.set(`${prefix}mask_w`, weights.mask).set(`${prefix}mask_x`, inputs.mask);
    computed.set(`${prefix}thr_w`, Float32Array.of(weights.threshold));
    computed.set(`${prefix}thr_x`, Float32Array.of(inputs.threshold));
    counts.push({
      k_w: weights.k,
      k_x: inputs.k,
      kept_w: countOf(weights.mask),
      kept_x: countOf(inputs.mask),
      nnz_x: countOf(inputs.values),
    });
  }
  return { computed, counts };
}

/** Top-k over the whole tensor, with the threshold of `earlier` where that is given. */
function selectTop(kernels: Kernels, values: Floats, sparsity: number, earlier: Selection | null): Selection {
  const k = earlier === null ? keepCount(sparsity, values.length) : null;
  const threshold = k === null ? (earlier?.threshold ?? 0) : kernels.topKThreshold(values, values.length, k);
  const kept = new Float32Array(values.length);
  kernels.applyThreshold(values, values.length, threshold, kept);
  const mask = Uint8Array.from(values, (value) => (Math.abs(value) >= threshold ? 1 : 0));
  return { values: kept, mask, threshold, k };
}

/** Whole units; a mask is one wherever its unit is kept, also over a weight that is zero by itself. */
function selectUnits(weight: Floats, size: number, sparsity: number): Selection {
  const count = weight.length / size;
  const kept = new Float32Array(weight.length);
  const threshold = structuredPruner(count, size)(weight, sparsity, kept);
  const mask = new Uint8Array(weight.length);
  for (let from = 0; from < weight.length; from += size) {
    const isKept = threshold === 0 || kept.subarray(from, from + size).some((value) => value !== 0);
    if (isKept) mask.fill(1, from, from + size);
  }
  return { values: kept, mask, threshold, k: keepCount(sparsity, count) };
}

function countOf(values: Floats | Uint8Array): number {
  let count = 0;
  for (const value of values) if (value !== 0) count++;
  return count;
}

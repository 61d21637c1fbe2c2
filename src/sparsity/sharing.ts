/**
 * How SWAT-M shares weights among layers. The SWAT authors' rule (momentum.ts) is what holds where nothing else is set;
 * each option below departs from it in one point, and `stable` is all of them. Why: docs/swat-m.md.
 */
import { boundedShares, sparsityKeeping } from "./bounded-sharing.ts";
import { keepCount } from "./keep-count.ts";
import { checkMomenta, type MomentumLayer, momentumSparsities } from "./momentum.ts";

/** What a layer's share is proportional to: its mean |momentum|, or that times its weights. */
export const SHARE_BY = ["mean", "size-weighted"] as const;
/** When weights are shared: after every step, or before a refresh of the thresholds. */
export const SHARE_AT = ["step", "refresh"] as const;

/** Departures from the SWAT authors' rule; what is absent is theirs. */
export interface SharingOptions {
  readonly shareBy?: (typeof SHARE_BY)[number] | undefined;
  /** A layer keeps at most so many times the weights it kept at its last ranking, and at least that fraction; > 1. */
  readonly shareGrowth?: number | undefined;
  readonly shareAt?: (typeof SHARE_AT)[number] | undefined;
  /** Whether a filter without a kept weight keeps its largest. */
  readonly keepFilters?: boolean | undefined;
}

/** Named sets of options. */
export const SHARINGS = {
  authors: {},
  stable: { shareBy: "size-weighted", shareGrowth: 1.1, shareAt: "refresh", keepFilters: true },
} as const satisfies Readonly<Record<string, SharingOptions>>;
/** Name of a set of options. */
export type Sharing = keyof typeof SHARINGS;

/** Options of a named set, or `otherwise` where none is named, with the single ones that are given in place of its own. */
export function sharingOptions(
  name: Sharing | undefined,
  single: SharingOptions,
  otherwise: SharingOptions = {},
): SharingOptions {
  const options: SharingOptions = name === undefined ? otherwise : SHARINGS[name];
  return {
    shareBy: single.shareBy ?? options.shareBy,
    shareGrowth: single.shareGrowth ?? options.shareGrowth,
    shareAt: single.shareAt ?? options.shareAt,
    keepFilters: single.keepFilters ?? options.keepFilters,
  };
}

/** What one layer brings to the sharing. */
export interface SharingLayer extends MomentumLayer {
  /** Weights that leave one unit in each of its filters. */
  readonly inFilters: number;
  /** Sparsity of its last ranking. */
  readonly ranked: number;
}

/** Sparsity of each layer for the next steps. Throws as `momentumSparsities`. */
export function sharedSparsities(
  layers: readonly SharingLayer[],
  sparsity: number,
  { shareBy = "mean", shareGrowth, keepFilters = false }: SharingOptions,
): number[] {
  if (shareBy === "mean" && shareGrowth === undefined) return momentumSparsities(layers, sparsity);
  checkMomenta(layers, sparsity);
  const growth = shareGrowth ?? Infinity;
  const scored = layers.map(({ size, momentum, inFilters, ranked }) => {
    const before = keepCount(ranked, size);
    const least = Math.max(keepFilters ? inFilters : 1, Math.floor(before / growth));
    const most = Math.max(least, Math.min(size, Math.ceil(before * growth)));
    return { score: shareBy === "mean" ? momentum : momentum * size, least, most };
  });
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  return boundedShares(scored, keepCount(sparsity, total)).map((kept, i) => sparsityKeeping(kept, layers[i].size));
}

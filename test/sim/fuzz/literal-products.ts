/**
 * An operation as matrix products, element by element from the definition of a convolution: one for each group, stream of
 * images and (inputGrad) stride phase. Shares no code with the simulator but the reading of bits.
 */
import { type BitMask, getBit } from "../../../src/core/bit-mask.ts";
import { outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import type { Operation } from "../../../src/sim/operation/operation.ts";

/** [tap][channel]: what a row or a column holds along the reduction. */
export type Vector = readonly (readonly boolean[])[];

/** rows: filters (inputGrad: input channels; weightGrad: output channels); columns: windows (weightGrad: input channels by tap). */
export interface LiteralProduct {
  readonly taps: number;
  readonly channels: number;
  readonly rows: readonly Vector[];
  readonly columns: readonly Vector[];
  /** Neighbouring columns that sets do not cross; all of them in forward and inputGrad, one tap's in weightGrad. */
  readonly run: number;
}

/** 0, 1 … n − 1. */
export const range = (n: number): number[] => [...Array(Math.max(0, n)).keys()];

/** Consecutive parts of `size` items, the last of which may be smaller. */
export function partsOf<T>(items: readonly T[], size: number): T[][] {
  return range(Math.ceil(items.length / size)).map((i) => items.slice(i * size, (i + 1) * size));
}

const pairs = <A, B>(first: readonly A[], second: readonly B[]) =>
  first.flatMap((a) => second.map((b) => [a, b] as const));

/** The products of an operation, groups outermost; those without rows, columns or a reduction are left out. */
export function literalProducts(operation: Operation, batch: "fold" | "image"): LiteralProduct[] {
  const { N, groups } = operation.geometry;
  if (outputHeight(operation.geometry) < 1 || outputWidth(operation.geometry) < 1) return [];
  const streams = batch === "fold" ? [range(N)] : range(N).map((n) => [n]);
  return pairs(range(groups), streams)
    .flatMap(([group, images]) => productsOf(operation, group, images))
    .filter(({ rows, columns, taps, channels }) => rows.length * columns.length * taps * channels > 0);
}

function productsOf(operation: Operation, group: number, images: readonly number[]): LiteralProduct[] {
  const { pass, geometry: g, masks, paddingAsNonzeros = false } = operation;
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  const [C, K] = [g.C / g.groups, g.K / g.groups];
  const bit = (mask: BitMask | undefined, slice: number, at: number) => mask !== undefined && getBit(mask, slice, at);
  const input = (n: number, c: number, h: number, w: number) =>
    h < 0 || h >= g.H || w < 0 || w >= g.W
      ? paddingAsNonzeros
      : bit(masks.input, n, ((group * C + c) * g.H + h) * g.W + w);
  const grad = (n: number, k: number, p: number, q: number) =>
    p < 0 || p >= P || q < 0 || q >= Q
      ? paddingAsNonzeros
      : bit(masks.outputGrad, n, ((group * K + k) * P + p) * Q + q);
  const weight = (k: number, c: number, r: number, s: number) =>
    bit(masks.weight, group * K + k, (c * g.R + r) * g.S + s);
  const y = (p: number, r: number) => p * g.stride[0] + r * g.dilation[0] - g.padding[0];
  const x = (q: number, s: number) => q * g.stride[1] + s * g.dilation[1] - g.padding[2];

  if (pass === "weightGrad") {
    const positions = pairs(pairs(images, range(P)), range(Q)).map(([[n, p], q]) => ({ n, p, q }));
    const rows = range(K).map((k) => [positions.map(({ n, p, q }) => grad(n, k, p, q))]);
    const columns = pairs(pairs(range(g.R), range(g.S)), range(C)).map(([[r, s], c]) => [
      positions.map(({ n, p, q }) => input(n, c, y(p, r), x(q, s))),
    ]);
    return [{ taps: 1, channels: positions.length, rows, columns, run: C }];
  }
  if (pass === "forward") {
    const taps = pairs(range(g.R), range(g.S));
    const rows = range(K).map((k) => taps.map(([r, s]) => range(C).map((c) => weight(k, c, r, s))));
    const columns = pairs(pairs(images, range(P)), range(Q)).map(([[n, p], q]) =>
      taps.map(([r, s]) => range(C).map((c) => input(n, c, y(p, r), x(q, s)))),
    );
    return [{ taps: taps.length, channels: C, rows, columns, run: columns.length }];
  }
  return pairs(range(g.stride[0]), range(g.stride[1])).map(([a, b]) => {
    const every = (extent: number, first: number, step: number) => range(extent).filter((i) => i % step === first);
    const elements = pairs(pairs(images, every(g.H, a, g.stride[0])), every(g.W, b, g.stride[1]));
    // The output position that tap r of kernel reads for input position h; a fraction where h is of another phase.
    const p = (h: number, r: number) => (h + g.padding[0] - r * g.dilation[0]) / g.stride[0];
    const q = (w: number, s: number) => (w + g.padding[2] - s * g.dilation[1]) / g.stride[1];
    const taps = pairs(range(g.R).reverse(), range(g.S).reverse()).filter(
      ([r, s]) => Number.isInteger(p(a, r)) && Number.isInteger(q(b, s)),
    );
    const rows = range(C).map((c) => taps.map(([r, s]) => range(K).map((k) => weight(k, c, r, s))));
    const columns = elements.map(([[n, h], w]) =>
      taps.map(([r, s]) => range(K).map((k) => grad(n, k, p(h, r), q(w, s)))),
    );
    return { taps: taps.length, channels: K, rows, columns, run: columns.length };
  });
}

/** Number of ones. */
export const onesIn = (vector: Vector): number => vector.reduce((sum, tap) => sum + tap.filter(Boolean).length, 0);

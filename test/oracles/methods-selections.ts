/** Selections of the `methods` oracle by themselves, full of ties, zeros and short groups; all are compared exactly. */
import { join } from "node:path";
import { sizeOf } from "../../src/core/geometry.ts";
import { keepNOfM } from "../../src/sparsity/masks/n-of-m.ts";
import { activeCount, regrow, sparsitiesOf } from "../../src/sparsity/masks/rigl.ts";
import { topkast } from "../../src/sparsity/masks/topkast.ts";
import { keepTransposable } from "../../src/sparsity/masks/transposable.ts";
import type { Tally } from "./oracle.ts";
import { type GoldenTensor, readSafetensors } from "./safetensors-file.ts";

/** An entry of the index that is a selection. */
export interface SelectionCase {
  readonly name: string;
  readonly file: string;
  readonly prefix: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly expect?: { readonly sparsity: readonly number[]; readonly active: readonly number[] };
}

const SPARSITY_TOLERANCE = 1e-12;

type Given = (name: string) => Float32Array;
type Selected = Readonly<Record<string, ArrayLike<number>>>;

/** The tensors that each kind of case wants. */
const KINDS: Readonly<Record<string, (one: SelectionCase, given: Given, shape: readonly number[]) => Selected>> = {
  select_nm({ params }, given, shape) {
    const { n, m, transposable } = params as { n: number; m: number; transposable: "exact" | "greedy" | null };
    const mask = new Uint8Array(sizeOf(shape));
    if (transposable === null) keepNOfM(given("w"), shape, { n, m }, mask);
    else keepTransposable(given("w"), { shape, groups: Number(params.groups ?? 1) }, { n, m }, transposable, mask);
    return { mask };
  },
  select_topkast({ params }, given, shape) {
    const { forward_sparsity: sparsity, backward_sparsity: backwardSparsity } = params as Record<string, number>;
    const [masks] = topkast.masksOf([{ name: "layer", shape, groups: 1, isExempt: false }], {
      ...{ sparsity, pruning: "unstructured", steps: 1, options: { backwardSparsity, period: 1 } },
      random: () => {
        throw new Error("draws nothing");
      },
    });
    masks?.select?.({ values: given("w"), grad: new Float32Array(), momentum: new Float32Array() });
    return { mask_w: masks?.active as Uint8Array, mask_g: masks?.wanted as Uint8Array };
  },
  rigl_update({ params }, given) {
    const weights = { values: given("w"), grad: given("grad"), momentum: given("momentum") };
    const mask = Uint8Array.from(given("mask"));
    regrow(weights, mask, Number(params.k));
    return { new_mask: mask, new_w: weights.values, new_momentum: weights.momentum };
  },
};

/** Whether this adapter knows a kind of case. */
export function isSelection(kind: string): boolean {
  return kind in KINDS || kind === "rigl_erk";
}

/** Compares one selection. */
export async function runSelection(dir: string, kind: string, one: SelectionCase, tally: Tally): Promise<void> {
  if (kind === "rigl_erk") return runErk(one, tally);
  const tensors = await readSafetensors(join(dir, one.file));
  const tensor = (name: string): GoldenTensor => {
    const found = tensors.get(`${one.prefix}.${name}`);
    if (found === undefined) throw new Error(`golden tensor ${one.prefix}.${name} is missing`);
    return found;
  };
  const selected = KINDS[kind](one, (name) => tensor(name).data as Float32Array, tensor("w").shape);
  for (const [name, actual] of Object.entries(selected)) {
    const { data } = tensor(name);
    const differing = Array.from(data).filter((value, i) => value !== actual[i]).length;
    tally.judge(kind, `${one.name} ${name}`, differing === 0, `${differing} of ${data.length} elements differ`);
  }
}

function runErk({ name, params, expect }: SelectionCase, tally: Tally): void {
  const { shapes, sparsity } = params as { shapes: readonly (readonly number[])[]; sparsity: number };
  const layers = shapes.map((shape, i) => ({
    shape,
    isExempt:
      (i === 0 && params.first_layer_dense === true) || (i === shapes.length - 1 && params.last_layer_dense === true),
  }));
  sparsitiesOf(layers, "erk", sparsity).forEach((ours, i) => {
    const theirs = expect?.sparsity[i] ?? Number.NaN;
    const where = `${name} layer ${i}`;
    const error = Math.abs(ours - theirs);
    tally.judge("rigl_erk sparsity", where, error <= SPARSITY_TOLERANCE, `expected ${theirs}, got ${ours}`);
    tally.compare("rigl_erk active", where, expect?.active[i] ?? Number.NaN, activeCount(ours, sizeOf(shapes[i])));
  });
}

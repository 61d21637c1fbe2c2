/**
 * Table of the `swat` oracle with the Erdős–Rényi sparsities of whole networks, and the MACs that they save. Dense layers
 * must be equal, sparsities within four units in the last place (their sums may be in another order), kept weights equal
 * for a sparsity within that distance; sums over layers within the rounding of their order.
 */

import { sizeOf } from "../../src/core/geometry.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import { layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { channelScore, erdosRenyi, kernelScore, type ShapeScore } from "../../src/sparsity/erdos-renyi.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { networkMacs } from "../../src/step/flops.ts";
import type { Tally } from "./oracle.ts";
import { networkOf } from "./swat-network.ts";

interface Shares {
  readonly eps: number;
  readonly dense_layers: readonly string[];
  readonly sparsity: readonly number[];
  readonly keep?: readonly number[];
  readonly train_reduction_3x: number;
  readonly train_reduction_grid: number;
  readonly inference_reduction: number;
  readonly topk_act_sparsity_input_weighted: number;
}

type NetworkTable = { readonly layer_order: readonly string[] } & Readonly<Record<string, Shares>>;

/** The authors' plain Erdős–Rényi takes the last two axes for channels, which in a convolution are the kernel's. */
const scoreAsCoded: ShapeScore = (shape) => {
  const [a, b] = shape.slice(-2);
  return (a + b) / (a * b);
};

const NONE = { firstLayerDense: false, lastLayerDense: false };
const VARIANTS = {
  erdos_renyi_kernel: { score: kernelScore, exempt: NONE },
  erdos_renyi_kernel_excl_first: { score: kernelScore, exempt: { ...NONE, firstLayerDense: true } },
  erdos_renyi_intended: { score: channelScore, exempt: NONE },
  erdos_renyi_as_coded: { score: scoreAsCoded, exempt: NONE },
} as const;

const PERCENT = 100;
/** Relative; sums of up to 121 doubles in another order. */
const ROUNDING = 1e-12;
/** Units in the last place that may separate two doubles whose sums were taken in another order. */
const ALLOWED_ULPS = 4;

/** Compares every network, sparsity and variant of the table. */
export async function runErdosRenyiTable(path: string, tally: Tally): Promise<void> {
  const tables = (await readJsonFile(path)) as Readonly<Record<string, NetworkTable>>;
  for (const [key, table] of Object.entries(tables)) await tally.attempt(key, () => compareNetwork(tally, key, table));
}

async function compareNetwork(tally: Tally, key: string, table: NetworkTable): Promise<void> {
  const { layer_order: order, ...variants } = table;
  const slash = key.lastIndexOf("/");
  const network = networkOf(key.slice(0, slash));
  const names = namesOf(network);
  tally.judge("Erdős–Rényi order of layers", key, order.join() === names.join(), `expected ${order}, got ${names}`);
  for (const [variant, expected] of Object.entries(variants)) {
    const where = `${key} ${variant}`;
    await tally.attempt(where, () => {
      if (!(variant in VARIANTS)) throw new Error(`unknown variant; known: ${Object.keys(VARIANTS).join(", ")}`);
      const rule = VARIANTS[variant as keyof typeof VARIANTS];
      compareShares(tally, where, network, Number(key.slice(slash + 1)), rule, expected);
    });
  }
}

function compareShares(
  tally: Tally,
  where: string,
  network: Network,
  sparsity: number,
  { score, exempt }: (typeof VARIANTS)[keyof typeof VARIANTS],
  expected: Shares,
): void {
  const shapes = layersOf(network).map(parameterShape);
  const { epsilon, dense, sparsities } = erdosRenyi(shapes, sparsity, score, exempt);
  const names = namesOf(network);
  const denseNames = dense.map((layer) => names[layer]).join();
  judgeUlps(tally, "Erdős–Rényi epsilon", where, expected.eps, epsilon);
  tally.judge("Erdős–Rényi dense layers", where, denseNames === expected.dense_layers.join(), `got ${denseNames}`);
  expected.sparsity.forEach((theirs, layer) => {
    judgeUlps(tally, "Erdős–Rényi sparsity", `${where} ${names[layer]}`, theirs, sparsities[layer]);
  });
  expected.keep?.forEach((theirs, layer) => {
    judgeKept(tally, `${where} ${names[layer]}`, theirs, sparsities[layer], sizeOf(shapes[layer]));
  });
  compareReductions(tally, where, network, sparsities, expected);
}

/** Equality within `ALLOWED_ULPS`. */
function judgeUlps(tally: Tally, quantity: string, where: string, expected: number, actual: number): void {
  const share = Math.abs(actual - expected) / (ALLOWED_ULPS * ulpOf(expected));
  tally.judge(quantity, where, share <= 1, `expected ${expected}, got ${actual}`, share);
}

/** A sparsity within `ALLOWED_ULPS` may round up to one weight more or fewer. */
function judgeKept(tally: Tally, where: string, expected: number, sparsity: number, size: number): void {
  const reach = ALLOWED_ULPS * ulpOf(sparsity);
  const fewest = keepCount(Math.min(1, sparsity + reach), size);
  const most = keepCount(Math.max(0, sparsity - reach), size);
  const equal = fewest <= expected && expected <= most;
  tally.judge("Erdős–Rényi kept weights", where, equal, `expected ${expected}, got ${keepCount(sparsity, size)}`);
}

/** Distance from |value| to the next larger double. */
function ulpOf(value: number): number {
  const double = new Float64Array([Math.abs(value)]);
  const bits = new BigInt64Array(double.buffer);
  bits[0]++;
  return double[0] - Math.abs(value);
}

function compareReductions(
  tally: Tally,
  where: string,
  network: Network,
  sparsities: readonly number[],
  expected: Shares,
): void {
  const both = sparsities.map((sparsity) => ({ weight: sparsity, input: sparsity }));
  const { inferenceReduction, trainingReduction } = networkMacs(network, both, "published");
  const inputs = layersOf(network).map(({ geometry: g }) => g.C * g.H * g.W);
  const allInputs = inputs.reduce((sum, size) => sum + size, 0);
  const droppedInputs = inputs.reduce((sum, size, layer) => sum + size * sparsities[layer], 0);
  const reductions: readonly (readonly [keyof Shares, number])[] = [
    // Three passes of the same MACs save what one saves.
    ["train_reduction_3x", PERCENT * inferenceReduction],
    ["inference_reduction", PERCENT * inferenceReduction],
    ["train_reduction_grid", PERCENT * trainingReduction],
    ["topk_act_sparsity_input_weighted", (PERCENT * droppedInputs) / allInputs],
  ];
  for (const [field, ours] of reductions) {
    const theirs = expected[field] as number;
    const share = Math.abs(ours - theirs) / theirs / ROUNDING;
    tally.judge("Erdős–Rényi reductions", `${where} ${field}`, share <= 1, `expected ${theirs}, got ${ours}`, share);
  }
}

function namesOf(network: Network): string[] {
  return layersOf(network).map(({ name }) => `${name}.weight`);
}

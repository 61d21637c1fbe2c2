/**
 * Table of the `swat` oracle with the Erdős–Rényi sparsities of whole networks, and the MACs that they save. Densities,
 * dense layers and kept weights have to be equal to the last bit; sums over layers within the rounding of their order.
 */
import { readFile } from "node:fs/promises";
import { sizeOf } from "../../src/kernels/geometry.ts";
import { layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { channelScore, erdosRenyi, kernelScore, type ShapeScore } from "../../src/sparsity/erdos-renyi.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { networkMacs } from "../../src/studies/flops.ts";
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

/** Compares every network, sparsity and variant of the table. */
export async function runErdosRenyiTable(path: string, tally: Tally): Promise<void> {
  const tables = JSON.parse(await readFile(path, "utf8")) as Readonly<Record<string, NetworkTable>>;
  for (const [key, { layer_order: order, ...variants }] of Object.entries(tables)) {
    const slash = key.lastIndexOf("/");
    const network = networkOf(key.slice(0, slash));
    if (network === null) {
      tally.skip("Erdős–Rényi", key, "no such network");
      continue;
    }
    const names = namesOf(network);
    tally.judge("Erdős–Rényi order of layers", key, order.join() === names.join(), `expected ${order}, got ${names}`);
    for (const [variant, expected] of Object.entries(variants)) {
      if (!(variant in VARIANTS)) tally.skip("Erdős–Rényi", `${key} ${variant}`, `unknown variant ${variant}`);
      else {
        const rule = VARIANTS[variant as keyof typeof VARIANTS];
        compareShares(tally, `${key} ${variant}`, network, Number(key.slice(slash + 1)), rule, expected);
      }
    }
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
  tally.compare("Erdős–Rényi epsilon", where, expected.eps, epsilon);
  tally.judge("Erdős–Rényi dense layers", where, denseNames === expected.dense_layers.join(), `got ${denseNames}`);
  expected.sparsity.forEach((theirs, layer) => {
    tally.compare("Erdős–Rényi sparsity", `${where} ${names[layer]}`, theirs, sparsities[layer]);
  });
  expected.keep?.forEach((theirs, layer) => {
    const kept = keepCount(sparsities[layer], sizeOf(shapes[layer]));
    tally.compare("Erdős–Rényi kept weights", `${where} ${names[layer]}`, theirs, kept);
  });
  compareReductions(tally, where, network, sparsities, expected);
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

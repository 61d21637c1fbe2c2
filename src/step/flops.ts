/**
 * Multiply–accumulates of one training step per image, dense and with SWAT (the training FLOPs of Raihan & Aamodt
 * 2020): forward and inputGrad use the sparse weight, weightGrad the sparse input. With s_w and s_x the sparsities of a
 * layer's weight and saved input:
 *
 *     forward = (1 − s_w) · MAC,   inputGrad = (1 − s_w) · G,   weightGrad = (1 − s_x) · MAC,   MAC = K·C/groups·R·S·P·Q
 *
 * Batch norm, ReLU and pooling are not counted. The two accountings differ in G, the MACs of the input gradient:
 *
 *     exact        G = MAC, and 0 for a layer that reads the images, whose gradient nobody needs
 *     published    G = K·C/groups·R·S·H·W on the input's grid, stride ignored, for every layer: the authors' tables
 */

import { gridMacs } from "../core/dense-macs.ts";
import type { ConvGeometry } from "../core/geometry.ts";
import { layersOf, type Network } from "../networks/graph.ts";

/** How input gradients are counted. */
export const ACCOUNTINGS = ["exact", "published"] as const;
/** Name of an accounting. */
export type Accounting = (typeof ACCOUNTINGS)[number];

/** Sparsities (0..1) of one layer. */
export interface LayerSparsity {
  readonly weight: number;
  /** Of the input that is saved for the weight gradient. */
  readonly input: number;
}

/** MACs per image of the three passes, and `training`, their sum; those of a sparse layer are expected values. */
interface PassMacs {
  readonly forward: number;
  readonly inputGrad: number;
  readonly weightGrad: number;
  readonly training: number;
}

/** One layer's MACs. */
interface LayerMacs {
  readonly layer: string;
  readonly kind: "conv" | "linear";
  readonly sparsity: LayerSparsity;
  readonly dense: PassMacs;
  readonly sparse: PassMacs;
}

/** MACs of a network; a reduction is 1 − sparse / dense, 0..1. */
export interface NetworkMacs {
  readonly network: string;
  readonly accounting: Accounting;
  readonly layers: readonly LayerMacs[];
  readonly dense: PassMacs;
  readonly sparse: PassMacs;
  readonly trainingReduction: number;
  /** Of the forward pass. */
  readonly inferenceReduction: number;
}

/** Counts a network with the sparsities of its layers, in order. Throws where their numbers differ. */
export function networkMacs(
  network: Network,
  sparsities: readonly LayerSparsity[],
  accounting: Accounting,
): NetworkMacs {
  const nodes = layersOf(network);
  if (sparsities.length !== nodes.length) {
    throw new Error(`${network.name}: needs a sparsity for each of ${nodes.length} layers, got ${sparsities.length}`);
  }
  const layers = nodes.map(({ name, op, geometry, from }, index): LayerMacs => {
    const readsImages = network.nodes[from[0]].op === "input";
    const sparsity = sparsities[index];
    const macs = gridMacs(geometry);
    const inputGrad = accounting === "published" ? inputGridMacs(geometry) : readsImages ? 0 : macs;
    return {
      layer: name,
      kind: op,
      sparsity,
      dense: passes(macs, inputGrad, macs),
      sparse: passes((1 - sparsity.weight) * macs, (1 - sparsity.weight) * inputGrad, (1 - sparsity.input) * macs),
    };
  });
  const dense = sumOf(layers.map((layer) => layer.dense));
  const sparse = sumOf(layers.map((layer) => layer.sparse));
  return {
    network: network.name,
    accounting,
    layers,
    dense,
    sparse,
    trainingReduction: 1 - sparse.training / dense.training,
    inferenceReduction: 1 - sparse.forward / dense.forward,
  };
}

/** MACs of the convolution with every position of the input as an output: K·C/groups·R·S·H·W. */
function inputGridMacs(g: ConvGeometry): number {
  return g.N * g.K * (g.C / g.groups) * g.R * g.S * g.H * g.W;
}

function passes(forward: number, inputGrad: number, weightGrad: number): PassMacs {
  return { forward, inputGrad, weightGrad, training: forward + inputGrad + weightGrad };
}

function sumOf(parts: readonly PassMacs[]): PassMacs {
  const sum = (pass: "forward" | "inputGrad" | "weightGrad") => parts.reduce((total, part) => total + part[pass], 0);
  return passes(sum("forward"), sum("inputGrad"), sum("weightGrad"));
}

/** Table of the `swat` oracle with the layers of whole networks: names, shapes, MACs, and totals, in order and exactly. */

import { gridMacs } from "../../src/core/dense-macs.ts";
import { outputHeight, sizeOf } from "../../src/core/geometry.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import { type LayerNode, layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { networkMacs } from "../../src/step/flops.ts";
import { parameterCount } from "../../src/step/layer-kinds.ts";
import type { Tally } from "./oracle.ts";
import { networkOf } from "./swat-network.ts";

type Row = Readonly<Record<string, unknown>>;

/** Compares every network of the table. */
export async function runLayerInventory(path: string, tally: Tally): Promise<void> {
  const table = (await readJsonFile(path)) as Readonly<Record<string, Row & { layers: readonly Row[] }>>;
  for (const [key, { layers, ...totals }] of Object.entries(table)) {
    await tally.attempt(key, () => compareNetwork(tally, key, layers, totals));
  }
}

function compareNetwork(tally: Tally, key: string, layers: readonly Row[], totals: Row): void {
  const network = networkOf(key);
  compareAll(tally, "inventory totals", key, totals, totalsOf(network));
  const ours = layersOf(network);
  tally.compare("inventory number of layers", key, layers.length, ours.length);
  layers.forEach((expected, index) => {
    const where = `${key} ${expected.name}`;
    compareAll(tally, "inventory layers", where, expected, index < ours.length ? rowOf(ours[index]) : {});
  });
}

/** A layer in the table's words; of a linear layer it has no stride, padding and groups. */
function rowOf(node: LayerNode): Row {
  const { geometry: g, op, bias, name, shape } = node;
  const row = {
    name: `${name}.weight`,
    kind: op,
    shape: parameterShape(node),
    bias,
    hin: g.H,
    hout: outputHeight(g),
    macs: gridMacs(g),
    act_in: g.C * g.H * g.W,
    act_out: sizeOf(shape),
  };
  return op === "linear" ? row : { ...row, stride: g.stride[0], pad: g.padding[0], groups: g.groups };
}

function totalsOf(network: Network): Row {
  const layers = layersOf(network);
  const elements = (op: string) =>
    network.nodes.reduce((sum, node) => sum + (node.op === op ? sizeOf(node.shape) : 0), 0);
  const dense = layers.map(() => ({ weight: 0, input: 0 }));
  const { inputGrad } = networkMacs(network, dense, "published").dense;
  const { forward } = networkMacs(network, dense, "exact").dense;
  return {
    conv: layers.filter(({ op }) => op === "conv").length,
    linear: layers.filter(({ op }) => op === "linear").length,
    prunable_params: layers.reduce((sum, layer) => sum + sizeOf(parameterShape(layer)), 0),
    total_params: parameterCount(network),
    fwd_macs: forward,
    first_macs: gridMacs(layers[0].geometry),
    input_grad_grid_macs: inputGrad,
    bn_elems: elements("batchNorm"),
    relu_elems: elements("relu"),
    conv_lin_input_elems: layers.reduce((sum, { geometry: g }) => sum + g.C * g.H * g.W, 0),
  };
}

/** Every field that the table gives; one that we do not know is named as a skip. */
function compareAll(tally: Tally, quantity: string, where: string, expected: Row, actual: Row): void {
  for (const [field, value] of Object.entries(expected)) {
    const [theirs, ours] = [JSON.stringify(value), JSON.stringify(actual[field])];
    if (ours === undefined && Object.keys(actual).length > 0) tally.skip(quantity, where, `unknown field ${field}`);
    else tally.judge(quantity, `${where} ${field}`, theirs === ours, `expected ${theirs}, got ${ours}`);
  }
}

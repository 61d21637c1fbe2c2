/** `swat-sim flops`: multiply–accumulates of training and inference, dense and sparse, layer by layer; trains nothing. */

import type { Command } from "commander";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { csvText } from "../io/csv-text.ts";
import { percent, plainTable } from "../report/tables/table.ts";
import { ACCOUNTINGS, type Accounting, type NetworkMacs, networkMacs } from "../step/flops.ts";
import { addStepOptions, integer, networkOf, oneOf, type StepOptions } from "./options/options.ts";

const MEGA = 1e6;
const PERCENT = 100;
const PASSES = ["forward", "inputGrad", "weightGrad", "training"] as const;

interface FlopsOptions extends StepOptions {
  accounting: Accounting;
  json?: true;
  csv?: string;
}

/** Adds its options and its action. */
export function addFlopsCommand(command: Command): void {
  addStepOptions(command)
    .option("--accounting <name>", "exact, or published: as the authors' tables", oneOf(ACCOUNTINGS), "exact")
    .option("--classes <n>", "classes (default: those of the network's data set)", integer(1))
    .option("--json", "print the counts as JSON, in MACs per image")
    .option("--csv <file>", "write one line for each layer")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim flops --network resnet50-imagenet --method swat-u --sparsity 0.8 --accounting published

Counts are per image, in multiply-accumulates (MACs; one MAC is two FLOPs), with image padding, without batch norm, ReLU
and pooling. exact: no input gradient for the layer that reads the images. published: input gradients on the grid of the
input, stride ignored, for every layer. swat-u keeps the first layer dense, swat-er and swat-erk none, as
in the authors' runs.
Structured pruning has the counts of swat-u at its sparsity.`,
    )
    .action(flops);
}

async function flops(options: FlopsOptions, command: Command): Promise<void> {
  const { network, sparsities } = networkOf(options, command);
  const macs = networkMacs(network, sparsities, options.accounting);
  if (options.csv !== undefined) await writeFileAtomically(options.csv, macsCsv(macs));
  console.log(options.json ? JSON.stringify(macs) : macsTable(macs, options));
}

function macsTable(macs: NetworkMacs, { method, sparsity }: FlopsOptions): string {
  const columns = PASSES.flatMap((pass) => [`${pass}\ndense M`, "sparse\nM"]);
  const table = plainTable(["layer", "weight\nsparsity %", "input\nsparsity %", ...columns], 1);
  const counts = ({ dense, sparse }: Pick<NetworkMacs, "dense" | "sparse">) =>
    PASSES.flatMap((pass) => [inMega(dense[pass]), inMega(sparse[pass])]);
  for (const row of macs.layers) {
    const { weight, input } = row.sparsity;
    table.push([row.layer, (PERCENT * weight).toFixed(1), (PERCENT * input).toFixed(1), ...counts(row)]);
  }
  table.push(["total", "", "", ...counts(macs)]);
  const { network, accounting, trainingReduction, inferenceReduction } = macs;
  const dropped = method === "dense" ? "" : ` ${percent(sparsity)}`;
  return [
    `${network}, ${method}${dropped}, ${accounting} accounting: million MACs per image`,
    table.toString(),
    "",
    `training MACs ${saved(trainingReduction)}, inference MACs ${saved(inferenceReduction)}`,
  ].join("\n");
}

function macsCsv({ layers }: NetworkMacs): string {
  const records = layers.map(({ layer, kind, sparsity, dense, sparse }) => ({
    layer,
    kind,
    weight_sparsity: sparsity.weight,
    input_sparsity: sparsity.input,
    ...Object.fromEntries(PASSES.map((pass) => [`${pass}_dense_macs`, dense[pass]])),
    ...Object.fromEntries(PASSES.map((pass) => [`${pass}_sparse_macs`, Math.round(sparse[pass])])),
  }));
  return csvText(records);
}

function inMega(macs: number): string {
  return (macs / MEGA).toFixed(2);
}

function saved(reduction: number): string {
  return reduction === 0 ? "unchanged" : `reduced by ${(PERCENT * reduction).toFixed(2)} %`;
}

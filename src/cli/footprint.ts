/** `swat-sim footprint`: the memory of a training step, dense and with SWAT, worked out from a network; trains nothing. */

import type { Command } from "commander";
import { loadMachine } from "../api/open.ts";
import { storageFormat } from "../core/storage-formats.ts";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { csvText } from "../io/csv-text.ts";
import { footprintTable } from "../report/tables/footprint-table.ts";
import { percent } from "../report/tables/table.ts";
import { type Footprint, PLAIN_STORAGE } from "../step/footprint.ts";
import type { TensorStorage } from "../step/live-ranges.ts";
import { networkFootprint } from "../step/network-footprint.ts";
import { TRAIN_DEFAULTS } from "../swat/settings.ts";
import { addStepOptions, density, imageShape, integer, networkOf, type StepOptions } from "./options/options.ts";

interface FootprintOptions extends StepOptions {
  naturalDensity: number;
  batch: number;
  hw?: string;
  json?: true;
  csv?: string;
}

/** Adds its options and its action. */
export function addFootprintCommand(command: Command): void {
  addStepOptions(command)
    .option("--natural-density <d>", "nonzeros of ReLU outputs, 0 < d ≤ 1; 1 counts no activation zeros", density, 1)
    .option("--batch <n>", "images of a step", integer(1), TRAIN_DEFAULTS.batchSize)
    .option("--images <HxWxC>", "size of the images (default: those of the network's data set)", imageShape)
    .option("--classes <n>", "classes (default: those of the network's data set)", integer(1))
    .option("--hw <config>", "a machine: its storage formats and widths (default: bitmaps and 32 bits)")
    .option("--json", "print bytes as JSON")
    .option("--csv <file>", "write one line for each kind of tensor, layer and total")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim footprint --network resnet50-imagenet --sparsity 0.8 --batch 32

Columns: dense training; the method counting values only, as the paper does; the method in the storage format, indices
included. The last line counts the activations of the backward pass as the paper's figures do. See docs/footprint.md.`,
    )
    .action(footprint);
}

async function footprint(options: FootprintOptions, command: Command): Promise<void> {
  const { method, sparsity, batch, naturalDensity, hw } = options;
  const { network, sparsities } = networkOf(options, command);
  const storage = hw === undefined ? PLAIN_STORAGE : await storageOf(hw);
  const bytes = networkFootprint(network, { batch, method, sparsities, naturalDensity }, storage);
  if (options.csv !== undefined) await writeFileAtomically(options.csv, footprintCsv(bytes));
  const dropped = method === "dense" ? "" : ` ${percent(sparsity)}`;
  const title = `${network.name}, ${method}${dropped}, batch ${batch}${hw === undefined ? "" : `, ${hw}`}`;
  const { step: _, ...counts } = bytes;
  const about = { network: network.name, method, ...(method === "dense" ? {} : { sparsity }), batch };
  console.log(options.json ? JSON.stringify({ ...about, ...counts }) : `${title}\n${footprintTable(bytes)}`);
}

async function storageOf(name: string): Promise<TensorStorage> {
  const { memory, config } = await loadMachine(name, "machines");
  const { weight, input } = config.memory.storage;
  const { valueBytes, wideBytes } = memory;
  return { valueBytes, wideBytes, weight: storageFormat(weight), input: storageFormat(input) };
}

function footprintCsv({ parts, layers, total, activations, peak, published }: Footprint): string {
  const { during: _, inPassing, ...most } = peak;
  const lines = [
    ...parts.map(({ part, ...bytes }) => ({ kind: "part", name: part, ...bytes })),
    ...layers.map(({ layer, ...bytes }) => ({ kind: "saved by layer", name: layer, ...bytes })),
    { kind: "sum", name: "stashed for the backward pass", ...activations },
    { kind: "sum", name: "total", ...total },
    { kind: "peak", name: "peak", ...most },
    { kind: "peak", name: "of it in passing", ...inPassing },
    { kind: "published", name: "activations as published", ...published },
  ];
  const records = lines.map(({ kind, name, denseBytes, sparseBytes, ...rest }) => ({
    kind,
    name,
    dense_bytes: denseBytes,
    sparse_bytes: sparseBytes,
    sparse_indexed_bytes: "sparseIndexedBytes" in rest ? rest.sparseIndexedBytes : null,
  }));
  return csvText(records);
}

/** The memory of a training step as a table: kinds of tensors, totals, the peak, and the paper's figure. */
import type { SimulationResult } from "../../sim/result/result.ts";
import { plainTable, saved } from "./table.ts";

type Footprint = SimulationResult["footprint"][number];
type Bytes = Footprint["total"];

const BYTES_PER_MIB = 2 ** 20;

/** MiB of dense training, of the method counting values only, and with indices, with what each saves in percent. */
export function footprintTable({ parts, total, activations, peak, published }: Footprint): string {
  const columns = ["dense\nMiB", "values\nMiB", "less\n%", "with index\nMiB", "less\n%"];
  const table = plainTable(["held for a training step", ...columns], 1);
  const row = (name: string, bytes: Bytes) => table.push([name, ...cells(bytes)]);
  for (const { part, ...bytes } of parts) {
    if (Object.values(bytes).some((count) => count > 0)) row(part, bytes);
  }
  row("stashed for the backward pass", activations);
  row("everything", total);
  row("peak of the step", peak);
  row("of it activations and gradients in passing", peak.inPassing);
  const { dense, sparse, sparseIndexed } = peak.during;
  const sides = dense === sparse && dense === sparseIndexed ? dense : `${dense}; ${sparse}; ${sparseIndexed}`;
  return [
    table.toString(),
    "",
    `peak during: ${sides}`,
    `activations of the backward pass counted as published: ${mebibytes(published.denseBytes)} MiB, ` +
      `${saved(published.sparseBytes, published.denseBytes)} % less`,
  ].join("\n");
}

function cells({ denseBytes, sparseBytes, sparseIndexedBytes }: Bytes): string[] {
  return [
    mebibytes(denseBytes),
    mebibytes(sparseBytes),
    saved(sparseBytes, denseBytes),
    mebibytes(sparseIndexedBytes),
    saved(sparseIndexedBytes, denseBytes),
  ];
}

function mebibytes(bytes: number): string {
  return (bytes / BYTES_PER_MIB).toFixed(2);
}

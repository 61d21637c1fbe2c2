/**
 * Prints the table of docs/memory.md: speed-ups of the array alone, of all multiplications with memory, and of the whole
 * training step on every -4096 machine, with what the gaps are made of.
 *
 *     npx tsx scripts/memory-table.ts TRACE…      recorded steps, one for each sparsity
 */

import { loadMachines } from "../src/api/open.ts";
import { simulateFiles } from "../src/api/workers/simulate-threads.ts";
import type { ResultRow } from "../src/sim/result/result.ts";

const PERCENT = 100;
const LARGEST = 3;

/** The largest parts of a whole, as "dram input 12 %, …". */
function largest(parts: ReadonlyMap<string, number>, whole: number): string {
  const sorted = [...parts].sort(([, a], [, b]) => b - a).slice(0, LARGEST);
  const shown = sorted.map(([name, part]) => [name, Math.round((PERCENT * part) / whole)] as const);
  return (
    shown
      .filter(([, share]) => share > 0)
      .map(([name, share]) => `${name} ${share} %`)
      .join(", ") || "–"
  );
}

function add(parts: Map<string, number>, name: string, more: number): void {
  parts.set(name, (parts.get(name) ?? 0) + more);
}

const isMac = ({ kind }: ResultRow) => kind === "conv" || kind === "linear";

const hw = (await loadMachines(["all"])).map(({ name }) => name).filter((name) => name.endsWith("-4096"));
console.log(
  "| machine | sparsity % | array × | with memory × | step × | multiplications wait for (% of their cycles) | the rest of the step (% of its cycles) |",
);
console.log("|---|---|---|---|---|---|---|");
const lines: [string, string][] = [];
for (const path of process.argv.slice(2)) {
  const { machines, traces } = await simulateFiles({ traces: [path], hw }, {});
  const [{ sparsity = 0 }] = traces;
  for (const { name, rows, totals } of machines) {
    const waits = new Map<string, number>();
    const others = new Map<string, number>();
    for (const row of rows) {
      if (!isMac(row)) add(others, row.kind, row.cycles.total);
      else {
        add(waits, "rescheduling", row.cycles.rescheduling);
        for (const [place, tensors] of Object.entries(row.stalls)) {
          for (const [tensor, cycles] of Object.entries(tensors)) add(waits, `${place} ${tensor}`, cycles);
        }
      }
    }
    const ratios = [totals.matmul.compute, totals.matmul, totals.training].map(
      ({ ownSkippingGain }) => ownSkippingGain ?? null,
    );
    const cells = [
      name.replace(/-4096$/, ""),
      Math.round(PERCENT * sparsity),
      ...ratios.map((ratio) => ratio?.toFixed(2) ?? "–"),
      largest(waits, totals.matmul.cycles),
      largest(others, totals.training.cycles),
    ];
    lines.push([name, `| ${cells.join(" | ")} |`]);
  }
}
for (const name of hw) for (const [machine, line] of lines) if (machine === name) console.log(line);

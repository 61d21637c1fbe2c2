/** Where the cycles of one op went on one machine, from the ideal to what was reached, as text. */
import type { MachineResult, ResultRow } from "../../sim/result/result.ts";
import { CAUSES } from "../../sim/result/row.ts";
import { times } from "../numbers.ts";
import { plainTable } from "./table.ts";

const PERCENT = 100;
const BAR_WIDTH = 40;

/** A waterfall of the row's multiplier-cycles; causes that cost nothing are left out. */
export function waterfall({ name, config, baseline }: MachineResult, row: ResultRow, multipliers: number): string {
  const { breakdown, cycles, layer, pass, scheduled, validation, seconds, baselineSeconds } = row;
  const total = multipliers * cycles.total;
  const table = plainTable(["cause", "cycles", "share\n%", "up to\ncycles", ""], 1);
  let upTo = 0;
  for (const [cause, meaning] of Object.entries(CAUSES)) {
    const multiplierCycles = breakdown[cause as keyof typeof CAUSES] ?? 0;
    if (multiplierCycles === 0) continue;
    const before = upTo;
    upTo += multiplierCycles;
    const bar =
      " ".repeat(Math.round((BAR_WIDTH * before) / total)) +
      "█".repeat(Math.round((BAR_WIDTH * multiplierCycles) / total));
    const share = ((PERCENT * multiplierCycles) / total).toFixed(1);
    table.push([meaning, inCycles(multiplierCycles), share, inCycles(upTo), bar.padEnd(BAR_WIDTH)]);
  }
  function inCycles(multiplierCycles: number): string {
    return (multiplierCycles / multipliers).toFixed(1);
  }
  const skips =
    scheduled === null ? "skips nothing" : `skips zeros of ${scheduled === "both" ? "both operands" : scheduled}`;
  return [
    `${layer} ${pass} on ${name} (${config.accelerator}, ${multipliers} multipliers, ${skips}): ${cycles.total} cycles, ${validation}`,
    `${times(baselineSeconds / seconds)} × over ${baseline.isCounterpart ? "its own dense counterpart" : baseline.name} (${row.baselineCycles} cycles)`,
    table.toString(),
  ].join("\n");
}

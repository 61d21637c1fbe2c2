/** What share of DRAM's peak each machine reaches while it runs a step, and what takes the rest. */
import type { MachineResult, ResultRow, SimulationResult } from "../../sim/result/result.ts";
import { plainTable } from "./table.ts";

const PERCENT = 100;
const BYTES_PER_MB = 1e6;

/** One line for each machine and kind of op; machines of which only a bandwidth is known reach all of it. */
export function bandwidthTable({ machines }: SimulationResult): string {
  const known = machines.flatMap(({ rows }) => rows.flatMap(({ dram }) => (dram === null ? [] : [dram])));
  const causes = [...new Set(known.flatMap(({ losses }) => Object.keys(losses)))];
  const heads = ["DRAM\nMB", "reached\n%", ...causes.map((cause) => `${cause}\n%`), "waited\n% of cycles"];
  const table = plainTable(["machine", "ops", ...heads], 2);
  for (const machine of machines) {
    for (const [name, rows] of groupsOf(machine)) table.push([machine.name, name, ...line(rows, causes)]);
  }
  const legend = [
    "reached: of the peak while DRAM moves data; the other columns are where the rest goes:",
    "bankGroup: bursts in one bank group; activation: opening rows; turnaround: between reads and writes;",
    "refresh; channels: idle while others work; partialBursts: bytes of bursts that nobody asked for.",
    "waited: cycles in which nothing but DRAM works.",
  ];
  return ["DRAM bandwidth", table.toString(), "", ...legend].join("\n");
}

function groupsOf({ rows }: MachineResult): [string, ResultRow[]][] {
  const isMac = ({ kind }: ResultRow) => kind === "conv" || kind === "linear";
  const passes = ["forward", "inputGrad", "weightGrad"] as const;
  return [
    ...passes.map((pass): [string, ResultRow[]] => [pass, rows.filter((row) => isMac(row) && row.pass === pass)]),
    ["other", rows.filter((row) => !isMac(row))],
  ];
}

function line(rows: readonly ResultRow[], causes: readonly string[]): string[] {
  let [bytes, time, cycles, waited] = [0, 0, 0, 0];
  const lost = new Map(causes.map((cause) => [cause, 0]));
  for (const row of rows) {
    const moved = sum(row.traffic.dram);
    // Time on the bus in units of a byte at the peak; shares are shares of it.
    const taken = moved / (row.dram?.share ?? 1);
    bytes += moved;
    time += taken;
    cycles += row.cycles.total;
    waited += sum(row.stalls.dram);
    for (const [cause, share] of Object.entries(row.dram?.losses ?? {})) {
      lost.set(cause, (lost.get(cause) ?? 0) + share * taken);
    }
  }
  const percent = (part: number, whole: number) => (whole === 0 ? "–" : ((PERCENT * part) / whole).toFixed(1));
  return [
    (bytes / BYTES_PER_MB).toFixed(2),
    percent(bytes, time),
    ...causes.map((cause) => percent(lost.get(cause) ?? 0, time)),
    percent(waited, cycles),
  ];
}

function sum(values: Readonly<Record<string, number>> = {}): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}

/** `swat-sim trace stats`: how the zeros of recorded steps are spread, in the terms of `trace synth`. */
import type { Command } from "commander";
import { oneLine } from "../io/faults.ts";
import { percent, plainTable } from "../report/table.ts";
import { openTraces } from "../studies/inputs.ts";
import { type OperandPattern, type TracePatterns, tracePatterns } from "../studies/synthetic/statistics.ts";
import { SETTING_OPTIONS } from "./synthetic-options.ts";
import { warned } from "./warnings.ts";

/** Adds the command. */
export function addTraceStatsCommand(trace: Command): void {
  trace
    .command("stats")
    .description("Measure density, spread over filters and channels, and correlation of every operand.")
    .argument("<trace...>", "recorded steps (.safetensors)")
    .option("--json", "print one JSON array")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim trace stats traces/resnet8-swat-u90.safetensors

The columns are the settings of trace synth that would give what was measured; the last line is their mean over the layers.
See docs/synthetic-traces.md.`,
    )
    .action(stats);
}

async function stats(paths: string[], options: { json?: true }): Promise<void> {
  const reports = [];
  for (const { trace, sha256 } of warned(await openTraces(paths))) {
    const patterns = await tracePatterns(trace);
    reports.push({ name: trace.name, sha256, network: trace.manifest.network, ...patterns });
    if (!options.json) console.log(`${oneLine(`${trace.name}: ${trace.manifest.network}`)}\n${patternsText(patterns)}`);
  }
  if (options.json) console.log(JSON.stringify(reports));
}

const COLUMNS = ["filterSpread", "channelSpread", "offsets", "common", "correlation"] as const;
const DIGITS = 3;

function patternsText({ operands, settings }: TracePatterns): string {
  const heads = ["filter\nspread", "channel\nspread", "channel\noffsets", "common\nof pixel", "corre-\nlation"];
  const table = plainTable(["layer", "operand", "density\n%", ...heads], 2);
  let last = "";
  for (const pattern of operands) {
    const { layer, operand, density } = pattern;
    const figures = COLUMNS.map((column) => figure(pattern, column));
    table.push([layer === last ? "" : oneLine(layer), operand, percent(density).replace(" %", ""), ...figures]);
    last = layer;
  }
  const arguments_ = SETTING_OPTIONS.flatMap(({ setting, flag }) => {
    const value = settings[setting];
    return value === undefined ? [] : [`${flag} ${value.toFixed(DIGITS)}`];
  });
  return `${table.toString()}\ntrace synth ${arguments_.join(" ")}`;
}

function figure(pattern: OperandPattern, column: (typeof COLUMNS)[number]): string {
  return pattern[column]?.toFixed(DIGITS) ?? "";
}

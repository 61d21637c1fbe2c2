/** `swat-sim trace stats`: how the zeros of recorded steps are spread, in the terms of `trace synth`. */
import type { Command } from "commander";
import { openTraces } from "../../api/open.ts";
import { visible } from "../../core/input/visible-text.ts";
import { percent, plainTable } from "../../report/tables/table.ts";
import {
  meanSettings,
  type OperandFigures,
  operandFigures,
  tracePatterns,
} from "../../synthetic/measure/statistics.ts";
import type { SyntheticSettings } from "../../synthetic/settings.ts";
import { SETTING_OPTIONS } from "../options/synthetic-options.ts";
import { warned } from "../terminal/warnings.ts";

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

The columns are the settings of trace synth that would give what was measured; the last line has their means over the
convolutions. trace synth --like takes what each layer has. See docs/synthetic-traces.md.`,
    )
    .action(stats);
}

async function stats(paths: string[], options: { json?: true }): Promise<void> {
  const reports = [];
  for (const { trace, sha256 } of warned(await openTraces(paths))) {
    const patterns = await tracePatterns(trace);
    const { network } = patterns;
    const report = { operands: operandFigures(patterns), settings: meanSettings(patterns) };
    reports.push({ name: trace.name, sha256, network, ...report });
    if (!options.json) console.log(`${visible(`${trace.name}: ${network}`)}\n${reportText(report)}`);
  }
  if (options.json) console.log(JSON.stringify(reports));
}

/** The figures of a column, of which an operand has one at most. */
const COLUMNS: Readonly<Record<string, readonly (keyof SyntheticSettings)[]>> = {
  "filter\nspread": ["filterSpread"],
  "channel\nspread": ["channelSpread"],
  "slice\nspread": ["sliceSpread"],
  "channel\noffsets": ["offsets", "savedOffsets"],
  "image\noffsets": ["imageOffsets", "savedImageOffsets"],
  "plane\noffsets": ["planeOffsets", "savedPlaneOffsets"],
  "place\noffsets": ["placeOffsets", "savedPlaceOffsets"],
  "channel\nplaces": ["channelPlaceOffsets", "savedChannelPlaceOffsets"],
  "common\nof pixel": ["common", "savedCommon"],
  "corre-\nlation": ["correlation"],
  "curva-\nture": ["curvature"],
};
const DIGITS = 3;

interface Report {
  readonly operands: readonly OperandFigures[];
  readonly settings: Partial<SyntheticSettings>;
}

function reportText({ operands, settings }: Report): string {
  const table = plainTable(["layer", "operand", "density\n%", ...Object.keys(COLUMNS)], 2);
  let last = "";
  for (const { layer, operand, density, figures } of operands) {
    const cells = Object.values(COLUMNS).map((names) => names.map((name) => figures[name]).find(isTold));
    const shown = cells.map((value) => value?.toFixed(DIGITS) ?? "");
    table.push([layer === last ? "" : visible(layer), operand, percent(density).replace(" %", ""), ...shown]);
    last = layer;
  }
  const arguments_ = SETTING_OPTIONS.flatMap(({ setting, flag }) => {
    const value = settings[setting];
    return value === undefined ? [] : [`${flag} ${value.toFixed(DIGITS)}`];
  });
  return `${table.toString()}\ntrace synth ${arguments_.join(" ")}`;
}

function isTold(value: number | undefined): value is number {
  return value !== undefined;
}

/** `swat-sim trace`: what a trace holds, whether it is whole, and where it may come from; most commands have files of their own. */
import type { Command } from "commander";
import { openTraces } from "../../api/open.ts";
import { visible } from "../../core/input/visible-text.ts";
import { InputError } from "../../io/faults.ts";
import { traceTable } from "../../report/tables/trace-table.ts";
import { mixedRuns, otherRun } from "../../runs/run-id.ts";
import { coverageOf, coverageText } from "../../trace/coverage.ts";
import { isMacOp } from "../../trace/manifest.ts";
import { type DensityStatistics, densityStatistics } from "../../trace/statistics.ts";
import type { Trace } from "../../trace/trace.ts";
import { verifyTrace } from "../../trace/verify.ts";
import { warned } from "../terminal/warnings.ts";
import { addTraceImportCommand } from "./import.ts";
import { addTraceStatsCommand } from "./stats.ts";
import { addTraceSynthCommand } from "./synth.ts";

/** Adds the commands below it. */
export function addTraceCommand(trace: Command): void {
  trace.addHelpText("after", "\nExample:\n  $ swat-sim trace inspect out/fm/step-000938.safetensors");
  trace
    .command("inspect")
    .description("Print network, step, and per layer geometry, MACs, densities and their spread.")
    .argument("<trace...>", "recorded steps (.safetensors)")
    .option("--json", "print one JSON array")
    .addHelpText("after", "\nExample:\n  $ swat-sim trace inspect out/fm/step-000938.safetensors")
    .action(inspect);
  trace
    .command("verify")
    .description("Verify counts, tail bits, and that top-k masks lie within the masks of activation zeros.")
    .argument("<trace...>", "recorded steps (.safetensors)")
    .addHelpText("after", "\nExample:\n  $ swat-sim trace verify out/fm/*.safetensors")
    .action(verify);
  addTraceImportCommand(trace);
  addTraceStatsCommand(trace);
  addTraceSynthCommand(trace);
}

async function inspect(paths: string[], options: { json?: true }): Promise<void> {
  const traces = warned(await openTraces(paths));
  const reports = [];
  for (const { trace, sha256 } of traces) {
    const statistics = await statisticsOf(trace);
    if (options.json) {
      const { tensors, ops, ...provenance } = trace.manifest;
      const densities = Object.fromEntries(statistics);
      const coverage = coverageOf(trace.manifest);
      const lacks = coverage === undefined ? {} : { coverage };
      reports.push({ name: trace.name, sha256, ...provenance, ...lacks, densities, ops, tensors });
    } else console.log(traceTable(trace.name, trace.manifest, statistics));
  }
  if (options.json) console.log(JSON.stringify(reports));
}

async function verify(paths: string[]): Promise<void> {
  const opened = warned(await openTraces(paths));
  const mixed = mixedRuns(opened.map(({ trace }) => trace));
  const faults: string[] = [];
  for (const { trace } of opened) {
    const other = await otherRun(trace);
    const ofRun = other.length > 0 ? other : mixed.filter((fault) => fault.startsWith(`${trace.name}: `));
    const found = [...(await verifyTrace(trace)), ...ofRun];
    faults.push(...found);
    if (found.length === 0) {
      // Tensors with the same zeros share one.
      const masks = new Set(trace.manifest.tensors.flatMap(({ mask }) => mask ?? []));
      const coverage = coverageOf(trace.manifest);
      const lacks = coverage === undefined ? "" : `; incomplete step: ${coverageText(coverage)}`;
      console.log(visible(`${trace.name}: ok, ${masks.size} masks, ${trace.manifest.ops.length} ops${lacks}`));
    }
  }
  if (faults.length > 0) throw new InputError(faults);
}

async function statisticsOf(trace: Trace): Promise<Map<string, DensityStatistics>> {
  const ids = new Set(trace.manifest.ops.filter(isMacOp).flatMap(({ operands }) => Object.values(operands)));
  const statistics = new Map<string, DensityStatistics>();
  for (const id of ids) statistics.set(id, densityStatistics(await trace.mask(id)));
  return statistics;
}

/** `swat-sim report`: results of simulations, the points of a sweep and a study of whole runs as one HTML page, or as charts in files. */

import { basename, join } from "node:path";
import type { Command } from "commander";
import { readResultFile } from "../api/read-result-file.ts";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { allOf, checkKnownVersion, checkSchema, InputError } from "../io/faults.ts";
import { readJsonFile, sha256OfFile } from "../io/file-source.ts";
import { type Chart, standaloneSvg } from "../report/charts/chart.ts";
import { chartsOf, type ReportInput } from "../report/charts/index.ts";
import { wholeRunCharts } from "../report/charts/whole-run.ts";
import { comparedWith } from "../report/compared-with.ts";
import { reportPage } from "../report/html/page.ts";
import { sweepCsv } from "../report/html/sweep.ts";
import { isMeasured, type MeasuredPoint } from "../report/sweep/sweep-points.ts";
import { STUDY_VERSION, type StudyResult, StudySchema } from "../report/whole-run/result.ts";
import type { NamedResult } from "../report/workloads.ts";
import { readSweep } from "../studies/sweep/points-file.ts";
import { checkOutputs } from "./options/outputs.ts";
import { warn } from "./terminal/warnings.ts";

interface ReportOptions {
  sweep?: string;
  study?: string;
  html?: string;
  svg?: string;
  csv?: string;
  baseline?: string;
}

/** Adds its options and its action. */
export function addReportCommand(command: Command): void {
  command
    .argument("[result...]", "results of simulate --out (.json)")
    .option("--sweep <file>", "result of a sweep (sweep.jsonl)")
    .option("--baseline <machine>", "show only what was compared with this baseline (default: everything)")
    .option("--study <file>", "result of time-to-accuracy (.json)")
    .option("--html <file>", "write the page")
    .option("--svg <dir>", "write each chart as an SVG file")
    .option("--csv <file>", "write all points of the sweep, of which the page shows at most 2,000 and the front")
    .addHelpText(
      "after",
      "\nExample:\n  $ swat-sim report out/resnet18.json out/vgg16.json --html out/report.html --svg out/charts",
    )
    .action(report);
}

async function report(paths: string[], options: ReportOptions, command: Command): Promise<void> {
  const { sweep, study, html, svg, csv } = options;
  if (paths.length === 0 && sweep === undefined && study === undefined) {
    command.error("error: missing a result, --sweep <file> or --study <file>");
  }
  if (csv !== undefined && sweep === undefined) command.error("error: option '--csv <file>' needs '--sweep <file>'");
  if ([html, svg, csv].every((target) => target === undefined)) {
    command.error("error: missing --html <file>, --svg <dir> or --csv <file>");
  }
  await checkOutputs(
    { "--html": html, "--csv": csv },
    [...paths, sweep, study].filter((path) => path !== undefined),
  );
  const [results, points, runs] = await allOf([
    readResults(paths),
    sweep === undefined ? [] : measuredPoints(sweep),
    study === undefined ? undefined : readStudy(study),
  ]);
  const all = { results, points, study: runs };
  const input = options.baseline === undefined ? all : comparedWith(all, options.baseline);
  // Drawn before anything is written, so that a fault leaves no half of a report.
  const page = html === undefined ? undefined : await reportPage(input);
  const charts = svg === undefined ? [] : [...chartsOf(input), ...studyCharts(input)];
  const drawn = await Promise.all(charts.map(async (chart) => ({ id: chart.id, text: await standaloneSvg(chart) })));
  if (html !== undefined && page !== undefined) await write(html, page);
  if (csv !== undefined) await write(csv, sweepCsv(input.points));
  for (const { id, text } of drawn) await write(join(svg as string, `${id}.svg`), text);
}

async function write(path: string, text: string): Promise<void> {
  await writeFileAtomically(path, text);
  console.log(path);
}

function studyCharts({ study }: ReportInput): Chart[] {
  return study === undefined ? [] : wholeRunCharts(study).flatMap(({ charts }) => charts);
}

async function readStudy(path: string): Promise<StudyResult> {
  const value = await readJsonFile(path);
  checkKnownVersion(value, "schema", [STUDY_VERSION], path);
  return checkSchema(StudySchema, value, path);
}

async function measuredPoints(path: string): Promise<MeasuredPoint[]> {
  const points = (await readSweep(path)).filter(isMeasured);
  if (points.length === 0) throw new InputError([`${path}: has no point with metrics`]);
  return points;
}

async function readResults(paths: readonly string[]): Promise<NamedResult[]> {
  const results: Promise<NamedResult>[] = [];
  // One after the other, so that memory holds what is read of one file.
  for (const path of paths) {
    results.push(readResult(path));
    await results.at(-1)?.catch(() => {});
  }
  return allOf(results);
}

async function readResult(path: string): Promise<NamedResult> {
  const { result, warnings } = await readResultFile(path);
  for (const warning of warnings) warn(warning);
  return { file: basename(path), sha256: await sha256OfFile(path), result };
}

/**
 * The report as one HTML file that needs nothing else: charts are drawn beforehand and lie in it as SVG, styles and the one
 * small script too, and its Content-Security-Policy forbids everything else. The same input gives the same bytes.
 */
import { createHash } from "node:crypto";
import { chartsOf, type ReportInput } from "../charts/index.ts";
import { footprints } from "../charts/memory.ts";
import { coverageNotes, incompleteMark, pointNotes } from "../coverage-note.ts";
import { share, time, times } from "../numbers.ts";
import { sampleNote } from "../sample-note.ts";
import { type Cell, cellsOf, ratio, unique } from "../workloads.ts";
import { figure } from "./figure.ts";
import { provenance } from "./provenance.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { sweepTable } from "./sweep.ts";
import { detailTables, summaryTables } from "./tables.ts";
import { html, Markup } from "./template.ts";
import { wholeRunSection } from "./whole-run.ts";

const POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  `script-src 'sha256-${createHash("sha256").update(SCRIPT).digest("base64")}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

interface Section {
  readonly id: string;
  readonly title: string;
  /** All of it is folded away, so that paper shows it only where something was opened. */
  readonly folded?: boolean;
  readonly content: Markup;
}

/** The page. @throws InputError where results do not fit together. */
export async function reportPage(input: ReportInput): Promise<string> {
  const { results, points, study } = input;
  const cells = cellsOf(results);
  const charts = chartsOf(input);
  const figures = await Promise.all(charts.map(figure));
  const isSimulated = cells.length > 0;
  const sections: readonly Section[] = [
    ...(isSimulated ? [{ id: "summary", title: "Summary", content: summary(cells, input) }] : []),
    ...(study === undefined ? [] : [{ id: "runs", title: "Whole runs", content: await wholeRunSection(study) }]),
    ...(figures.length > 0 ? [{ id: "charts", title: "Charts", content: html`${figures}` }] : []),
    ...(points.length > 0 ? [{ id: "sweep", title: "Sweep", content: sweepTable(points) }] : []),
    ...(isSimulated
      ? [
          { id: "tables", title: "Tables", folded: true, content: html`${detailTables(cells, results)}` },
          { id: "provenance", title: "Provenance", content: provenance(results) },
        ]
      : []),
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${new Markup(POLICY)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>swat-sim report</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>swat-sim report</h1>
<p class="soft">${subjects(cells, input)}</p>
${sampleNotes(input)}${coverageNotesOf(input)}${navigation(sections)}
</header>
<main>
${sections.map(
  ({ id, title, folded, content }) => html`<section${folded ? html` class="folded"` : ""}><h2 id="${id}">${title}</h2>
${content}</section>
`,
)}
</main>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.text;
}

/** Links to the sections, where there are several. */
function navigation(sections: readonly Section[]): Markup {
  if (sections.length === 1) return html``;
  return html`<nav aria-label="sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>`;
}

/** What of the page is an estimate; nothing where all of it is exact. */
function sampleNotes({ results }: ReportInput): Markup {
  const notes = results.flatMap(({ file, result }) => {
    const note = sampleNote(result);
    return note === null ? [] : [html`<p class="estimates" role="note"><b>Estimates</b> ${file}: ${note}</p>\n`];
  });
  return html`${notes}`;
}

/** What the recorded steps lack; nothing where all are complete. */
function coverageNotesOf({ results, points }: ReportInput): Markup {
  const notes = unique([...results.flatMap(({ result }) => coverageNotes(result)), ...pointNotes(points)]);
  return html`${notes.map((note) => html`<p class="estimates" role="note"><b>Incomplete</b> ${note}</p>\n`)}`;
}

function subjects(cells: readonly Cell[], { results, points, study }: ReportInput): string {
  const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const traces = new Set(results.flatMap(({ result }) => result.traces.map(({ sha256 }) => sha256)));
  const machines = unique(cells.map(({ machine }) => machine));
  return [
    ...(cells.length === 0
      ? []
      : [
          `${unique(cells.map(({ workload }) => workload)).join("; ")}`,
          count(traces.size, "recorded step"),
          count(machines.length, "machine"),
        ]),
    ...(study === undefined
      ? []
      : [`${study.network}: ${count(study.runs.length, "run")} on ${count(study.machines.length, "machine")}`]),
    ...(points.length === 0 ? [] : [`${count(points.length, "point")} of a sweep`]),
  ].join(" · ");
}

function summary(cells: readonly Cell[], { results }: ReportInput): Markup {
  const held = footprints(results).map(({ workload, held: { activations } }) => ({
    workload,
    less: ratio(activations.denseBytes - activations.sparseIndexedBytes, activations.denseBytes),
  }));
  const markOf = (workload: string) =>
    cells
      .filter((cell) => cell.workload === workload)
      .map(incompleteMark)
      .find((mark) => mark !== "") ?? "";
  const [most] = held.sort((a, b) => (b.less ?? 0) - (a.less ?? 0));
  const stashed = {
    value: `${share(most?.less ?? null)}${markOf(most?.workload ?? "")}`,
    meaning: `less stashed for the backward pass: ${most?.workload}`,
  };
  const cards = [...fastest(cells), ...allowed(cells), ...(most === undefined ? [] : [stashed])];
  const notCharged = unique(results.flatMap(({ result }) => result.notCharged));
  return html`<p>${baselineNote(cells)}${meanNote(cells)}${notCharged.length === 0 ? "" : ` Not charged, because no trace holds it: ${notCharged.join(", ")}.`}</p>
<ul class="cards">${cards.map(({ value, meaning }) => html`<li><b>${value}</b><span>${meaning}</span></li>`)}</ul>
${summaryTables(cells)}${boundNotes(cells)}`;
}

interface Card {
  readonly value: string;
  readonly meaning: string;
}

/** The machine that takes least time for each workload, among those that may be compared. */
function fastest(cells: readonly Cell[]): Card[] {
  const ranked = cells.filter(({ standing }) => standing === "ranked");
  return unique(ranked.map(({ workload }) => workload)).flatMap((workload) => {
    // Cells of a workload begin with the fastest machine.
    const [cell] = ranked.filter((cell) => cell.workload === workload);
    const { machine, totals, result } = cell;
    const { seconds, speedup } = totals.training;
    return {
      value: `${times(speedup)} ×${incompleteMark(cell)}`,
      meaning: `faster than ${result.baseline.name} training densely: ${machine}, the fastest machine, ${time(seconds)} a step of ${workload}`,
    };
  });
}

function allowed(cells: readonly Cell[]): Card[] {
  const known = unique(cells.map(({ workload }) => workload)).flatMap((workload) => {
    const { denseMacs, effectualMacs } = (cells.find((cell) => cell.workload === workload) as Cell).totals.matmul;
    return effectualMacs > 0 ? { workload, value: denseMacs / effectualMacs } : [];
  });
  const most = known.sort((a, b) => b.value - a.value).slice(0, 1);
  return most.map(({ workload, value }) => ({
    value: `${times(value)} ×`,
    meaning: `dense / effectual MACs: ${workload}`,
  }));
}

function baselineNote(cells: readonly Cell[]): string {
  const shared = unique(cells.flatMap(({ result: { baseline } }) => (baseline.isCounterpart ? [] : baseline.name)));
  const hasOwn = cells.some(({ result }) => result.baseline.isCounterpart);
  const own = "compared with their own dense counterpart, the same array without skipping, and not ranked.";
  if (shared.length === 0) return `Machines are ${own}`;
  const others = hasOwn ? ` Machines of other peak, clock, datatype or memory are ${own}` : "";
  return `Machines are compared with one common dense array, ${shared.join("; ")}, which trains densely.${others}`;
}

function meanNote(cells: readonly Cell[]): string {
  const several = unique(
    cells.flatMap(({ workload, traces }) =>
      traces.length < 2 ? [] : `${workload}: ${traces.map(({ step }) => step).join(", ")}`,
    ),
  );
  return several.length === 0 ? "" : ` Numbers are means of the recorded steps (${several.join("; ")}).`;
}

/** A bound is no machine, and would always win. */
function boundNotes(cells: readonly Cell[]): Markup[] {
  return cells
    .filter(({ standing }) => standing === "bound")
    .map(({ machine, workload, totals: { training }, result }) => {
      const over = `${times(training.speedup)} × over ${result.baseline.name}`;
      return html`<p>Bound, no machine: ${machine} ${time(training.seconds)} a step, ${over}: ${workload}.</p>\n`;
    });
}

/**
 * The report as one HTML file that needs nothing else: charts are drawn beforehand and lie in it as SVG, styles and the one
 * small script too, and its Content-Security-Policy forbids everything else. The same input gives the same bytes.
 */
import { createHash } from "node:crypto";
import { type Chart, inlineSvg } from "../charts/chart.ts";
import { chartsOf, type ReportInput } from "../charts/index.ts";
import { footprints } from "../charts/memory.ts";
import { coverageNotes, incompleteMark } from "../coverage-note.ts";
import { share, times } from "../numbers.ts";
import { sampleNote } from "../sample-note.ts";
import { arraySpeedup, type Cell, cellsOf, multiplies, ratio, sumOf, timeSpeedup, unique } from "../workloads.ts";
import { provenance } from "./provenance.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { sweepTable } from "./sweep.ts";
import { detailTables, summaryTable } from "./tables.ts";
import { html, Markup } from "./template.ts";

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
  const { results, points } = input;
  const cells = cellsOf(results);
  const charts = chartsOf(input);
  const figures = await Promise.all(charts.map(figure));
  const isSimulated = cells.length > 0;
  const sections: readonly Section[] = [
    ...(isSimulated ? [{ id: "summary", title: "Summary", content: summary(cells, input) }] : []),
    { id: "charts", title: "Charts", content: html`${figures}` },
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
${sampleNotes(input)}${coverageNotesOf(input)}<nav aria-label="sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
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

/** What of the page is an estimate; nothing where all of it is exact. */
function sampleNotes({ results }: ReportInput): Markup {
  const notes = results.flatMap(({ file, result }) => {
    const note = sampleNote(result);
    return note === null ? [] : [html`<p class="estimates" role="note"><b>Estimates</b> ${file}: ${note}</p>\n`];
  });
  return html`${notes}`;
}

/** What the recorded steps lack; nothing where all are complete. */
function coverageNotesOf({ results }: ReportInput): Markup {
  const notes = unique(results.flatMap(({ result }) => coverageNotes(result)));
  return html`${notes.map((note) => html`<p class="estimates" role="note"><b>Incomplete</b> ${note}</p>\n`)}`;
}

async function figure(chart: Chart): Promise<Markup> {
  return html`<figure id="${chart.id}"><figcaption><b>${chart.title}</b><p>${chart.note}</p></figcaption>
<div class="scroll">${new Markup(await inlineSvg(chart))}</div></figure>
`;
}

function subjects(cells: readonly Cell[], { results, points }: ReportInput): string {
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
    ...(points.length === 0 ? [] : [`${count(points.length, "point")} of a sweep`]),
  ].join(" · ");
}

/** The bound is no machine, and would always win. */
const BOUND = "ideal";

function summary(cells: readonly Cell[], { results }: ReportInput): Markup {
  const machines = cells.filter(({ result }) => result.config.accelerator !== BOUND);
  const array = best(machines, (cell) => arraySpeedup(cell, cell.rows.filter(multiplies)));
  const step = best(machines, ({ rows }) => timeSpeedup(rows));
  const allowed = best(cells, ({ rows }) =>
    ratio(
      sumOf(rows, ({ macs }) => macs.dense),
      sumOf(rows, ({ macs }) => macs.effectual),
    ),
  );
  const held = footprints(results).map(({ workload, held: { activations } }) => ({
    workload,
    saved: ratio(activations.denseBytes - activations.sparseIndexedBytes, activations.denseBytes),
  }));
  const least = held.sort((a, b) => (b.saved ?? 0) - (a.saved ?? 0))[0];
  const mark = results.map(({ result }) => incompleteMark(result)).find((each) => each !== "") ?? "";
  const cards = [
    allowed && { value: `${times(allowed.value)} ×`, meaning: `dense / effectual MACs: ${allowed.cell.workload}` },
    array && { value: `${times(array.value)} ×`, meaning: `fastest array alone: ${placeOf(array.cell)}` },
    step && { value: `${times(step.value)} ×${mark}`, meaning: `fastest whole step: ${placeOf(step.cell)}` },
    least && {
      value: `${share(least.saved)}${mark}`,
      meaning: `less saved for backward, with index: ${least.workload}`,
    },
  ].flatMap((card) => card ?? []);
  const notCharged = unique(results.flatMap(({ result }) => result.notCharged));
  const baselines = unique(cells.map(({ ownBaseline, result }) => (ownBaseline ? "" : result.baseline.name)));
  const against = baselines.map((name) => (name === "" ? "each machine's own array without skipping" : name));
  return html`<p>Speed-up is over ${against.join("; ")}.${notCharged.length === 0 ? "" : ` Not charged, because no trace holds it: ${notCharged.join(", ")}.`}</p>
<ul class="cards">${cards.map(({ value, meaning }) => html`<li><b>${value}</b><span>${meaning}</span></li>`)}</ul>
${summaryTable(cells)}`;
}

function placeOf({ machine, workload }: Cell): string {
  return `${machine}, ${workload}`;
}

function best(cells: readonly Cell[], measure: (cell: Cell) => number | null): { cell: Cell; value: number } | null {
  const known = cells.flatMap((cell) => {
    const value = measure(cell);
    return value === null ? [] : { cell, value };
  });
  return known.sort((a, b) => b.value - a.value)[0] ?? null;
}

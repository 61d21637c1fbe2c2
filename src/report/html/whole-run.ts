/** The section of a page about whole runs: charts of one machine at a time, and the table of methods and machines. */
import { wholeRunCharts } from "../charts/whole-run.ts";
import { joules, share, time, times, withUnit } from "../numbers.ts";
import { ACCOUNT_NAMES, type Estimate, type StudyResult } from "../whole-run/result.ts";
import { points, type StudyRow, studyNotes, studyRows } from "../whole-run/tables.ts";
import { figure } from "./figure.ts";
import { type Column, sortableTable } from "./table.ts";
import { html, type Markup } from "./template.ts";

/** The name of what the choice of a machine shows. */
const GROUP = "whole-run-charts";

/** The section. Without scripts the charts of all machines are shown. */
export async function wholeRunSection(study: StudyResult): Promise<Markup> {
  const machines = await Promise.all(
    wholeRunCharts(study).map(async ({ machine, charts }) => ({
      machine,
      figures: await Promise.all(charts.map(figure)),
    })),
  );
  const rows = studyRows(study);
  const options = machines.map(({ machine }) => html`<option>${machine}</option>`);
  const table = { id: "whole-run-table", title: "Methods and machines", columns: columnsOf(study, rows), rows };
  return html`<p><label>Machine <select data-shows="${GROUP}">${options}</select></label></p>
${machines.map(({ machine, figures }) => html`<div data-group="${GROUP}" data-name="${machine}">${figures}</div>\n`)}
${sortableTable(table, false)}
<ul class="soft">${studyNotes(study).map((note) => html`<li>${note}</li>`)}</ul>`;
}

/** Speed-up to an accuracy, and the share of seeds that reach it where not all do. */
function arrivalColumns(margin: number, index: number, rows: readonly StudyRow[]): Column<StudyRow>[] {
  const name = margin === 0 ? "to dense" : `to −${points(margin)}`;
  const key = `to_accuracy_minus_${points(margin)}_points`;
  const reached = ({ on, method }: StudyRow) => on.toAccuracy[index].reached / method.seeds.length;
  const speedup: Column<StudyRow> = {
    ...{ key: `${key}_speedup`, head: `${name} ×`, show: times },
    value: ({ on, account }) => on.toAccuracy[index].speedup[account],
  };
  const seeds: Column<StudyRow> = {
    key: `${key}_reached_fraction`,
    head: `reached ${name.slice(3)}`,
    show: share,
    value: reached,
  };
  return rows.every((row) => reached(row) === 1) ? [speedup] : [speedup, seeds];
}

function columnsOf({ machines }: StudyResult, rows: readonly StudyRow[]): Column<StudyRow>[] {
  const margins = rows[0]?.on.toAccuracy ?? [];
  const hasCommon = machines.some(({ isEqual }) => isEqual);
  const ratio = (key: string, head: string, of: (row: StudyRow) => Estimate | null | undefined): Column<StudyRow> => ({
    ...{ key, head, show: times, value: (row) => of(row)?.value ?? null, halfWidth: (row) => of(row)?.ci95 ?? 0 },
    mark: (row) => (of(row)?.ci95 === null ? " ±?" : ""),
  });
  return [
    { key: "machine", head: "machine", value: ({ on }) => on.machine },
    { key: "method", head: "method", value: ({ method }) => method.label },
    { key: "account", head: "account", value: ({ account }) => ACCOUNT_NAMES[account] },
    ratio("speedup", "run ×", ({ on, account }) => on.speedup[account]),
    ...(hasCommon
      ? [ratio("speedup_over_common", "× over common", ({ on, account }) => on.speedupOverCommon?.[account])]
      : []),
    ...margins.flatMap(({ margin }, i) => arrivalColumns(margin, i, rows)),
    ratio("energy_gain", "energy × less", ({ on, account }) => on.energyGain?.[account]),
    { key: "final_accuracy_fraction", head: "accuracy", show: share, value: ({ method }) => method.finalAccuracy },
    {
      key: "held_B",
      head: "held",
      show: (bytes) => withUnit(bytes, "B"),
      value: ({ method }) => method.footprint?.bytes ?? null,
    },
    { ...{ key: "time_s", head: "run", show: time }, value: ({ on, account }) => on.seconds[account].value },
    {
      ...{ key: "energy_pJ", head: "energy", show: joules },
      value: ({ on, account }) => on.picojoules?.[account].value ?? null,
    },
  ];
}

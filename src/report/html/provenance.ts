/** Where the numbers come from: files, traces with hashes and seeds, machines with whole configs, sources and referees. */
import { PASSES } from "../../sim/operation/operation.ts";
import { coverageText } from "../../trace/coverage.ts";
import { identityOf, machineNames, type NamedResult, unique } from "../workloads.ts";
import { sortableTable } from "./table.ts";
import { html, type Markup } from "./template.ts";

const JSON_INDENT = 2;
const METHOD =
  "M. A. Raihan and T. M. Aamodt: Sparse Weight Activation Training. NeurIPS 2020. The method that traces of swat-… were trained with.";

/** The section's content. */
export function provenance(results: readonly NamedResult[]): Markup {
  const names = machineNames(results);
  const machines = new Map(
    results.flatMap(({ result }) => result.machines).map((machine) => [identityOf(machine), machine]),
  );
  const sources = unique([METHOD, ...[...machines.values()].map(({ config }) => config.source)]);
  return html`${traceTable(results)}
<h3>Sources</h3>
<ul>${sources.map((source) => html`<li>${source}</li>`)}</ul>
<div class="folded"><h3>Machines</h3>
${[...machines].map(([identity, { config, modelVersion, baseline, mappings }]) => {
  const name = names.get(identity) as string;
  return html`<details><summary>${name}: ${config.accelerator}, model version ${modelVersion}</summary>
<p>Baseline ${baseline.name}. ${PASSES.map((pass) => html`${pass}: ${mappings[pass].referee}. `)}</p>
<pre>${JSON.stringify(config, null, JSON_INDENT)}</pre>
</details>
`;
})}</div>`;
}

function traceTable(results: readonly NamedResult[]): Markup {
  const rows = results.flatMap(({ file, sha256, result }) =>
    [
      ...result.traces.map((trace) => ({ use: "simulated", trace })),
      ...result.baseline.traces.map((trace) => ({ use: "dense training", trace })),
    ].map(({ use, trace }) => ({ file, sha256, use, trace, schema: result.schema })),
  );
  return sortableTable(
    {
      id: "provenance-table",
      title: "Results and traces",
      rows,
      columns: [
        { key: "result", head: "result", value: ({ file }) => file },
        { key: "result_sha256", head: "SHA-256 of the result", value: ({ sha256 }) => sha256 },
        { key: "result_schema", head: "schema", value: ({ schema }) => schema },
        { key: "trace", head: "trace", value: ({ trace }) => trace.name },
        { key: "trace_sha256", head: "SHA-256 of the trace", value: ({ trace }) => trace.sha256 },
        { key: "use", head: "use", value: ({ use }) => use },
        { key: "network", head: "network", value: ({ trace }) => trace.network },
        { key: "method", head: "method", value: ({ trace }) => trace.method },
        { key: "sparsity", head: "sparsity", value: ({ trace }) => trace.sparsity ?? null, show: String },
        { key: "seed", head: "seed", value: ({ trace }) => trace.seed ?? null, show: String },
        { key: "step", head: "step", value: ({ trace }) => trace.step, show: String },
        {
          key: "not_recorded",
          head: "incomplete",
          value: ({ trace: { coverage } }) => (coverage === undefined ? "" : coverageText(coverage)),
        },
      ],
    },
    false,
  );
}

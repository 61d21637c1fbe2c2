/**
 * The comparison with Raihan & Aamodt 2020 as text, Markdown and CSV: speed-ups of machines by top-k sparsity, training FLOPs and the
 * memory of the backward pass, each beside the published figure. Pure functions of a finished comparison.
 */
import { csvText } from "../../io/csv-text.ts";
import { markdownCell } from "../markdown.ts";
import { plainTable } from "../tables/table.ts";
import type { PaperComparison } from "./paper-comparison.ts";
import { type Saved, type Section, savedSections, speedupSections } from "./paper-sections.ts";
import { PUBLISHED_SOURCE, type PublishedFigures } from "./published-figures.ts";

const UNREPRODUCED =
  "Published figures are shown beside ours; they are not reproduced, because the machine and the masks behind them were not published.";

/** Tables for a terminal. */
export function paperText(comparison: PaperComparison): string {
  const sections = [...speedupSections(comparison), ...savedSections(comparison)].map(
    ({ title, head, rows, notes }) => {
      const table = plainTable(head, 1);
      for (const row of rows) table.push([...row]);
      return [title, table.toString(), ...(notes ?? [])].join("\n");
    },
  );
  return [about(comparison), ...sections, `Published: ${PUBLISHED_SOURCE}.\n${UNREPRODUCED}`].join("\n\n");
}

/** The tables in Markdown, after how they were made. */
export function paperMarkdown(comparison: PaperComparison, command: string): string {
  const made = `Written by \`${command}\`: ${about(comparison)} Published: ${PUBLISHED_SOURCE}. ${UNREPRODUCED}`;
  return [made, ...speedupSections(comparison).map(markdown), savedMarkdown(comparison)].join("\n\n");
}

/** The tables of FLOPs and memory alone, in Markdown: they need no simulation. */
export function savedMarkdown(saved: Saved): string {
  return savedSections(saved).map(markdown).join("\n\n");
}

interface Line {
  readonly machine: string;
  readonly sparsity: number;
  readonly position: string | number;
  readonly quantity: string;
  readonly value: number | null;
  readonly published: number | null;
}

/** One line for each number, with a header. */
export function paperCsv(comparison: PaperComparison): string {
  return csvText([...gainLines(comparison), ...savedLines(comparison)]);
}

function gainLines({ machines, saved, published }: PaperComparison): Line[] {
  return machines.flatMap(({ name: machine, points }) =>
    points.flatMap(({ sparsity, position, ...passes }) => {
      const figures = publishedLines(published[saved.findIndex((point) => point.sparsity === sparsity)]);
      return Object.entries(passes).flatMap(([pass, gains]) =>
        Object.entries(gains).map(([gain, value]: [string, number | null]) => {
          const quantity = `${pass}_${gain.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
          return { machine, sparsity, position, quantity, value, published: figures[quantity] ?? null };
        }),
      );
    }),
  );
}

/** Published speed-ups of the passes stand beside those of the array alone, as in the tables. */
function publishedLines({
  forwardSpeedup,
  backwardSpeedup,
}: Partial<PublishedFigures>): Record<string, number | undefined> {
  const quantities = ["array_speedup", "array_gain_from_zeros", "array_speedup_over_dense_training"];
  return Object.fromEntries(
    quantities.flatMap((quantity) => [
      [`forward_${quantity}`, forwardSpeedup],
      [`backward_${quantity}`, backwardSpeedup],
    ]),
  );
}

function savedLines({ saved, published }: Saved): Line[] {
  return saved.flatMap(({ sparsity, ...parts }, index) =>
    Object.entries(parts).flatMap(([part, shares]) =>
      Object.entries(shares).map(([kind, value]: [string, number]) => ({
        ...{ machine: "", sparsity, position: "", quantity: `${part}_${kind}_reduction`, value },
        published: part === "flops" ? (published[index].flopsReduction ?? null) : null,
      })),
    ),
  );
}

function about({ network, method, batch, seed, positions }: PaperComparison): string {
  const range = positions.length > 1 ? ` "a–b": masks ${positions.join("–")} in training.` : "";
  const masks = positions.map((position) => (typeof position === "number" ? `after ${position} images` : position));
  return `${network}, ${method}, batch ${batch}, synthetic steps of seed ${seed}, ${masks.join(" and ")} masks; machines by time of their sparsest step.${range}`;
}

function markdown({ title, head, rows, notes }: Section): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownCell).join(" | ")} |`;
  const body = [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
  return [`### ${title}`, "", ...body, ...(notes === undefined ? [] : ["", ...notes])].join("\n");
}

/**
 * The comparison with Raihan & Aamodt 2020: speed-ups of machines by top-k sparsity, training FLOPs and the memory of the backward
 * pass, each beside what they print; as text, Markdown and CSV. Pure functions of a finished comparison.
 */
import { stringify } from "csv-stringify/sync";
import { times } from "./numbers.ts";
import { PUBLISHED_RANGES, PUBLISHED_SOURCE, type PublishedFigures } from "./published-figures.ts";
import { plainTable } from "./table.ts";

/** Speed-ups of one pass or several, by the names of the columns in text and CSV; null for 0/0. */
export interface PassSpeedups {
  /** Of the array alone over the common dense baseline; null for a machine that has none, as its peak is another. */
  readonly arrayOverBaseline: number | null;
  /** With memory, over the common dense baseline. */
  readonly memoryOverBaseline: number | null;
  /** Of the array alone over the same array without skipping: the part that zeros of the operands give. */
  readonly array: number | null;
  /** The same with skipped padding of lanes and images. */
  readonly padding: number | null;
  /** With memory, over the same array without skipping and without compression. */
  readonly memory: number | null;
  /** Of the array alone over the same machine on the step of dense training. */
  readonly arrayOverDense: number | null;
  /** With memory, over the same machine on the step of dense training. */
  readonly memoryOverDense: number | null;
}

/** One machine at one sparsity. */
export interface MachinePoint {
  readonly sparsity: number;
  readonly forward: PassSpeedups;
  /** Both gradients. */
  readonly backward: PassSpeedups;
  /** All three passes. */
  readonly all: PassSpeedups;
  /** The whole step, with all that does not multiply. */
  readonly step: Pick<PassSpeedups, "memory" | "memoryOverDense" | "memoryOverBaseline">;
}

/** What a method saves at one sparsity, 0..1, whatever the machine; of the memory, of what dense training takes. */
export interface SavedPoint {
  readonly sparsity: number;
  /** Training MACs, counted as the authors' tables do, and exactly. */
  readonly flops: { readonly published: number; readonly exact: number };
  /** Weights that layers multiply with: values only, and with a bitmap. */
  readonly weights: { readonly values: number; readonly indexed: number };
  /** Activations of the backward pass: as the paper's range counts them, values only, and with a bitmap. */
  readonly activations: { readonly published: number; readonly values: number; readonly indexed: number };
}

/** A finished comparison. */
export interface PaperComparison {
  readonly network: string;
  readonly method: string;
  readonly batch: number;
  readonly seed: number;
  /** Name of the common dense baseline. */
  readonly baseline: string;
  /** What the masks of the steps were drawn with. */
  readonly synthetic: Readonly<Record<string, number | string>>;
  readonly machines: readonly { readonly name: string; readonly points: readonly MachinePoint[] }[];
  readonly saved: readonly SavedPoint[];
  /** In the order of `saved`. */
  readonly published: readonly Partial<PublishedFigures>[];
}

/** The part of a comparison that needs no simulation. */
type Saved = Pick<PaperComparison, "saved" | "published">;

/** A table whose first column is text. */
interface Section {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes?: readonly string[];
}

const PERCENT = 100;
const NONE = "–";
/** How sparsities stand in one cell. */
const SEPARATOR = "/";

/** Tables for a terminal. */
export function paperText(comparison: PaperComparison): string {
  const sections = [...speedupSections(comparison), ...savedSections(comparison)].map(
    ({ title, head, rows, notes }) => {
      const table = plainTable(head, 1);
      for (const row of rows) table.push([...row]);
      return [title, table.toString(), ...(notes ?? [])].join("\n");
    },
  );
  return [about(comparison), ...sections, `Published: ${PUBLISHED_SOURCE}.`].join("\n\n");
}

/** The tables in Markdown, after how they were made. */
export function paperMarkdown(comparison: PaperComparison, command: string): string {
  const made = `Written by \`${command}\`: ${about(comparison)}. Published: ${PUBLISHED_SOURCE}.`;
  return [made, ...speedupSections(comparison).map(markdown), savedMarkdown(comparison)].join("\n\n");
}

/** The tables of FLOPs and memory alone, in Markdown: they need no simulation. */
export function savedMarkdown(saved: Saved): string {
  return savedSections(saved).map(markdown).join("\n\n");
}

/** One line for each number, with a header. */
export function paperCsv({ machines, saved, published }: PaperComparison): string {
  const lines: {
    machine: string;
    sparsity: number;
    quantity: string;
    value: number | null;
    published: number | null;
  }[] = [];
  for (const { name: machine, points } of machines) {
    points.forEach(({ sparsity, ...passes }, index) => {
      const { forwardSpeedup: forward = null, backwardSpeedup: backward = null } = published[index];
      const figures: Record<string, number | null> = { forward_array: forward, backward_array: backward };
      for (const [pass, speedups] of Object.entries(passes)) {
        for (const [kind, value] of Object.entries(speedups as PassSpeedups)) {
          const column = `${pass}_${kind.replace(/Over.*/, "")}`;
          const words = kind.replace("OverDense", "_over_dense").replace("OverBaseline", "_over_baseline");
          const quantity = `${pass}_${words}_speedup`;
          lines.push({ machine, sparsity, quantity, value, published: figures[column] ?? null });
        }
      }
    });
  }
  saved.forEach(({ sparsity, ...parts }, index) => {
    for (const [part, shares] of Object.entries(parts)) {
      for (const [kind, value] of Object.entries(shares) as [string, number][]) {
        const figure = part === "flops" ? (published[index].flopsReduction ?? null) : null;
        lines.push({ machine: "", sparsity, quantity: `${part}_${kind}_reduction`, value, published: figure });
      }
    }
  });
  return stringify(lines, { header: true });
}

function about({ network, method, batch, seed, synthetic }: PaperComparison): string {
  const settings = Object.entries(synthetic).map(([name, value]) => `${name} ${value}`);
  return `${network}, ${method}, batch ${batch}, synthetic steps of seed ${seed} (${settings.join(", ")})`;
}

function speedupSections({ machines, saved, published, baseline }: PaperComparison): Section[] {
  const percents = saved.map(({ sparsity }) => Math.round(PERCENT * sparsity)).join(` ${SEPARATOR} `);
  const cell = (values: readonly (number | null | undefined)[]) =>
    values.every((value) => value === undefined) ? NONE : values.map((value) => times(value ?? null)).join(SEPARATOR);
  const figures = [published.map((one) => one.forwardSpeedup), published.map((one) => one.backwardSpeedup)].map(
    (values) => (values.every((value) => value === undefined) ? NONE : values.map((v) => v ?? NONE).join(SEPARATOR)),
  );
  const section = (
    title: string,
    columns: Readonly<Record<string, (point: MachinePoint) => number | null>>,
  ): Section => {
    const names = Object.keys(columns);
    return {
      title: `${title}, at ${percents} % sparsity`,
      head: ["machine", ...names],
      rows: [
        ["published", ...names.map((_, index) => figures[index] ?? NONE)],
        ...machines.map(({ name, points }) => [name, ...Object.values(columns).map((of) => cell(points.map(of)))]),
      ],
    };
  };
  return [
    {
      ...section(`Speed-up over ${baseline}, one dense array for all, training densely`, {
        "forward\narray": ({ forward }) => forward.arrayOverBaseline,
        "backward\narray": ({ backward }) => backward.arrayOverBaseline,
        "all\narray": ({ all }) => all.arrayOverBaseline,
        "forward\n+memory": ({ forward }) => forward.memoryOverBaseline,
        "backward\n+memory": ({ backward }) => backward.memoryOverBaseline,
        "whole\nstep": ({ step }) => step.memoryOverBaseline,
      }),
      notes: [
        "– for machines of another peak, which are not compared with it. The fastest machine at the highest sparsity first.",
      ],
    },
    {
      ...section("Own skipping gains: speed-up over the same array without skipping", {
        "forward\narray": ({ forward }) => forward.array,
        "backward\narray": ({ backward }) => backward.array,
        "all\narray": ({ all }) => all.array,
        "forward\n+padding": ({ forward }) => forward.padding,
        "backward\n+padding": ({ backward }) => backward.padding,
        "forward\n+memory": ({ forward }) => forward.memory,
        "backward\n+memory": ({ backward }) => backward.memory,
        "whole\nstep": ({ step }) => step.memory,
      }),
      notes: [
        "array: the array alone, gains from zeros of the operands only. +padding: and from skipping empty lanes and image padding.",
        "+memory: with tiles, buffers, DRAM and compression. whole step: with all that does not multiply.",
      ],
    },
    {
      ...section("Speed-up over the same machine on dense training (its own 0 %)", {
        "forward\narray": ({ forward }) => forward.arrayOverDense,
        "backward\narray": ({ backward }) => backward.arrayOverDense,
        "all\narray": ({ all }) => all.arrayOverDense,
        "forward\n+memory": ({ forward }) => forward.memoryOverDense,
        "backward\n+memory": ({ backward }) => backward.memoryOverDense,
        "whole\nstep": ({ step }) => step.memoryOverDense,
      }),
      notes: ["What top-k adds to the natural zeros of ReLU; 1 at 0 % by construction, as in the paper."],
    },
  ];
}

function savedSections({ saved, published }: Saved): Section[] {
  const percents = (values: readonly (number | undefined)[]) =>
    values.map((value) => (value === undefined ? NONE : (PERCENT * value).toFixed(1)));
  const whole = (sparsity: number) => String(Math.round(PERCENT * sparsity));
  const { activations, weights } = PUBLISHED_RANGES;
  const claimed = ([least, most]: readonly [number, number]) => `${whole(least)} to ${whole(most)} %`;
  return [
    {
      title: "Training FLOPs saved, %",
      head: ["sparsity %", "published", "counted as\npublished", "counted\nexactly"],
      rows: saved.map(({ sparsity, flops }, index) => [
        whole(sparsity),
        ...percents([published[index].flopsReduction, flops.published, flops.exact]),
      ]),
    },
    {
      title: "Memory of the backward pass saved, %",
      head: [
        "sparsity %",
        "activations,\nas published",
        "activations,\nvalues",
        "activations,\nwith bitmaps",
        "weights,\nvalues",
        "weights,\nwith bitmaps",
      ],
      rows: saved.map(({ sparsity, activations, weights }) => [
        whole(sparsity),
        ...percents([activations.published, activations.values, activations.indexed]),
        ...percents([weights.values, weights.indexed]),
      ]),
      notes: [`Published: ${claimed(activations)} of activations, ${claimed(weights)} of weights, values only.`],
    },
  ];
}

function markdown({ title, head, rows, notes }: Section): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("\n", " ")).join(" | ")} |`;
  const body = [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
  return [`### ${title}`, "", ...body, ...(notes === undefined ? [] : ["", ...notes])].join("\n");
}

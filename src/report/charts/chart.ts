/**
 * What the charts of a report share: colours that the colour-blind tell apart (Okabe & Ito, "Color Universal Design", 2008), a
 * theme whose words and lines take the colour of the text around them, so that one drawing serves light, dark and paper, and
 * stacked bars.
 */
import { renderSvg } from "../svg.ts";

/** A chart: `id` names its file and its place in the page. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What is to be seen, in a sentence or two. */
  readonly note: string;
  /** Of Vega-Lite. Not typed with its own types, which would become part of our API and need compiler settings. */
  readonly spec: object;
}

/** Okabe and Ito's colours without black, which a dark page swallows; grey stands for the rest. */
export const PALETTE = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#d55e00",
  "#f0e442",
  "#999999",
] as const;

/** Shapes that tell series apart where colours do not. */
export const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"] as const;

const TEXT = "currentColor";
const LABEL_PIXELS = 300;
const FAINT = 0.18;

const CONFIG = {
  font: "system-ui, sans-serif",
  background: "transparent",
  view: { stroke: null },
  axis: {
    labelColor: TEXT,
    titleColor: TEXT,
    titleFontWeight: "normal",
    labelLimit: LABEL_PIXELS,
    gridColor: TEXT,
    gridOpacity: FAINT,
    domainColor: TEXT,
    tickColor: TEXT,
    labelFontSize: 11,
  },
  header: { labelColor: TEXT, titleColor: TEXT, labelFontSize: 12, labelFontWeight: "bold", labelLimit: 0 },
  legend: { labelColor: TEXT, titleColor: TEXT, labelLimit: 0, orient: "bottom", symbolType: "square" },
  title: { color: TEXT, subtitleColor: TEXT, anchor: "start" },
  text: { color: TEXT },
} as const;

/** A specification with the theme of reports. */
export function themed(spec: object): object {
  return { $schema: "https://vega.github.io/schema/vega-lite/v6.json", config: CONFIG, ...spec };
}

/** A chart as SVG for a page: names of its marks, which are their tooltips, are `<title>` elements too. */
export async function inlineSvg({ spec }: Chart): Promise<string> {
  return (await renderSvg(spec)).replace(
    /<(\w+) aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="(?!axis|legend)([^>]*)\/>/g,
    '<$1 aria-label="$2" role="graphics-symbol" aria-roledescription="$3><title>$2</title></$1>',
  );
}

/** A chart as a file of its own: with its title, on white. */
export function standaloneSvg({ title, spec }: Chart): Promise<string> {
  return renderSvg({ ...spec, title, background: "white" });
}

/** One piece of a stacked bar. */
export interface Piece {
  readonly panel: string;
  readonly bar: string;
  readonly part: string;
  readonly value: number;
  readonly tip: string;
}

const BAR_STEP = 20;
const LEGEND_WIDTH = 900;
const CHARACTER_WIDTH = 8;
const SYMBOL_WIDTH = 25;
const WIDE = 640;
const NARROW = 380;

/** The facet of panels side by side, an encoding channel; no channel where there is one panel. */
export function panels(names: readonly string[], field: string): object {
  return names.length < 2 ? {} : { facet: facetOf(field) };
}

/** A view of layers in panels side by side, each with axes of its own. */
export function layeredPanels(names: readonly string[], field: string, view: object): object {
  if (names.length < 2) return view;
  const { columns, spacing, ...facet } = facetOf(field);
  return { facet, columns, spacing, spec: view, resolve: { axis: { x: "independent", y: "independent" } } };
}

/** Sorting of panels, which takes no list of names: those of `field` by the numbers that `numbered` gives. */
export function inOrder(field: string): object {
  return { field: `${field}Index`, op: "min" };
}

/** Values with the place of their `field` among the different ones. */
export function numbered<Key extends string, Value extends Readonly<Record<Key, unknown>>>(
  values: readonly Value[],
  field: Key,
): object[] {
  const names = [...new Set(values.map((value) => value[field]))];
  return values.map((value) => ({ ...value, [`${field}Index`]: names.indexOf(value[field]) }));
}

function facetOf(field: string) {
  const header = { title: null, labelAnchor: "start" };
  return { field, type: "nominal", columns: 2, spacing: 24, sort: inOrder(field), header };
}

/** Width of a panel, one of so many. */
export function panelWidth(count: number): number {
  return count < 2 ? WIDE : NARROW;
}

/** Columns of a legend of these names that a page has room for. */
export function legendColumns(names: readonly string[]): number {
  const longest = Math.max(...names.map(({ length }) => length));
  return Math.max(1, Math.floor(LEGEND_WIDTH / (SYMBOL_WIDTH + CHARACTER_WIDTH * longest)));
}

/** Horizontal bars of pieces in the order of `parts`, one panel for each of theirs. */
export function stackedBars(
  pieces: readonly Piece[],
  parts: readonly string[],
  axis: { readonly title: string; readonly format?: string },
): object {
  const names = [...new Set(pieces.map(({ panel }) => panel))];
  const ordered = pieces.map((piece) => ({ ...piece, order: parts.indexOf(piece.part) }));
  return themed({
    data: { values: numbered(ordered, "panel") },
    width: panelWidth(names.length),
    height: { step: BAR_STEP },
    mark: "bar",
    encoding: {
      ...panels(names, "panel"),
      y: { field: "bar", type: "nominal", sort: null, title: null },
      x: { field: "value", type: "quantitative", stack: "zero", axis: { tickCount: 5, ...axis } },
      color: {
        field: "part",
        type: "nominal",
        title: null,
        scale: { domain: parts, range: parts.map((_, index) => PALETTE[index % PALETTE.length]) },
        legend: { columns: legendColumns(parts) },
      },
      order: { field: "order", type: "quantitative" },
      description: { field: "tip", type: "nominal" },
    },
  });
}

/** The largest parts by their sum in `totals`, as many as there are colours; the others are `rest`. */
export function largestParts(totals: Readonly<Record<string, number>>, rest: string): (part: string) => string {
  const sorted = Object.keys(totals).sort((a, b) => totals[b] - totals[a] || (a < b ? -1 : 1));
  if (sorted.length <= PALETTE.length) return (part) => part;
  const kept = new Set(sorted.slice(0, PALETTE.length - 1));
  return (part) => (kept.has(part) ? part : rest);
}

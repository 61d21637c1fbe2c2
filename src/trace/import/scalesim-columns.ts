/**
 * Which cell of a topology's line holds what. SCALE-Sim reads columns by their place and ignores the header; files in the wild name
 * theirs, put a batch size or a stride per dimension beside them, and have a spreadsheet's columns on the right. A header that
 * names every column of a kind is followed; else columns are SCALE-Sim's.
 */

/** A column that is read. */
export type Column =
  | "input height"
  | "input width"
  | "kernel height"
  | "kernel width"
  | "channels"
  | "filters"
  | "stride"
  | "stride height"
  | "stride width"
  | "M"
  | "N"
  | "K"
  | "sparsity"
  | "batch";

/** Columns of a convolution in SCALE-Sim's order, behind the name. */
export const CONV_COLUMNS = [
  "input height",
  "input width",
  "kernel height",
  "kernel width",
  "channels",
  "filters",
  "stride",
] as const satisfies readonly Column[];
/** Columns of a matrix product in SCALE-Sim's order, behind the name. */
export const PRODUCT_COLUMNS = ["M", "N", "K"] as const satisfies readonly Column[];

/** Where the columns of a table are; cell 0 is the name. */
export interface Columns {
  /** What the header speaks of; undefined where it does not say. */
  readonly kind: "conv" | "product" | undefined;
  readonly places: ReadonlyMap<Column, number>;
  /** Cells that have a name. */
  readonly named: ReadonlySet<number>;
  /** Named columns that nobody reads. */
  readonly ignored: readonly string[];
  /** Named columns that would change what is computed, by their name. */
  readonly unsupported: ReadonlyMap<string, number>;
  /** Whether the sizes are elsewhere than SCALE-Sim reads them. */
  readonly reordered: boolean;
}

const IMAGE = "(?:ifmap|input|image|in|i)?";
const KERNEL = "(?:filter|filt|kernel|weight|f|k)";
const CONV_NAMES: readonly (readonly [Column, RegExp])[] = [
  ["input height", new RegExp(`^${IMAGE}(?:h|height)$`)],
  ["input width", new RegExp(`^${IMAGE}(?:w|width)$`)],
  ["kernel height", new RegExp(`^(?:r|${KERNEL}(?:h|height))$`)],
  ["kernel width", new RegExp(`^(?:s|${KERNEL}(?:w|width))$`)],
  ["channels", /^(?:c|ch|ic|(?:num|n|in|input)?channels?)$/],
  ["filters", /^(?:k|oc|(?:num|n|no|numof)?filt(?:er)?s?|(?:out|output)channels?)$/],
  ["stride", /^strides?$/],
  ["stride height", /^(?:strides?(?:h|height|y|v|vertical|rows?)|(?:vertical|height)strides?|sh)$/],
  ["stride width", /^(?:strides?(?:w|width|x|horizontal|cols?|columns?)|(?:horizontal|width)strides?|sw)$/],
  ["sparsity", /^(?:sparsity(?:ratio|support)?|nm|ratio)$/],
  ["batch", /^(?:n|batch(?:size|es)?|images?)$/],
];
const PRODUCT_NAMES: readonly (readonly [Column, RegExp])[] = [
  ["M", /^m$/],
  ["N", /^n$/],
  ["K", /^k$/],
  ["sparsity", /^(?:sparsity(?:ratio|support)?|nm|ratio)$/],
  ["batch", /^batch(?:size|es)?$/],
];
const UNSUPPORTED = /^(?:pad(?:ding)?s?|dilations?|groups?)(?:h|w|height|width|x|y)?$/;

/** What a header says. */
export function readHeader(cells: readonly string[]): Columns {
  const names = cells.map((cell) => cell.toLowerCase().replace(/[^a-z0-9]/g, ""));
  const product = placesOf(names, PRODUCT_NAMES);
  const isProduct = PRODUCT_COLUMNS.every((column) => product.has(column));
  const named = isProduct ? product : placesOf(names, CONV_NAMES);
  const isConv = !isProduct && [...named.keys()].some((column) => CONV_COLUMNS.includes(column as never));
  const kind = isProduct ? "product" : isConv ? "conv" : undefined;
  const sizes: readonly Column[] = isProduct ? PRODUCT_COLUMNS : CONV_COLUMNS;
  const complete = sizes.every((column) => named.has(column) || (column === "stride" && hasStrides(named)));
  const places = complete ? named : byPlace(sizes, named);
  const taken = new Set(places.values());
  const rest = cells.map((cell, at) => ({ cell, at })).filter(({ at }) => at > 0 && !taken.has(at) && names[at] !== "");
  const unsupported = rest.filter(({ at }) => UNSUPPORTED.test(names[at]));
  return {
    kind,
    places,
    named: new Set(names.flatMap((name, at) => (name === "" ? [] : [at]))),
    ignored: rest.filter((each) => !unsupported.includes(each)).map(({ cell }) => cell),
    unsupported: new Map(unsupported.map(({ cell, at }) => [cell, at])),
    reordered: complete && sizes.some((column, i) => (places.get(column) ?? i + 1) !== i + 1),
  };
}

/** SCALE-Sim's own columns of a kind, for a line that the header does not speak of. */
export function ownColumns(sizes: readonly Column[]): ReadonlyMap<Column, number> {
  return new Map(sizes.map((column, i) => [column, i + 1]));
}

function hasStrides(named: ReadonlyMap<Column, number>): boolean {
  return named.has("stride height") && named.has("stride width");
}

/** Sizes as SCALE-Sim has them; what the header names behind them stays. */
function byPlace(sizes: readonly Column[], named: ReadonlyMap<Column, number>): ReadonlyMap<Column, number> {
  const behind = [...named].filter(([column, place]) => !sizes.includes(column) && place > sizes.length);
  return new Map([...ownColumns(sizes), ...behind]);
}

/** First place of each name; a second "stride" is that of the width. */
function placesOf(
  names: readonly string[],
  known: readonly (readonly [Column, RegExp])[],
): ReadonlyMap<Column, number> {
  const places = new Map<Column, number>();
  for (let at = 1; at < names.length; at++) {
    const column = known.find(([, name]) => name.test(names[at]))?.[0];
    if (column === undefined) continue;
    if (!places.has(column)) places.set(column, at);
    else if (column === "stride" && !places.has("stride width")) places.set("stride width", at);
  }
  return places;
}

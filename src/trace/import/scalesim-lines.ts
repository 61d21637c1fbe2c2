/**
 * The lines of a SCALE-Sim topology as geometries, read as SCALE-Sim v3 does (topology_utils.py) and as files in the wild need it: lines
 * with a name only begin a section, text behind the last comma is a remark, cells may be separated by tabs.
 */
import { parse } from "csv-parse/sync";
import type { ConvGeometry } from "../../core/geometry.ts";
import { MOST_OPS } from "../../core/input/limits.ts";
import { InputError, reasonOf } from "../../io/faults.ts";
import {
  CONV_COLUMNS,
  type Column,
  type Columns,
  ownColumns,
  PRODUCT_COLUMNS,
  readHeader,
} from "./scalesim-columns.ts";

const RATIO = /^(\d+)\s*:\s*(\d+)$/;
/** Spreadsheets write sizes as decimals where a column has empty cells. */
const SIZE = /^[1-9]\d*(?:\.0+)?$/;

/** One layer; `kept` of every `block` weights are not zero. */
interface TopologyLine {
  readonly name: string;
  readonly geometry: ConvGeometry;
  readonly kept: number;
  readonly block: number;
}

/** The layers of a topology, and how it was read where that is not plain. */
export interface Topology {
  readonly lines: readonly TopologyLine[];
  readonly notes: readonly string[];
}

/** Reads a topology; `batch` images where given, else as many as its batch column says. @throws InputError with the faults of all lines. */
export function readTopology(text: string, where: string, batch?: number): Topology {
  const faults: string[] = [];
  const notes: string[] = [];
  const titles: string[] = [];
  const unread: number[] = [];
  const lines: TopologyLine[] = [];
  let columns: Columns | undefined;
  for (const { cells, at } of records(text, where)) {
    if (columns === undefined) {
      if (isSize(cells[1])) faults.push(`${where}:${at}: the first line must be a header, got layer "${cells[0]}"`);
      columns = readHeader(cells);
    } else if (cells.slice(1).every((cell) => cell === "")) {
      titles.push(cells[0]);
    } else {
      const line = new LineReader(cells, columns).read(batch);
      faults.push(...line.faults.map((fault) => `${where}:${at}: ${fault}`));
      notes.push(...line.notes.map((note) => `${where}:${at}: ${note}`));
      if (line.hasUnreadCells) unread.push(at);
      if (line.layer !== undefined) lines.push(line.layer);
    }
  }
  if (lines.length === 0 && faults.length === 0) faults.push(`${where}: has no layer below its header`);
  if (faults.length > 0) throw new InputError(faults);
  if (titles.length > 0) notes.push(`${where}: lines without sizes are taken as titles: ${titles.join(", ")}`);
  if (unread.length > 0) {
    notes.push(
      `${where}: values behind the sizes that the header does not name are not read, in lines ${unread.join(", ")}`,
    );
  }
  return { lines, notes: [...headerNotes(columns, where), ...notes] };
}

function headerNotes(columns: Columns | undefined, where: string): string[] {
  const notes: string[] = [];
  if (columns?.reordered) {
    notes.push(`${where}: columns are read as the header names them; SCALE-Sim reads them by their place`);
  }
  if (columns !== undefined && columns.ignored.length > 0) {
    notes.push(`${where}: columns that are not read: ${columns.ignored.join(", ")}`);
  }
  return notes;
}

/** A line with a number behind its first cell, as every layer has one. */
const LAYER = /^[^,;\t\n]*[,;\t]\s*\d/gm;

/** Lines with something in them. Cells of a line without commas are separated by tabs or semicolons. */
function records(text: string, where: string): { cells: string[]; at: number }[] {
  if ((text.match(LAYER)?.length ?? 0) > MOST_OPS) {
    throw new InputError([`${where}: has too many ops, got over ${MOST_OPS}; valid: at most ${MOST_OPS}`]);
  }
  let parsed: { record: string[]; info: { lines: number } }[];
  try {
    const settings = { info: true, relax_column_count: true, skip_empty_lines: true, trim: true };
    // Concatenated files may also contain a byte order mark in the middle.
    parsed = parse(text.replaceAll("\ufeff", ""), settings) as unknown as typeof parsed;
  } catch (cause) {
    throw new InputError([`${where}: is not CSV: ${reasonOf(cause)}`], { cause });
  }
  return parsed
    .map(({ record, info }) => ({ cells: record.length === 1 ? splitAgain(record[0]) : record, at: info.lines }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""));
}

function splitAgain(cell: string): string[] {
  const separator = cell.includes("\t") ? "\t" : ";";
  return cell.split(separator).map((part) => part.trim());
}

/** One line below the header: its layer, or its faults. */
class LineReader {
  readonly faults: string[] = [];
  readonly notes: string[] = [];
  layer: TopologyLine | undefined;
  /** Whether numbers follow the sizes that the header does not name. */
  hasUnreadCells = false;
  readonly #name: string;
  readonly #columns: Columns;
  #cells: readonly string[];

  constructor(cells: readonly string[], columns: Columns) {
    this.#name = cells[0];
    this.#cells = cells;
    this.#columns = columns;
  }

  read(batch: number | undefined): this {
    const table = tableOf(this.#cells, this.#columns);
    if (table === undefined) {
      const needs = `${CONV_COLUMNS.join(", ")}; or ${PRODUCT_COLUMNS.join(", ")}`;
      this.#fault(`needs ${needs}; got ${leadingSizes(this.#cells)} values`);
      return this;
    }
    this.#mendCommas(table);
    if (this.#name === "") this.faults.push("name: is missing");
    this.#refuseUnsupported();
    this.hasUnreadCells = this.#cells.slice(table.end, -1).some((cell, i) => this.#isUnread(cell, table.end + i));
    const N =
      batch ?? (optionalCell(this.#cells, table.places.get("batch")) === undefined ? 1 : this.#size(table, "batch"));
    const geometry = table.kind === "product" ? this.#product(table, N) : this.#convolution(table, N);
    const [kept, block] = this.#ratio(table);
    if (this.faults.length > 0) return this;
    if (geometry.R > geometry.H || geometry.S > geometry.W) {
      const sizes = `${geometry.R}×${geometry.S} on ${geometry.H}×${geometry.W}`;
      this.#fault(`the kernel is larger than the input, got ${sizes}`);
    } else this.layer = { name: this.#name, geometry, kept, block };
    return this;
  }

  #fault(what: string): void {
    this.faults.push(`layer "${this.#name}": ${what}`);
  }

  #size({ places }: Table, column: Column): number {
    const cell = this.#cells[places.get(column) as number];
    if (!isSize(cell)) this.#fault(`${column}: must be a whole number of at least 1, got "${cell ?? ""}"`);
    return Number(cell);
  }

  /** A comma on the wrong side of a space leaves one cell empty and another with two sizes; the order of the sizes is plain. */
  #mendCommas({ end }: Table): void {
    const sizes = this.#cells.slice(1, end);
    const mended = sizes.join(" ").trim().split(/\s+/);
    if (sizes.every(isSize) || mended.length !== sizes.length || !mended.every(isSize)) return;
    this.notes.push(
      `layer "${this.#name}": a comma is out of place, got "${sizes.join(",")}"; read as ${mended.join(", ")}`,
    );
    this.#cells = [this.#name, ...mended, ...this.#cells.slice(end)];
  }

  /** Columns that would change what is computed are not left out in silence. */
  #refuseUnsupported(): void {
    for (const [title, at] of this.#columns.unsupported) {
      const cell = this.#cells[at] ?? "";
      const neutral = /pad/i.test(title) ? ["", "0"] : ["", "0", "1"];
      if (neutral.includes(cell)) continue;
      this.#fault(`${title}: a topology has images with their padding, no dilation, no groups but DP, got "${cell}"`);
    }
  }

  #isUnread(cell: string, at: number): boolean {
    return /^[\d.]+$/.test(cell) && !this.#columns.named.has(at);
  }

  /** N and M of N:M: in its column, or behind the sizes. */
  #ratio({ places, end }: Table): readonly [number, number] {
    const unnamed = this.#cells[end]?.includes(":") && ![...places.values()].includes(end) ? end : undefined;
    const cell = optionalCell(this.#cells, places.get("sparsity") ?? unnamed);
    if (cell === undefined) return [1, 1];
    const [kept, block] = (RATIO.exec(cell) ?? []).slice(1).map(Number);
    if (!(kept >= 1 && kept <= block)) this.#fault(`sparsity: must be N:M with 1 ≤ N ≤ M, got "${cell}"`);
    return [kept, block];
  }

  /** [M, K] · [K, N]: a 1×1 convolution of an M × 1 image with K channels and N filters. */
  #product(table: Table, batch: number): ConvGeometry {
    const [rows, columns, reduction] = PRODUCT_COLUMNS.map((column) => this.#size(table, column));
    const sizes = { N: batch, C: reduction, H: rows, W: 1, K: columns, R: 1, S: 1, groups: 1 };
    return { ...sizes, stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
  }

  /** Output sizes are rounded up by zeros below and on the right; a depth-wise layer has all its filters for every channel. */
  #convolution(table: Table, batch: number): ConvGeometry {
    const [H, W, R, S, C, filters] = CONV_COLUMNS.slice(0, -1).map((column) => this.#size(table, column));
    const stride = (axis: "stride height" | "stride width") =>
      this.#size(table, table.places.has(axis) ? axis : "stride");
    const oneStride = !table.places.has("stride height") && !table.places.has("stride width");
    const vertical = stride("stride height");
    const horizontal = oneStride ? vertical : stride("stride width");
    const fill = (extent: number, kernel: number, step: number) => (step - ((extent - kernel) % step)) % step;
    const depthwise = this.#name.includes("DP");
    return {
      ...{ N: batch, C, H, W, K: depthwise ? C * filters : filters, R, S },
      stride: [vertical, horizontal],
      padding: [0, fill(H, R, vertical), 0, fill(W, S, horizontal)],
      dilation: [1, 1],
      groups: depthwise ? C : 1,
    };
  }
}

interface Table {
  readonly kind: "conv" | "product";
  readonly places: ReadonlyMap<Column, number>;
  /** Cell behind the sizes. */
  readonly end: number;
}

/** Which kind of layer a line is, and where its columns are; a file may mix both kinds. */
function tableOf(cells: readonly string[], { kind, places }: Columns): Table | undefined {
  const sizes = leadingSizes(cells);
  const own = (ofKind: Table["kind"]): Table => {
    const list = ofKind === "conv" ? CONV_COLUMNS : PRODUCT_COLUMNS;
    return { kind: ofKind, places: ownColumns(list), end: list.length + 1 };
  };
  const asProduct = sizes === PRODUCT_COLUMNS.length && restIsEmpty(cells, sizes);
  if (kind === "product") {
    const last = Math.max(...PRODUCT_COLUMNS.map((column) => places.get(column) as number));
    if (sizes >= CONV_COLUMNS.length && places.size === PRODUCT_COLUMNS.length && last === PRODUCT_COLUMNS.length) {
      return own("conv");
    }
    return cells.length > last ? { kind, places, end: last + 1 } : undefined;
  }
  if (asProduct) return own("product");
  if (kind === "conv") {
    const last = Math.max(...CONV_COLUMNS.map((column) => places.get(column) ?? 0));
    return cells.length > last ? { kind, places, end: last + 1 } : undefined;
  }
  return sizes >= CONV_COLUMNS.length ? { ...own("conv"), places } : undefined;
}

function leadingSizes(cells: readonly string[]): number {
  const end = cells.slice(1).findIndex((cell) => !isSize(cell));
  return end < 0 ? cells.length - 1 : end;
}

/** Whether what follows the sizes is a ratio or a remark. */
function restIsEmpty(cells: readonly string[], sizes: number): boolean {
  return cells.slice(sizes + 1).every((cell, i, rest) => cell === "" || cell.includes(":") || i === rest.length - 1);
}

/** A cell that need not be there; text behind the last comma is a remark, as in SCALE-Sim, which drops it. */
function optionalCell(cells: readonly string[], place: number | undefined): string | undefined {
  const cell = place === undefined ? undefined : cells[place];
  if (cell === undefined || cell === "") return undefined;
  const isRemark = place === cells.length - 1 && !/^[\d:.\s-]+$/.test(cell);
  return isRemark ? undefined : cell;
}

function isSize(text: string | undefined): boolean {
  return text !== undefined && SIZE.test(text) && Number.isSafeInteger(Number(text));
}

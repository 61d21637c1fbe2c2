/**
 * Topologies of SCALE-Sim v3 (Samajdar et al., ISPASS 2020; Raj et al. 2025) as traces of forward passes. A line is a convolution
 *
 *     name, input height, input width, kernel height, kernel width, channels, filters, stride[, N:M],
 *
 * or a matrix product [M, K] · [K, N], an M × 1 image with K channels and N filters:
 *
 *     name, M, N, K[, N:M],
 *
 * As in SCALE-Sim, the first line is a header, images come with their padding, output sizes are rounded up, and a layer with
 * `DP` in its name is depth-wise. N:M keeps N of every M weights along the reduction, in the order kernel row, column, channel.
 */
import { parse } from "csv-parse/sync";
import { InputError } from "../../io/faults.ts";
import { type BitMask, onesMask, setBit, zerosMask } from "../../kernels/bit-mask.ts";
import { type ConvGeometry, inputShape, weightShape } from "../../kernels/geometry.ts";
import { type RandomStream, randomStream } from "../../kernels/random.ts";
import { ImportBuilder, type ImportedTrace } from "./imported.ts";

const CONV_FIELDS = [
  "input height",
  "input width",
  "kernel height",
  "kernel width",
  "channels",
  "filters",
  "stride",
] as const;
const PRODUCT_FIELDS = ["M", "N", "K"] as const;
const RATIO = /^(\d+)\s*:\s*(\d+)$/;

/** How a topology is read. */
export interface TopologyOptions {
  /** Images; every layer has as many. */
  readonly batch: number;
  /** Draws the N of every M weights; without it they are the first of each M, as SCALE-Sim's. */
  readonly seed?: number;
  /** Name of the network. */
  readonly network: string;
}

interface Line {
  readonly name: string;
  readonly geometry: ConvGeometry;
  readonly kept: number;
  readonly block: number;
}

/** Reads a topology. @throws InputError, one line a fault, each beginning with `where` and the line. */
export function importScalesim(text: string, where: string, { batch, seed, network }: TopologyOptions): ImportedTrace {
  const builder = new ImportBuilder();
  for (const [i, { name, geometry, kept, block }] of readLines(text, where, batch).entries()) {
    const stream = seed === undefined ? undefined : randomStream(seed, "scalesim", i);
    const input = builder.tensor(`${name}:input`, "activation", inputShape(geometry));
    const weight = builder.tensor(`${name}:weight`, "weight", structuredMask(geometry, kept, block, stream));
    builder.layer("conv", name, geometry, { input, weight }, ["forward"]);
  }
  return builder.finish(network, "imported", seed);
}

function readLines(text: string, where: string, batch: number): Line[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    const settings = { bom: true, info: true, relax_column_count: true, skip_empty_lines: true, trim: true };
    records = parse(text, settings) as unknown as typeof records;
  } catch (cause) {
    throw new InputError([`${where}: is not CSV: ${(cause as Error).message}`], { cause });
  }
  const faults: string[] = [];
  const names = new Set<string>();
  const lines: Line[] = [];
  for (const [row, { record, info }] of records.entries()) {
    const at = `${where}:${info.lines}`;
    const cells = [...record];
    while (cells.at(-1) === "") cells.pop();
    if (row === 0) {
      if (isSize(cells[1])) faults.push(`${at}: the first line must be a header, got layer "${cells[0]}"`);
      continue;
    }
    if (cells.length === 0) continue;
    const line = readLine(cells, batch, (what) => faults.push(`${at}: ${what}`));
    if (line === undefined) continue;
    if (names.has(line.name)) faults.push(`${at}: name: another layer has it, got "${line.name}"`);
    names.add(line.name);
    lines.push(line);
  }
  if (lines.length === 0 && faults.length === 0) faults.push(`${where}: has no layer below its header`);
  if (faults.length > 0) throw new InputError(faults);
  return lines;
}

function readLine(cells: readonly string[], batch: number, fault: (what: string) => void): Line | undefined {
  const [name, ...values] = cells;
  const last = values.at(-1) as string | undefined;
  const ratio = last?.includes(":") ? (values.pop() as string) : "1:1";
  const fields = [CONV_FIELDS, PRODUCT_FIELDS].find(({ length }) => length === values.length);
  if (fields === undefined) {
    fault(
      `layer "${name}": needs ${CONV_FIELDS.join(", ")}; or ${PRODUCT_FIELDS.join(", ")}; got ${values.length} values`,
    );
    return undefined;
  }
  const wrong = fields.filter((_, i) => !isSize(values[i]));
  for (const field of wrong) {
    const got = values[fields.indexOf(field as never)];
    fault(`layer "${name}": ${field}: must be a whole number of at least 1, got "${got}"`);
  }
  const [kept, block] = (RATIO.exec(ratio) ?? []).slice(1).map(Number);
  const sparse = kept >= 1 && kept <= block;
  if (!sparse) fault(`layer "${name}": sparsity: must be N:M with 1 ≤ N ≤ M, got "${ratio}"`);
  if (name === "") fault("name: is missing");
  if (wrong.length > 0 || !sparse || name === "") return undefined;
  const sizes = values.map(Number);
  const geometry =
    fields === CONV_FIELDS
      ? convGeometry(sizes, name.includes("DP"), batch)
      : convGeometry([sizes[0], 1, 1, 1, sizes[2], sizes[1], 1], false, batch);
  if (geometry.R > geometry.H || geometry.S > geometry.W) {
    const sizesOf = `${geometry.R}×${geometry.S} on ${geometry.H}×${geometry.W}`;
    fault(`layer "${name}": the kernel is larger than the input, got ${sizesOf}`);
    return undefined;
  }
  return { name, geometry, kept, block };
}

function isSize(text: string | undefined): boolean {
  return text !== undefined && /^[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text));
}

/** Output sizes are rounded up by zeros below and on the right; a depth-wise layer has all its filters for every channel. */
function convGeometry(
  [H, W, R, S, C, filters, stride]: readonly number[],
  depthwise: boolean,
  batch: number,
): ConvGeometry {
  const fill = (extent: number, kernel: number) => (stride - ((extent - kernel) % stride)) % stride;
  return {
    ...{ N: batch, C, H, W, K: depthwise ? C * filters : filters, R, S },
    stride: [stride, stride],
    padding: [0, fill(H, R), 0, fill(W, S)],
    dilation: [1, 1],
    groups: depthwise ? C : 1,
  };
}

/** `kept` of every `block` weights of a filter: the first ones, or drawn. What is left at the end keeps as many, if it has them. */
function structuredMask(geometry: ConvGeometry, kept: number, block: number, stream?: RandomStream): BitMask {
  const shape = weightShape(geometry);
  if (kept === block) return onesMask(shape);
  const [K, C, R, S] = shape;
  const mask = zerosMask(shape);
  const reduction = C * R * S;
  const places = Array.from({ length: Math.min(block, reduction) }, (_, i) => i);
  for (let k = 0; k < K; k++) {
    for (let start = 0; start < reduction; start += block) {
      const length = Math.min(block, reduction - start);
      const chosen = stream === undefined ? places.slice(0, kept) : drawn(stream, length, kept);
      for (const place of chosen) {
        const element = start + place;
        // Reduction order has channels innermost, masks have them outermost.
        if (place < length) setBit(mask, k, (element % C) * R * S + Math.floor(element / C));
      }
    }
  }
  return mask;
}

/** `count` different places of `length`, or all: the start of a Fisher–Yates shuffle. */
function drawn(stream: RandomStream, length: number, count: number): number[] {
  const places = Array.from({ length }, (_, i) => i);
  for (let i = 0; i < Math.min(count, length - 1); i++) {
    const j = i + stream.int(length - i);
    [places[i], places[j]] = [places[j], places[i]];
  }
  return places.slice(0, count);
}

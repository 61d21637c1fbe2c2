/**
 * What readers look at first, made to fit what became of the rest: sizes of data, the first and the last segment. Without it most
 * mutated binary files are refused at their outermost layer, and nothing behind it is reached.
 */
import { field } from "./binary-formats.ts";
import { type Branch, isBranch, type Tree } from "./tree.ts";

/** Longest data that are filled up. */
const LONGEST = 1e6;

const isCount = (value: Tree | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function withField(tree: Branch, key: string, value: Tree): Branch {
  return Object.assign(Object.create(null), tree, { [key]: value });
}

/** The tree with as many bytes in a field as `size` says, cut or filled up with zeros; as it is where that is no size. */
function sized(tree: Tree, key: string, size: Tree | undefined): Tree {
  const data = field(tree, key);
  if (!isBranch(tree) || !(data instanceof Uint8Array) || !isCount(size) || size > LONGEST) return tree;
  const bytes = new Uint8Array(size);
  bytes.set(data.subarray(0, size));
  return withField(tree, key, bytes);
}

const product = (extents: Tree | undefined): number | undefined =>
  Array.isArray(extents) && extents.every(isCount) ? extents.reduce((size, extent) => size * extent, 1) : undefined;

/** Data that end where the last tensor does. */
export function repairedContainer(tree: Tree): Tree {
  const header = field(tree, "header");
  const tensors = header !== undefined && isBranch(header) ? Object.values(header) : [];
  const ends = tensors.flatMap((tensor) => {
    const offsets = field(tensor, "data_offsets");
    return Array.isArray(offsets) && isCount(offsets[1]) ? [offsets[1]] : [];
  });
  return sized(tree, "data", Math.max(0, ...ends));
}

/** As many elements as the shape has. */
export function repairedNpy(tree: Tree): Tree {
  const header = field(tree, "header");
  const elements = product(field(header, "shape"));
  const bytes = Number(/\d+$/.exec(String(field(header, "descr")))?.[0] ?? 1);
  return elements === undefined ? tree : sized(tree, "data", elements * bytes);
}

/** As many bytes as the extents say. */
export function repairedIdx(tree: Tree): Tree {
  return sized(tree, "data", product(field(tree, "extents")));
}

/** A record of this many labels, and the pixels of one image. */
export function repairedRecord(tree: Tree, labels: number): Tree {
  return sized(sized(tree, "labels", labels), "pixels", 3072);
}

const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** As many scanlines, each behind the byte of its filter, as the header says. */
export function repairedPng(tree: Tree): Tree {
  if (!Array.isArray(tree)) return tree;
  const header = tree.map((chunk) => field(chunk, "header")).find((one) => one !== undefined);
  const [width, height, depth, colour] = ["width", "height", "depth", "colour"].map((key) => field(header, key));
  if (![width, height, depth, colour].every(isCount)) return tree;
  const line = 1 + Math.ceil((Number(width) * Number(depth) * (SAMPLES[Number(colour)] ?? 1)) / 8);
  return tree.map((chunk) => sized(chunk, "pixels", line * Number(height)));
}

const [START, END] = [0xd8, 0xd9];

/** The marker of the start before all segments, and that of the end behind them. */
export function repairedJpeg(tree: Tree): Tree {
  if (!Array.isArray(tree)) return tree;
  const between = tree.filter((segment) => ![START, END].some((marker) => field(segment, "marker") === marker));
  const alone = (marker: number) => withField(Object.create(null), "marker", marker);
  return [alone(START), ...between, alone(END)];
}

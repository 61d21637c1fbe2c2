/**
 * Trees as binary files: lengths, checksums and hashes are right whatever became of the rest, so that what is behind them is reached.
 * What is no number where one belongs counts as 0.
 */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { crc32Of } from "./crc32.ts";
import { jsonText, plainText } from "./text-formats.ts";
import { type Branch, isBranch, type Tree } from "./tree.ts";

const utf8 = new TextEncoder();
const LONGEST = 1e6;

/** Bytes of a tree: bytes as they are, of anything else its text. */
export function bytesOf(tree: Tree | undefined): Uint8Array {
  if (tree instanceof Uint8Array) return tree;
  return utf8.encode(plainText(tree)).subarray(0, LONGEST);
}

const integer = (tree: Tree | undefined): number =>
  typeof tree === "number" && Number.isFinite(tree) ? Math.trunc(tree) : 0;
const listOf = (tree: Tree | undefined): readonly Tree[] =>
  Array.isArray(tree) ? tree : tree === undefined ? [] : [tree];
/** The field of a tree; undefined where it has none. */
export const field = (tree: Tree | undefined, key: string): Tree | undefined =>
  tree !== undefined && isBranch(tree) && Object.hasOwn(tree, key) ? tree[key] : undefined;
const text = (tree: Tree | undefined): string => plainText(tree);

/** An unsigned big-endian integer of `width` bytes, as many of its lowest bits as there is room for. */
function word(tree: Tree | undefined, width: number): Uint8Array {
  const bytes = new Uint8Array(width);
  let rest = BigInt.asUintN(8 * width, BigInt(integer(tree)));
  for (let i = width - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

/** Fields of these names and widths, one after the other. */
const words = (tree: Tree | undefined, widths: Readonly<Record<string, number>>): Uint8Array =>
  Buffer.concat(Object.entries(widths).map(([name, width]) => word(field(tree, name), width)));

/** `{ header, data }`; metadata that is no text is JSON in JSON. */
export function safetensors(tree: Tree): Uint8Array {
  const header = field(tree, "header");
  const metadata = field(header, "__metadata__");
  const written =
    header !== undefined && isBranch(header) && metadata !== undefined && isBranch(metadata)
      ? withField(
          header,
          "__metadata__",
          mapped(metadata, (value) => (typeof value === "string" ? value : jsonText(value))),
        )
      : (header ?? null);
  const json = utf8.encode(jsonText(written));
  const length = word(json.length, 8).toReversed();
  return Buffer.concat([length, json, bytesOf(field(tree, "data"))]);
}

/** A container whose metadata `manifestKey` and data have the hash that it claims. */
export function hashedSafetensors(tree: Tree, manifestKey: string): Uint8Array {
  const header = field(tree, "header");
  const metadata = field(header, "__metadata__");
  const manifest = field(metadata, manifestKey);
  if (!header || !metadata || !isBranch(header) || !isBranch(metadata) || manifest === undefined)
    return safetensors(tree);
  const said = typeof manifest === "string" ? manifest : jsonText(manifest);
  const data = bytesOf(field(tree, "data"));
  const sha256 = createHash("sha256").update(said).update(data).digest("hex");
  const hashed = withField(metadata, "sha256", sha256);
  return safetensors(
    withField(withField(Object.create(null), "data", data), "header", withField(header, "__metadata__", hashed)),
  );
}

function mapped(tree: Tree, change: (value: Tree) => Tree): Tree {
  const copy: Branch = Object.create(null);
  for (const [key, value] of Object.entries(tree as object)) copy[key] = change(value);
  return copy;
}

function withField(tree: Tree, key: string, value: Tree): Tree {
  return Object.assign(Object.create(null), tree, { [key]: value });
}

/** `{ version, header: { descr, fortran_order, shape }, data }`. */
export function npy(tree: Tree): Uint8Array {
  const version = integer(field(tree, "version"));
  const header = field(tree, "header");
  const python = (value: Tree): string => {
    if (Array.isArray(value))
      return value.length === 1 ? `(${python(value[0])},)` : `(${value.map(python).join(", ")})`;
    if (typeof value === "boolean") return value ? "True" : "False";
    return typeof value === "string" ? `'${value}'` : jsonText(value);
  };
  const dictionary =
    header !== undefined && isBranch(header)
      ? `{${Object.entries(header)
          .map(([key, value]) => `'${key}': ${python(value)}, `)
          .join("")}}`
      : text(header);
  const written = Buffer.from(`${dictionary}\n`);
  const length = word(written.length, version === 1 ? 2 : 4).toReversed();
  return Buffer.concat([
    Buffer.from([0x93, ...utf8.encode("NUMPY"), version & 255, 0]),
    length,
    written,
    bytesOf(field(tree, "data")),
  ]);
}

/** `{ magic, extents, data }`. */
export function idx(tree: Tree): Uint8Array {
  const extents = listOf(field(tree, "extents")).slice(0, 1000);
  return Buffer.concat([
    word(field(tree, "magic"), 4),
    ...extents.map((each) => word(each, 4)),
    bytesOf(field(tree, "data")),
  ]);
}

const IHDR = { width: 4, height: 4, depth: 1, colour: 1, compression: 1, filter: 1, interlace: 1 };
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** A list of `{ type, header }`, `{ type, data }` or, to be compressed, `{ type, pixels }`: the chunks. */
export function png(tree: Tree): Uint8Array {
  const chunks = listOf(tree).map((chunk) => {
    const header = field(chunk, "header");
    const pixels = field(chunk, "pixels");
    const data = pixels === undefined ? bytesOf(field(chunk, "data")) : deflateSync(bytesOf(pixels));
    const body = header === undefined ? data : words(header, IHDR);
    const typed = Buffer.concat([Buffer.from(text(field(chunk, "type")).padEnd(4).slice(0, 4), "latin1"), body]);
    return Buffer.concat([word(body.length, 4), typed, word(crc32Of(typed), 4)]);
  });
  return Buffer.concat([Buffer.from(PNG_SIGNATURE), ...chunks]);
}

const FRAME = { precision: 1, height: 2, width: 2, components: 1 };

/** A list of `{ marker, frame, data, coded }`: segments, those without `data` of their marker alone, `coded` behind them as it is. */
export function jpeg(tree: Tree): Uint8Array {
  const segments = listOf(tree).map((segment) => {
    const [frame, data, coded] = ["frame", "data", "coded"].map((key) => field(segment, key));
    const marker = Buffer.concat([Buffer.from([0xff]), word(field(segment, "marker"), 1)]);
    const after = coded === undefined ? [] : [bytesOf(coded)];
    if (data === undefined) return Buffer.concat([marker, ...after]);
    const body = Buffer.concat([frame === undefined ? new Uint8Array() : words(frame, FRAME), bytesOf(data)]);
    return Buffer.concat([marker, word(body.length + 2, 2), body, ...after]);
  });
  return Buffer.concat(segments);
}

/** The segments of a JPEG file as `jpeg` writes them. */
export function jpegTree(file: Uint8Array): Tree {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const segments: Record<string, unknown>[] = [];
  for (let at = 0; at + 1 < file.length; ) {
    const marker = file[at + 1];
    const isAlone = marker === 0xd8 || marker === 0xd9;
    const end = isAlone ? at + 2 : at + 2 + view.getUint16(at + 2);
    const data = isAlone ? undefined : file.subarray(at + 4, end);
    let next = end;
    if (marker === 0xda)
      while (next + 1 < file.length && !(file[next] === 0xff && file[next + 1] > 0 && !isRestart(file[next + 1])))
        next++;
    const coded = next > end ? { coded: file.subarray(end, next) } : {};
    const frame = () => ({
      precision: file[at + 4],
      height: view.getUint16(at + 5),
      width: view.getUint16(at + 7),
      components: file[at + 9],
    });
    const isFrame = marker >= 0xc0 && marker <= 0xc2 && data !== undefined;
    segments.push({ marker, ...(isFrame ? { frame: frame(), data: data.subarray(6) } : data && { data }), ...coded });
    at = next;
  }
  return segments as unknown as Tree;
}

const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;

/** Mutations of a file as bytes: flip, overwrite, cut, insert, duplicate, swap. */
import type { Draw } from "./draw.ts";

type Mutation = (bytes: Uint8Array, draw: Draw) => Uint8Array;

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff];
/** Longest piece that is moved or inserted, most of the time. */
const PIECE = 64;
const MOST_COPIES = 2000;

const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** A piece of `bytes`: from … to. */
function piece(bytes: Uint8Array, draw: Draw): readonly [number, number] {
  const from = draw.below(bytes.length + 1);
  const most = draw.chance(0.9) ? Math.min(PIECE, bytes.length - from) : bytes.length - from;
  return [from, from + draw.below(most + 1)];
}

function overwritten(bytes: Uint8Array, draw: Draw, value: (byte: number) => number): Uint8Array {
  const copy = bytes.slice();
  const width = draw.pick([1, 1, 2, 4, 8]);
  const at = draw.below(copy.length);
  for (let i = at; i < Math.min(at + width, copy.length); i++) copy[i] = value(copy[i]);
  return copy;
}

const MUTATIONS: readonly Mutation[] = [
  (bytes, draw) => overwritten(bytes, draw, (byte) => byte ^ (1 << draw.below(8))),
  (bytes, draw) => overwritten(bytes, draw, () => draw.below(256)),
  (bytes, draw) => {
    const extreme = draw.pick(EXTREMES);
    return overwritten(bytes, draw, () => extreme);
  },
  (bytes, draw) => bytes.slice(0, draw.below(bytes.length + 1)),
  (bytes, draw) => {
    const [from, to] = piece(bytes, draw);
    return join(bytes.subarray(0, from), bytes.subarray(to));
  },
  (bytes, draw) => {
    const at = draw.below(bytes.length + 1);
    const filled = Uint8Array.from({ length: 1 + draw.below(PIECE) }, () => draw.below(256));
    return join(bytes.subarray(0, at), filled, bytes.subarray(at));
  },
  (bytes, draw) => {
    const [from, to] = piece(bytes, draw);
    const copies = draw.chance(0.9) ? 1 : draw.below(MOST_COPIES);
    const copied = new Array<Uint8Array>(copies).fill(bytes.subarray(from, Math.min(to, from + PIECE)));
    return join(bytes.subarray(0, to), ...copied, bytes.subarray(to));
  },
  (bytes, draw) => {
    const [from, to] = piece(bytes, draw);
    const at = draw.below(bytes.length + 1);
    return join(bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at));
  },
];

/** `bytes` after one mutation; `bytes` stay as they are. */
export function mutatedBytes(bytes: Uint8Array, draw: Draw): Uint8Array {
  return bytes.length === 0 ? bytes : draw.pick(MUTATIONS)(bytes, draw);
}

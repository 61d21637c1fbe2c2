/**
 * Seeded randomness for everything that trains or draws: `seedrandom` turns (seed, purpose, indices) into the key of a
 * counter-based generator, so that draw i of a stream is a function of its key and i alone: order, threads and what was
 * drawn before do not matter, and resuming needs no saved state.
 * Generator: Philox4x32-10, Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, §4.
 * Normal deviates: algorithm AS 241 (PPND7), Wichura, Applied Statistics 37 (1988): one draw each, nothing but + − × ÷,
 * square root (exact by IEEE 754) and, in the tails, Math.log (fdlibm in software in V8), so bits do not depend on the machine.
 */
import seedrandom from "seedrandom";

/** Four 32-bit words. */
type Block = Uint32Array;

const ROUNDS = 10;
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** The key moves on by the golden ratio and by √3 − 1 each round. */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

const TWO_POW_32 = 2 ** 32;
const TWO_POW_MINUS_24 = 2 ** -24;
const TWO_POW_MINUS_32 = 2 ** -32;

/** Where the draws of a stream come from; 32-bit words. */
export interface StreamOrigin {
  readonly key: readonly [number, number];
  /** The upper three words of every counter. */
  readonly counter: readonly [number, number, number];
}

/** The stream of (seed, purpose, ...indices), positioned at draw 0. Throws where seed or an index is not a finite number. */
export function randomStream(seed: number, purpose: string, ...indices: number[]): RandomStream {
  for (const value of [seed, ...indices]) {
    if (!Number.isFinite(value)) throw new Error(`random: seed and indices must be finite numbers, got ${value}`);
  }
  const keys = seedrandom(JSON.stringify([seed, purpose, ...indices]));
  return new RandomStream(keys.int32() >>> 0, keys.int32() >>> 0, keys.int32() >>> 0, keys.int32() >>> 0, 0);
}

/**
 * One stream of 2^34 draws of 32 bits. `…At(i)` addresses draw i; the other methods draw at a cursor that they move.
 * Each uniform, normal and 32-bit number takes one draw; `int` takes one and rarely more.
 */
export class RandomStream {
  readonly #key0: number;
  readonly #key1: number;
  readonly #salt: number;
  readonly #family: number;
  readonly #substream: number;
  readonly #block: Block = new Uint32Array(4);
  #blockIndex = -1;
  #position = 0;

  /** Use `randomStream`: the first four words come from `seedrandom`, `substream` is 0 for the stream itself. */
  constructor(key0: number, key1: number, salt: number, family: number, substream: number) {
    this.#key0 = key0;
    this.#key1 = key1;
    this.#salt = salt;
    this.#family = family;
    this.#substream = substream;
  }

  /** The stream of item `index` (0 … 2^32 − 2) of this one, e.g. one for each image: cheap, unlike a new key. Throws on a substream, which has none itself. */
  substream(index: number): RandomStream {
    if (this.#substream !== 0) throw new Error(`random: a substream has no substreams, got index ${index}`);
    return new RandomStream(this.#key0, this.#key1, this.#salt, this.#family, index + 1);
  }

  /** What decides every draw, for kernels that make draws themselves: Philox of (⌊i / 4⌋, …counter) under `key`, word i % 4. */
  get origin(): StreamOrigin {
    return { key: [this.#key0, this.#key1], counter: [this.#substream, this.#salt, this.#family] };
  }

  /** Draw i, in 0 … 2^32 − 1. */
  uint32At(i: number): number {
    const index = Math.floor(i / 4);
    if (index !== this.#blockIndex) {
      philox4x32(this.#block, index, this.#substream, this.#salt, this.#family, this.#key0, this.#key1);
      this.#blockIndex = index;
    }
    return this.#block[i & 3];
  }

  /** Draw i as a multiple of 2^−24 in [0, 1): exact in a 32-bit float. */
  uniformAt(i: number): number {
    return (this.uint32At(i) >>> 8) * TWO_POW_MINUS_24;
  }

  /** Draw i as a standard normal deviate, |z| < 6.4. */
  normalAt(i: number): number {
    return inverseNormal((this.uint32At(i) + 0.5) * TWO_POW_MINUS_32);
  }

  /** The next 32 bits. */
  next(): number {
    return this.uint32At(this.#position++);
  }

  /** The next uniform number in [0, 1), a multiple of 2^−24. */
  uniform(): number {
    return this.uniformAt(this.#position++);
  }

  /** The next standard normal deviate. */
  normal(): number {
    return this.normalAt(this.#position++);
  }

  /** An integer in 0 … n − 1, each equally likely, for 1 ≤ n ≤ 2^32: draws beyond the last whole multiple of n are thrown away. */
  int(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= TWO_POW_32)) {
      throw new Error(`random: int(n) needs an integer from 1 to 2^32, got ${n}`);
    }
    const limit = TWO_POW_32 - (TWO_POW_32 % n);
    let draw = this.next();
    while (draw >= limit) draw = this.next();
    return draw % n;
  }

  /** Fills `target` with uniform numbers from `low` to `high`, rounded to 32-bit floats. */
  fillUniform(target: Float32Array, low: number, high: number): void {
    const span = high - low;
    for (let i = 0; i < target.length; i++) target[i] = low + span * this.uniform();
  }

  /** Fills `target` with normal deviates. */
  fillNormal(target: Float32Array, mean: number, std: number): void {
    for (let i = 0; i < target.length; i++) target[i] = mean + std * this.normal();
  }

  /** A permutation of 0 … n − 1, all equally likely (Fisher–Yates, from the end). */
  permutation(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    for (let i = n - 1; i > 0; i--) {
      const other = this.int(i + 1);
      const held = order[i];
      order[i] = order[other];
      order[other] = held;
    }
    return order;
  }
}

/** output[0..4) = Philox4x32-10 of counter (c0, c1, c2, c3) under key (k0, k1). */
export function philox4x32(
  output: Block,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
): void {
  let x0 = c0 | 0;
  let x1 = c1 | 0;
  let x2 = c2 | 0;
  let x3 = c3 | 0;
  let key0 = k0 | 0;
  let key1 = k1 | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(x0, MULTIPLIER_0);
    const high1 = multiplyHigh(x2, MULTIPLIER_1);
    const low0 = Math.imul(x0, MULTIPLIER_0);
    const low1 = Math.imul(x2, MULTIPLIER_1);
    x0 = high1 ^ x1 ^ key0;
    x1 = low1;
    x2 = high0 ^ x3 ^ key1;
    x3 = low0;
    key0 = (key0 + WEYL_0) | 0;
    key1 = (key1 + WEYL_1) | 0;
  }
  output[0] = x0;
  output[1] = x1;
  output[2] = x2;
  output[3] = x3;
}

/** Upper 32 bits of the 64-bit product of two unsigned words, by halves; no partial sum exceeds 32 bits. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const cross = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const middle = (Math.imul(aLow, bHigh) + (cross & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (cross >>> 16) + (middle >>> 16)) | 0;
}

/**
 * Quantile of the standard normal distribution, relative error about 1e-7 (AS 241, PPND7). `p` has 32 bits, so that
 * √(−log p) stays below 5 and the algorithm's third region is never entered.
 */
export function inverseNormal(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    const numerator = ((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179;
    const denominator = ((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1;
    return (q * numerator) / denominator;
  }
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p)) - 1.6;
  const numerator = ((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777;
  const denominator = (0.12021132975 * r + 0.7370016425) * r + 1;
  return q < 0 ? -numerator / denominator : numerator / denominator;
}

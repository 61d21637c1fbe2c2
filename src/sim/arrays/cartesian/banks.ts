/**
 * The bank of an accumulator, from the low bits of its filter k and of its output position (w, h), all in steps of the
 * stride: two bits of k and one of w and h choose among 16, and one more bit of each, xored, between two halves. With
 * fewer banks the number is taken modulo. Source: SCNN as modelled by DNNsim 4748a600.
 *
 * w = x − r and h = y − s need only the low two bits of each side, so that the bank of a product is one look-up of the
 * weight's code and the activation's code.
 */

/** Banks that the hash can tell apart. */
export const MAX_BANKS = 32;

/** Filters that the hash can tell apart. */
export const HASHED_FILTERS = 8;

/** Source position of an activation of the image padding. */
export const OUTSIDE = -1;

const POSITION_BITS = 4;

/** Code of an activation position. */
export function positionCode(x: number, y: number): number {
  return ((x & 3) << 2) | (y & 3);
}

/** Code of the weight of filter `k` at tap (r, s); or-ed with an activation's code it is an index into `bankTable`. */
export function weightCode(k: number, r: number, s: number): number {
  return ((((k & (HASHED_FILTERS - 1)) << POSITION_BITS) | positionCode(r, s)) << POSITION_BITS) | 0;
}

/** What hash and array decide of a processing element's accumulator banks. */
export interface Banks {
  /** Bank by weight code | position code. */
  readonly table: Uint8Array;
  /** 1 << bank, likewise. */
  readonly bits: Int32Array;
}

const known = new Map<number, Banks>();

/** Tables of an accumulator with so many banks, made once. */
export function banksOf(banks: number): Banks {
  const table = known.get(banks)?.table ?? bankTable(banks);
  const made = known.get(banks) ?? { table, bits: Int32Array.from(table, (bank) => 1 << bank) };
  known.set(banks, made);
  return made;
}

/** Bank by weight code | position code. */
export function bankTable(banks: number): Uint8Array {
  const table = new Uint8Array(HASHED_FILTERS << (2 * POSITION_BITS));
  for (let index = 0; index < table.length; index++) {
    const k = index >> (2 * POSITION_BITS);
    const w = (index >> 2) - (index >> 6);
    const h = index - (index >> POSITION_BITS);
    const half = ((k & 4) << 2) ^ ((w & 2) << 3) ^ ((h & 2) << 3);
    table[index] = (half + ((w & 1) << 3) + ((h & 1) << 2) + (k & 3)) % banks;
  }
  return table;
}

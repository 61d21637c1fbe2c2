/** The units that formulas may have, each with its size and dimension: those of mathjs by the same names. */

/** Exponents of mass, length, time, current and information. */
export type Dimensions = readonly number[];

/** A unit: its size in the base units of its dimension. */
export interface UnitSize {
  readonly size: number;
  readonly dimensions: Dimensions;
}

const DECIMAL = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
const SMALL = { a: 1e-18, f: 1e-15, p: 1e-12, n: 1e-9, u: 1e-6, m: 1e-3 };
const BINARY = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, Ti: 1024 ** 4 };

const ENERGY = [1, 2, -2, 0, 0];
const INFORMATION = [0, 0, 0, 0, 1];

function* prefixed(
  prefixes: Readonly<Record<string, number>>,
  units: Readonly<Record<string, readonly [size: number, dimensions: Dimensions]>>,
): Generator<[string, UnitSize]> {
  for (const [unit, [size, dimensions]] of Object.entries(units)) {
    yield [unit, { size, dimensions }];
    for (const [prefix, factor] of Object.entries(prefixes)) yield [prefix + unit, { size: size * factor, dimensions }];
  }
}

/** All units by name. */
export const UNITS: ReadonlyMap<string, UnitSize> = new Map([
  ...prefixed(
    { ...SMALL, ...DECIMAL },
    {
      J: [1, ENERGY],
      W: [1, [1, 2, -3, 0, 0]],
      V: [1, [1, 2, -3, -1, 0]],
      A: [1, [0, 0, 0, 1, 0]],
      s: [1, [0, 0, 1, 0, 0]],
      Hz: [1, [0, 0, -1, 0, 0]],
      eV: [1.602176565e-19, ENERGY],
    },
  ),
  ...prefixed({ ...DECIMAL, ...BINARY }, { B: [8, INFORMATION], b: [1, INFORMATION] }),
  ...prefixed({}, { byte: [8, INFORMATION], bytes: [8, INFORMATION], bit: [1, INFORMATION], bits: [1, INFORMATION] }),
]);

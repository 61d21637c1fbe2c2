/**
 * Arithmetic on numbers, names and units without mathjs, which takes longer to load than most commands run: the same precedence
 * and the same operations in the same order, so that numbers are equal to the last bit. Whatever else a text holds, and whatever
 * is wrong with it, is left to mathjs.
 */
import { MOST_EXPONENT, MOST_FORMULA_CHARACTERS, MOST_FORMULA_LEVELS } from "./limits.ts";
import { type Dimensions, UNITS } from "./units-table.ts";

/** A number of units; without `value` one of each, as `J / s`. */
interface Quantity {
  readonly value: number | undefined;
  readonly units: readonly { readonly size: number; readonly power: number }[];
  readonly dimensions: Dimensions;
}

type Value = number | Quantity;
type Values = Readonly<Record<string, number>>;
type Node = (values: Values) => Value;

/** The value of a formula in `unit`; undefined where it is not for this file. */
export type PlainFormula = (values: Values, unit: string) => number | undefined;

/** Left to mathjs. */
class NotPlain extends Error {}

/** Longer formulas are not plain. */
const MOST_TOKENS = 100;
const TOKEN =
  /[ \t]*(?:((?!0[box])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![.\deE_]))|([A-Za-z]+(?![\w.]))|([-+*/^()]))[ \t]*/y;

/** Reads arithmetic on numbers, `names` and units; undefined for everything else. */
export function plainFormula(text: string, names: readonly string[]): PlainFormula | undefined {
  const node = attempt(() => parse(text, names));
  if (node === undefined) return undefined;
  return (values, unit) => attempt(() => inUnit(node(values), parse(unit, [])({})));
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

type Token = { readonly kind: "number" | "name" | "sign"; readonly text: string };

function tokensOf(text: string): Token[] {
  if (text.length > MOST_FORMULA_CHARACTERS) throw new NotPlain();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const [, number, name, sign] = TOKEN.exec(text) ?? [];
    if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (name !== undefined) tokens.push({ kind: "name", text: name });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
    else throw new NotPlain();
    if (tokens.length > MOST_TOKENS) throw new NotPlain();
  }
  return tokens;
}

/** Products without a sign bind tighter than those with one, but not than the quotient of two numbers, as in `1/2 pJ`. */
function parse(text: string, names: readonly string[]): Node {
  const tokens = tokensOf(text);
  let [at, levels] = [0, 0];
  const kindAt = (index: number) => tokens[index]?.kind;
  const isSign = (...signs: readonly string[]) => kindAt(at) === "sign" && signs.includes(tokens[at].text);
  const chain = (next: () => Node, ...signs: readonly string[]) => {
    let node = next();
    while (isSign(...signs)) node = binary(tokens[at++].text, node, next());
    return node;
  };
  const sum = (): Node => chain(product, "+", "-");
  const product = (): Node => chain(unsigned, "*", "/");
  const unsigned = (): Node => {
    let node = quotientOfNumbers();
    while (kindAt(at) === "name") node = binary("*", node, unary());
    // After a name they are arguments; the rest is rare.
    if (kindAt(at) === "number" || isSign("(")) throw new NotPlain();
    return node;
  };
  const quotientOfNumbers = (): Node => {
    const start = at;
    const node = unary();
    const isNumber = kindAt(at - 1) === "number" && at - start <= 2;
    if (!isNumber || !isSign("/") || kindAt(at + 1) !== "number" || kindAt(at + 2) !== "name") return node;
    at++;
    return binary("/", node, unary());
  };
  const unary = (): Node => {
    if (!isSign("-", "+")) return power();
    const sign = tokens[at++].text;
    const node = unary();
    return sign === "+" ? node : (values) => negative(node(values));
  };
  const power = (): Node => {
    const base = atom();
    if (!isSign("^")) return base;
    at++;
    return binary("^", base, unary());
  };
  const atom = (): Node => {
    const token = tokens[at++];
    if (token?.kind === "number") return () => Number(token.text);
    if (token?.kind === "name") return named(token.text, names);
    if (token?.text !== "(" || ++levels > MOST_FORMULA_LEVELS) throw new NotPlain();
    const node = sum();
    if (!isSign(")")) throw new NotPlain();
    levels--;
    at++;
    return node;
  };
  const node = sum();
  if (at < tokens.length) throw new NotPlain();
  return node;
}

function named(name: string, names: readonly string[]): Node {
  if (names.includes(name)) return (values) => values[name];
  const unit = UNITS.get(name);
  if (unit === undefined) throw new NotPlain();
  const { size, dimensions } = unit;
  return () => ({ value: undefined, units: [{ size, power: 1 }], dimensions });
}

const OPERATIONS: Readonly<Record<string, (a: Value, b: Value) => Value>> = {
  "+": (a, b) => sumOf(a, b, 1),
  "-": (a, b) => sumOf(a, b, -1),
  "*": (a, b) => productOf(a, b, 1),
  "/": (a, b) => productOf(a, b, -1),
  "^": powerOf,
};

function binary(sign: string, left: Node, right: Node): Node {
  return (values) => OPERATIONS[sign](left(values), right(values));
}

function negative(value: Value): Value {
  if (typeof value === "number") return -value;
  if (value.value === undefined) throw new NotPlain();
  return { ...value, value: -value.value };
}

function sumOf(a: Value, b: Value, sign: 1 | -1): Value {
  if (typeof a === "number" && typeof b === "number") return sign === 1 ? a + b : a - b;
  if (typeof a === "number" || typeof b === "number" || !sameDimensions(a, b)) throw new NotPlain();
  if (a.value === undefined || b.value === undefined) throw new NotPlain();
  return { ...a, value: sign === 1 ? a.value + b.value : a.value - b.value };
}

function productOf(a: Value, b: Value, sign: 1 | -1): Value {
  if (typeof a === "number" && typeof b === "number") return sign === 1 ? a * b : a / b;
  const [x, y] = [quantityOf(a), quantityOf(b)];
  const dimensions = x.dimensions.map((power, index) => power + sign * y.dimensions[index]);
  const units = [...x.units, ...y.units.map(({ size, power }) => ({ size, power: sign * power }))];
  const hasValue = x.value !== undefined || y.value !== undefined;
  const value = sign === 1 ? sizeOf(x) * sizeOf(y) : sizeOf(x) / sizeOf(y);
  return simplified({ value: hasValue ? value : undefined, units, dimensions });
}

function powerOf(base: Value, exponent: Value): Value {
  if (typeof exponent !== "number" || !(Math.abs(exponent) <= MOST_EXPONENT)) throw new NotPlain();
  if (typeof base === "number") return realPower(base, exponent);
  return simplified({
    value: base.value === undefined ? undefined : realPower(base.value, exponent),
    units: base.units.map(({ size, power }) => ({ size, power: power * exponent })),
    dimensions: base.dimensions.map((power) => power * exponent),
  });
}

function realPower(base: number, exponent: number): number {
  if (base < 0 && !Number.isInteger(exponent)) throw new NotPlain();
  return base ** exponent;
}

function quantityOf(value: Value): Quantity {
  return typeof value === "number" ? { value, units: [], dimensions: [0, 0, 0, 0, 0] } : value;
}

/** In base units. */
function sizeOf({ value, units }: Quantity): number {
  return value ?? units.reduce((product, { size, power }) => product * size ** power, 1);
}

const SAME = 1e-12;

function simplified(quantity: Quantity): Value {
  const { value, dimensions } = quantity;
  return value !== undefined && dimensions.every((power) => Math.abs(power) <= SAME) ? value : quantity;
}

function sameDimensions(a: Quantity, b: Quantity): boolean {
  return a.dimensions.every((power, index) => Math.abs(power - b.dimensions[index]) <= SAME);
}

function inUnit(value: Value, unit: Value): number {
  if (typeof value === "number" || typeof unit === "number" || !sameDimensions(value, unit)) throw new NotPlain();
  return unit.units.reduce((rest, { size, power }) => rest / size ** power, sizeOf(value));
}

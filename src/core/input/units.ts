/** Quantities of hardware configs and energy tables, written with units ("1 GHz", "256 KiB", "0.4 pJ"), as plain numbers. */
import { type Formula, type FormulaKind, inUnits, parseFormula } from "./formula.ts";
import { faultsOf, InputError } from "./input-error.ts";
import { MOST_PICOJOULES } from "./limits.ts";
import { plainFormula } from "./plain-formula.ts";

/** The units that a field may be given in: the base unit and an example for messages. */
const DIMENSIONS = {
  frequency: { base: "Hz", example: "1 GHz" },
  size: { base: "B", example: "256 KiB" },
  bandwidth: { base: "B/s", example: "51.2 GB/s" },
} as const;

const CONSTANT: FormulaKind = { names: [], hasUnits: true };
const NO_VALUES: ReadonlyMap<string, number> = new Map();

/**
 * Value of `text` in hertz, bytes or bytes per second; sizes are whole bytes.
 * @throws InputError that begins with `where` for another dimension or a value that is not positive.
 */
export function quantity(dimension: keyof typeof DIMENSIONS, text: string, where: string): number {
  const { base, example } = DIMENSIONS[dimension];
  const got = `got "${shortened(text)}"; valid: `;
  const value =
    plainFormula(text, [])?.({}, base) ??
    explained(`${where}: is not a ${dimension}, ${got}a number with a unit, as "${example}"`, () =>
      inUnits(parseFormula(text, CONSTANT).evaluate(NO_VALUES), base),
    );
  if (!(value > 0 && Number.isFinite(value))) {
    throw new InputError([`${where}: must be finite and more than zero, ${got}as "${example}"`]);
  }
  if (dimension !== "size") return value;
  const bytes = Math.round(value);
  if (bytes === 0 || Math.abs(value - bytes) > ROUNDING * bytes) {
    throw new InputError([`${where}: must be a whole number of bytes, ${got}as "${example}"`]);
  }
  return bytes;
}

/** Relative error of a whole size that was written as a decimal fraction, as "1.1 MB". */
const ROUNDING = 1e-12;

/**
 * Energy in picojoules as a function of named numbers, from an expression as "0.9 pJ" or "2 pJ * (kilobytes / 8) ^ 0.5".
 * @param example values to try it with. @throws InputError that begins with `where` for what is no energy there; so does the
 * function for other values.
 */
export function energyFormula(
  text: string,
  example: Readonly<Record<string, number>>,
  where: string,
): (values: Readonly<Record<string, number>>) => number {
  const names = Object.keys(example);
  const got = `got "${shortened(text)}"`;
  const valid = `valid: as "0.9 pJ"${names.map((name) => `, in terms of ${name}`).join("")}, from 0 to 1 J`;
  const refusal = `${where}: is not an energy, ${got}; ${valid}`;
  const plain = plainFormula(text, names);
  let formula: Formula | undefined;
  const evaluate = (values: Readonly<Record<string, number>>): number => {
    const energy =
      plain?.(values, "pJ") ??
      explained(refusal, () => {
        formula ??= parseFormula(text, { names, hasUnits: true });
        return inUnits(formula.evaluate(new Map(Object.entries(values))), "pJ");
      });
    if (energy >= 0 && energy <= MOST_PICOJOULES) return energy;
    const at = Object.entries(values).map(([name, value]) => ` at ${value} ${name}`);
    throw new InputError([`${where}: is ${energy} pJ${at.join("")}, ${got}; ${valid}`]);
  };
  evaluate(example);
  return evaluate;
}

/** What `action` gives; where a formula refuses, `refusal` and in brackets why. */
function explained<T>(refusal: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new InputError([`${refusal} (${faultsOf(cause).join("; ")})`], { cause });
  }
}

const SHOWN_CHARACTERS = 100;

function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

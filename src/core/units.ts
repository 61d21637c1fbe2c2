/** Quantities of hardware configs and energy tables, written with units ("1 GHz", "256 KiB", "0.4 pJ"), as plain numbers. mathjs parses them. */

import math from "mathjs/lib/browser/math.js";
import { InputError } from "./input-error.ts";

/** The units that a field may be given in: the base unit and an example for messages. */
const DIMENSIONS = {
  frequency: { base: "Hz", example: "1 GHz" },
  size: { base: "B", example: "256 KiB" },
  bandwidth: { base: "B/s", example: "51.2 GB/s" },
} as const;

/**
 * Value of `text` in hertz, bytes or bytes per second; sizes are whole bytes.
 * @throws Error that begins with `where` for another dimension or a value that is not positive.
 */
export function quantity(dimension: keyof typeof DIMENSIONS, text: string, where: string): number {
  const { base, example } = DIMENSIONS[dimension];
  let value: number;
  try {
    value = math.unit(text).toNumber(base);
  } catch (cause) {
    throw new InputError(
      [`${where}: is not a ${dimension}, got "${text}"; valid: a number with a unit, as "${example}"`],
      {
        cause,
      },
    );
  }
  if (!(value > 0 && Number.isFinite(value))) {
    throw new InputError([`${where}: must be finite and more than zero, got "${text}"; valid: as "${example}"`]);
  }
  if (dimension !== "size") return value;
  const bytes = Math.round(value);
  if (bytes === 0 || Math.abs(value - bytes) > ROUNDING * bytes) {
    throw new InputError([`${where}: must be a whole number of bytes, got "${text}"; valid: as "${example}"`]);
  }
  return bytes;
}

/** Relative error of a whole size that was written as a decimal fraction, as "1.1 MB". */
const ROUNDING = 1e-12;

/**
 * Energy in picojoules as a function of named numbers, from an expression as "0.9 pJ" or "2 pJ * (kilobytes / 8) ^ 0.5".
 * @param example values to try it with. @throws Error that begins with `where` for what is no energy there; so does the
 * function for other values.
 */
export function energyFormula(
  text: string,
  example: Readonly<Record<string, number>>,
  where: string,
): (values: Readonly<Record<string, number>>) => number {
  const names = Object.keys(example).map((name) => `, in terms of ${name}`);
  const valid = `valid: as "0.9 pJ"${names.join("")}, and not less than zero`;
  const evaluate = (values: Readonly<Record<string, number>>): number => {
    let energy: unknown;
    try {
      energy = math.evaluate(text, { ...values }).toNumber("pJ");
    } catch (cause) {
      throw new InputError([`${where}: is not an energy, got "${text}"; ${valid}`], { cause });
    }
    if (typeof energy === "number" && energy >= 0 && energy < Number.POSITIVE_INFINITY) return energy;
    const at = Object.entries(values).map(([name, value]) => ` at ${value} ${name}`);
    throw new InputError([`${where}: is ${energy} pJ${at.join("")}, got "${text}"; ${valid}`]);
  };
  evaluate(example);
  return evaluate;
}

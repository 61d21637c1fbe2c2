/** Quantities of hardware configs, written with units ("1 GHz", "256 KiB", "51.2 GB/s"), as plain numbers. mathjs parses them. */
import math from "mathjs/lib/browser/math.js";

/** The units that a field may be given in: the base unit and an example for messages. */
const DIMENSIONS = {
  frequency: { base: "Hz", example: "1 GHz" },
  size: { base: "B", example: "256 KiB" },
  bandwidth: { base: "B/s", example: "51.2 GB/s" },
} as const;

/** Value of `text` in hertz, bytes or bytes per second. @throws Error that begins with `where` for another dimension or a value that is not positive. */
export function quantity(dimension: keyof typeof DIMENSIONS, text: string, where: string): number {
  const { base, example } = DIMENSIONS[dimension];
  let value: number;
  try {
    value = math.unit(text).toNumber(base);
  } catch (cause) {
    throw new Error(`${where}: is not a ${dimension}, got "${text}"; valid: a number with a unit, as "${example}"`, {
      cause,
    });
  }
  if (!(value > 0 && Number.isFinite(value))) {
    throw new Error(`${where}: must be finite and more than zero, got "${text}"; valid: as "${example}"`);
  }
  return value;
}

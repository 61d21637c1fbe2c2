/** Numbers for people: the same text everywhere, whatever the language of the system. */

const PREFIXES = ["", "k", "M", "G", "T", "P"] as const;
const KILO = 1000;
const PERCENT = 100;
const PICO = 1e-12;
const SMALL = ["p", "n", "µ", "m", ""] as const;
const DIGITS = 3;

/** A ratio with two decimals; – for none. */
export function times(ratio: number | null): string {
  return ratio === null || !Number.isFinite(ratio) ? "–" : ratio.toFixed(2);
}

/** A share in percent with one decimal; – for none. */
export function share(fraction: number | null): string {
  return fraction === null ? "–" : `${(fraction * PERCENT).toFixed(1)} %`;
}

/** A whole number in groups of three digits. */
export function grouped(count: number): string {
  return Number.isInteger(count) ? count.toLocaleString("en-US") : String(Number(count.toPrecision(DIGITS)));
}

/** Three digits and a decimal prefix: 4096e9, "MAC/s" → "4.10 TMAC/s". */
export function withUnit(value: number, unit: string): string {
  let scaled = value;
  let at = 0;
  for (; Math.abs(scaled) >= KILO && at < PREFIXES.length - 1; at++) scaled /= KILO;
  return `${rounded(scaled)} ${PREFIXES[at]}${unit}`.trim();
}

/** Energy: 1234567 pJ → "1.23 µJ". */
export function joules(picojoules: number): string {
  return small(picojoules * PICO, "J");
}

/** Time: 0.000049 s → "49.0 µs". */
export function time(seconds: number): string {
  return small(seconds, "s");
}

function small(value: number, unit: string): string {
  let at = 0;
  let scaled = value / PICO;
  for (; Math.abs(scaled) >= KILO && at < SMALL.length - 1; at++) scaled /= KILO;
  return `${rounded(scaled)} ${SMALL[at]}${unit}`;
}

/** Three significant digits, without an exponent: large ones keep all digits before the point. */
function rounded(value: number): string {
  const digits = Math.abs(value) < 1 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.max(0, DIGITS - 1 - digits));
}

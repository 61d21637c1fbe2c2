/**
 * The two-sided 95 % quantile of Student's t. Closed forms for one and two degrees of freedom, else an expansion.
 * Source: G. W. Hill, Algorithm 396: Student's t-Quantiles, Communications of the ACM 13 (1970).
 */

/** 1 − confidence, both tails. */
const TAILS = 0.05;
/** The quantile of the normal distribution. */
const NORMAL = 1.959963984540054;

/** What |t| stays below with 95 %; degrees of freedom are rounded down to whole ones, at least one. */
export function student95(degrees: number): number {
  const n = Math.max(1, Math.floor(degrees));
  if (n === 1) return 1 / Math.tan((TAILS * Math.PI) / 2);
  if (n === 2) return Math.sqrt(2 / (TAILS * (2 - TAILS)) - 2);
  const a = 1 / (n - 0.5);
  const b = 48 / a ** 2;
  let c = (((20700 * a) / b - 98) * a - 16) * a + 96.36;
  const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * n;
  let x = d * TAILS;
  let y = x ** (2 / n);
  if (y > 0.05 + a) {
    x = -NORMAL;
    y = x * x;
    if (n < 5) c += 0.3 * (n - 4.5) * (x + 0.6);
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
    y = a * y * y;
    y = y > 0.002 ? Math.expm1(y) : 0.5 * y * y + y;
  } else {
    y =
      ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * ((n + 1) / (n + 2)) +
      1 / y;
  }
  return Math.sqrt(n * y);
}

/** The normal distribution in one and two dimensions, and points that stand for it in sums. */
import { mathjs } from "../../core/mathjs.ts";
import { inverseNormal } from "../../core/random.ts";

/** P(z < x) of a standard normal deviate z. */
export function normalCdf(x: number): number {
  return (1 + mathjs().erf(x / Math.SQRT2)) / 2;
}

/** Intervals of Simpson's rule; even. */
const INTERVALS = 16;

/**
 * P(a > t, b > t) of two standard normal deviates with correlation r in [0, 1]:
 * P(a > t)² + 1/2π ∫₀^arcsin r exp(−t² / (1 + sin u)) du (Plackett 1954, in the variable of Drezner & Wesolowsky 1990).
 */
export function bothAbove(t: number, r: number): number {
  const end = Math.asin(r);
  const at = (u: number) => Math.exp((-t * t) / (1 + Math.sin(u)));
  let sum = at(0) + at(end);
  for (let i = 1; i < INTERVALS; i++) sum += (i % 2 === 1 ? 4 : 2) * at((i * end) / INTERVALS);
  return normalCdf(-t) ** 2 + (sum * end) / (3 * INTERVALS) / (2 * Math.PI);
}

/** `count` equally likely values with mean 0 and variance 1 that stand for a normal deviate. */
export function normalNodes(count: number): Float64Array {
  const nodes = Float64Array.from({ length: count }, (_, i) => inverseNormal((i + 0.5) / count));
  const deviation = Math.sqrt(nodes.reduce((sum, z) => sum + z * z, 0) / count);
  return nodes.map((z) => z / deviation);
}

/** The x in [low, high] at which the growing function f reaches 0; the nearer end where it does not. */
export function rootOf(f: (x: number) => number, low: number, high: number): number {
  let [below, above] = [low, high];
  for (let step = 0; step < BISECTIONS; step++) {
    const middle = (below + above) / 2;
    if (f(middle) < 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

const BISECTIONS = 40;

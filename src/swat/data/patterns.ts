/**
 * The ten shapes of the generated data set, as functions of a position inside the unit disc around the shape's centre:
 * 1 on a stroke, 0 beside it, a ramp between. Only + − × and square root: the same bits on every machine.
 */

/** One class of shapes. */
export interface Pattern {
  readonly name: string;
  /** Brightness 0 … 1 at (u, v), u to the right and v downwards, u² + v² ≤ 1. */
  readonly value: (u: number, v: number) => number;
}

/** Half the width of a stroke, and of the ramp at its edge, in radii. */
const STROKE = 0.18;
const RAMP = 0.12;
/** Distance of neighbouring stripes, in radii. */
const PERIOD = 0.8;
const RING_RADIUS = 0.72;
const DISC_RADIUS = 0.75;
const SQUARE_HALF = 0.6;

/** Class k is PATTERNS[k]. */
export const PATTERNS: readonly Pattern[] = [
  { name: "horizontal stripes", value: (_u, v) => stripes(v) },
  { name: "vertical stripes", value: (u) => stripes(u) },
  { name: "rising stripes", value: (u, v) => stripes((u + v) * Math.SQRT1_2) },
  { name: "falling stripes", value: (u, v) => stripes((u - v) * Math.SQRT1_2) },
  { name: "plus", value: (u, v) => stroke(Math.min(Math.abs(u), Math.abs(v))) },
  { name: "saltire", value: (u, v) => stroke(Math.min(Math.abs(u + v), Math.abs(u - v)) * Math.SQRT1_2) },
  { name: "ring", value: (u, v) => stroke(Math.sqrt(u * u + v * v) - RING_RADIUS) },
  { name: "disc", value: (u, v) => edge(DISC_RADIUS - Math.sqrt(u * u + v * v)) },
  { name: "square outline", value: (u, v) => stroke(Math.max(Math.abs(u), Math.abs(v)) - SQUARE_HALF) },
  { name: "checkers", value: (u, v) => edge(u * v * 4) },
];

/** 1 deep inside (distance to the edge well above 0), 0 outside. */
function edge(inside: number): number {
  return Math.min(1, Math.max(0, 0.5 + inside / (2 * RAMP)));
}

/** A stroke along the points where `distance` is 0. */
function stroke(distance: number): number {
  return edge(STROKE - Math.abs(distance));
}

/** Parallel strokes, one through the centre. */
function stripes(across: number): number {
  return stroke(across - PERIOD * Math.round(across / PERIOD));
}

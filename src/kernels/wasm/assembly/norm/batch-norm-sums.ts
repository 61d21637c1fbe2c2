/** What the forward and the backward pass of batch norm share: how sums are laid out, added to and added up. */

/** Images of a block for which loops are unrolled. */
export const FULL: i32 = 32;

/** Adds the four floats of `v` to a sum of two doubles. */
// @inline
export function addTo(sum: usize, v: v128): void {
  const pair = f64x2.add(f64x2.promote_low_f32x4(v), f64x2.promote_low_f32x4(i64x2.shuffle(v, v, 1, 0)));
  v128.store(sum, f64x2.add(v128.load(sum), pair));
}

/** Total of the sums of all rows, in order. */
// @inline
export function sumOf(first: usize, rows: i32, stride: usize): f64 {
  let total = f64x2.splat(0);
  for (let row = 0; row < rows; row++) {
    total = f64x2.add(total, v128.load(first));
    first += stride;
  }
  return f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1);
}

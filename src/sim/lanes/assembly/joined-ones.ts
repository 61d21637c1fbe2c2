/** Ones of the conjunction of one row of words with each of many. */

const VECTOR: usize = 16;

/**
 * Stores at `counts`, as 32-bit numbers, how many ones each of the `rowCount` rows at `rows` has in common with `row`; a row has
 * `bytes` bytes, a multiple of 16.
 */
export function joinedOnes(rows: usize, rowCount: usize, row: usize, bytes: usize, counts: usize): void {
  for (const end = counts + 4 * rowCount; counts < end; counts += 4) {
    let sums = i32x4.splat(0);
    for (let at: usize = 0; at < bytes; at += VECTOR, rows += VECTOR) {
      const ones = i8x16.popcnt(v128.and(v128.load(rows), v128.load(row + at)));
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(ones)));
    }
    const sum =
      i32x4.extract_lane(sums, 0) +
      i32x4.extract_lane(sums, 1) +
      i32x4.extract_lane(sums, 2) +
      i32x4.extract_lane(sums, 3);
    store<i32>(counts, sum);
  }
}

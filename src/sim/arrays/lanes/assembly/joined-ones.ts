/** Ones of the conjunction of one row of words with each of many, chunk by chunk. */

const VECTOR: usize = 16;

/**
 * Stores at `counts`, as 32-bit numbers, how many ones each of the `rowCount` rows at `rows` has in common with `row` in each chunk: the
 * first chunk of all rows, then the second. A row has `bytes` bytes, a multiple of `chunk`, which is a multiple of 16.
 */
export function joinedOnes(rows: usize, rowCount: usize, row: usize, bytes: usize, chunk: usize, counts: usize): void {
  const stride = 4 * rowCount;
  for (const end = counts + stride; counts < end; counts += 4) {
    let to = counts;
    for (let at: usize = 0; at < bytes; to += stride) {
      let sums = i32x4.splat(0);
      for (const until = at + chunk; at < until; at += VECTOR, rows += VECTOR) {
        const ones = i8x16.popcnt(v128.and(v128.load(rows), v128.load(row + at)));
        sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(ones)));
      }
      const sum =
        i32x4.extract_lane(sums, 0) +
        i32x4.extract_lane(sums, 1) +
        i32x4.extract_lane(sums, 2) +
        i32x4.extract_lane(sums, 3);
      store<i32>(to, sum);
    }
  }
}

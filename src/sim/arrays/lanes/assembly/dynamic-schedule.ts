/**
 * Eight dynamic schedules side by side: each of the eight 16-bit lanes of a vector is the lane word of another buffer. The
 * same rules as `dynamic-schedule.ts`, with what the scheduled buffers cost worked out on the way (`set-costs.ts`).
 *
 * Memory, in bytes from `buffer`: word [(line · rows + row) · 8 + stream] of 16 bits; `lookahead` lines of zeros follow.
 */

const VECTOR: usize = 16;

/** Bytes of the results behind `costs`: leading zero lines, cycles after them, skip count at the end (−1: zeros only). */
// @inline
function store3(costs: usize, leading: v128, rest: v128, end: v128): void {
  v128.store(costs, leading);
  v128.store(costs, rest, VECTOR);
  v128.store(costs, end, 2 * VECTOR);
}

// @inline
function anyOf(line: usize, rows: usize): v128 {
  let any = v128.load(line);
  for (let r: usize = 1; r < rows; r++) any = v128.or(any, v128.load(line + r * VECTOR));
  return any;
}

/** Fills the zero lanes of the row at `at` in the streams of `active`. */
// @inline
function fillRow(
  at: usize,
  lineBytes: usize,
  active: v128,
  full: v128,
  lanes: i32,
  batches: usize,
  batchesEnd: usize,
  offsets: usize,
  offsetsEnd: usize,
): void {
  let word = v128.load(at);
  const holes = v128.andnot(v128.and(active, full), word);
  if (!v128.any_true(holes)) return;
  for (let b = batches; b < batchesEnd; b += 4) {
    let wanting = v128.and(holes, i16x8.splat(<i16>load<i32>(b)));
    if (!v128.any_true(wanting)) continue;
    for (let o = offsets; o < offsetsEnd; o += 8) {
      const source = at + <usize>load<i32>(o) * lineBytes;
      const turn = load<i32>(o, 4);
      const values = v128.load(source);
      const turned = v128.or(i16x8.shr_u(values, turn), i16x8.shl(values, lanes - turn));
      const served = v128.and(turned, wanting);
      if (!v128.any_true(served)) continue;
      const taken = v128.or(i16x8.shl(served, turn), i16x8.shr_u(served, lanes - turn));
      v128.store(source, v128.andnot(values, v128.and(taken, full)));
      word = v128.or(word, served);
      wanting = v128.andnot(wanting, served);
      if (!v128.any_true(wanting)) break;
    }
  }
  v128.store(at, word);
}

// @inline
function rotatedRight(words: v128, turn: i32): v128 {
  return v128.or(i16x8.shr_u(words, turn), i16x8.shl(words, 16 - turn));
}

// @inline
function rotatedLeft(words: v128, turn: i32): v128 {
  return v128.or(i16x8.shl(words, turn), i16x8.shr_u(words, 16 - turn));
}

/**
 * As `fillRow` for 16 lanes and TensorDash's published search map (`isPublished` of `side-by-side.ts`): with its options compiled in,
 * each served without a look whether it is wanted.
 */
// @inline
function fillPublished(at: usize, lineBytes: usize, active: v128, batches: usize, batchesEnd: usize): void {
  let word = v128.load(at);
  const holes = v128.andnot(active, word);
  if (!v128.any_true(holes)) return;
  let one = v128.load(at + lineBytes);
  let two = v128.load(at + 2 * lineBytes);
  if (!v128.any_true(v128.or(one, two))) return;
  for (let b = batches; b < batchesEnd; b += 4) {
    const visited = v128.and(holes, i16x8.splat(<i16>load<i32>(b)));
    let served = v128.and(one, visited);
    one = v128.xor(one, served);
    let wanting = v128.xor(visited, served);
    served = v128.and(two, wanting);
    two = v128.xor(two, served);
    wanting = v128.xor(wanting, served);
    served = v128.and(rotatedRight(one, 15), wanting);
    one = v128.xor(one, rotatedLeft(served, 15));
    wanting = v128.xor(wanting, served);
    served = v128.and(rotatedRight(one, 1), wanting);
    one = v128.xor(one, rotatedLeft(served, 1));
    wanting = v128.xor(wanting, served);
    served = v128.and(rotatedRight(two, 14), wanting);
    two = v128.xor(two, rotatedLeft(served, 14));
    wanting = v128.xor(wanting, served);
    served = v128.and(rotatedRight(two, 2), wanting);
    two = v128.xor(two, rotatedLeft(served, 2));
    wanting = v128.xor(wanting, served);
    served = v128.and(rotatedRight(one, 13), wanting);
    one = v128.xor(one, rotatedLeft(served, 13));
    wanting = v128.xor(wanting, served);
    word = v128.or(word, v128.andnot(visited, wanting));
  }
  v128.store(at, word);
  v128.store(at + lineBytes, one);
  v128.store(at + 2 * lineBytes, two);
}

/**
 * Schedules `lines` lines in place and stores the costs. `batches` are words of lanes that are served at once, `offsets`
 * pairs (lines ahead, turn), both 32-bit; not read where the search map is the published one.
 */
export function schedule(
  buffer: usize,
  lines: usize,
  rows: usize,
  lanes: i32,
  lookahead: i32,
  batches: usize,
  batchCount: usize,
  offsets: usize,
  offsetCount: usize,
  isPublished: bool,
  costs: usize,
): void {
  const full = i16x8.splat(<i16>(((<i32>1) << lanes) - 1));
  const zero = i16x8.splat(0);
  const ahead = i16x8.splat(<i16>lookahead);
  const lineBytes = rows * VECTOR;
  const batchesEnd = batches + batchCount * 4;
  const offsetsEnd = offsets + offsetCount * 8;
  /** Lines skipped in a row while scheduling, and while counting. */
  let skipped = zero;
  let idle = zero;
  let started = zero;
  let leading = zero;
  let rest = zero;
  for (let t: usize = 0, line = buffer; t < lines; t++, line += lineBytes) {
    const skips = v128.and(i16x8.eq(anyOf(line, rows), zero), i16x8.lt_s(skipped, ahead));
    skipped = v128.and(i16x8.sub(skipped, i16x8.splat(-1)), skips);
    const active = v128.not(skips);
    if (v128.any_true(active)) {
      if (isPublished) {
        for (let at = line; at < line + lineBytes; at += VECTOR) {
          fillPublished(at, lineBytes, active, batches, batchesEnd);
        }
      } else {
        for (let at = line; at < line + lineBytes; at += VECTOR) {
          fillRow(at, lineBytes, active, full, lanes, batches, batchesEnd, offsets, offsetsEnd);
        }
      }
    }
    const empty = i16x8.eq(anyOf(line, rows), zero);
    started = v128.or(started, v128.not(empty));
    leading = i16x8.sub(leading, v128.not(started));
    // An empty line after the first full one costs nothing while fewer than `lookahead` were skipped before it.
    const free = v128.and(v128.and(empty, started), i16x8.lt_s(idle, ahead));
    idle = v128.and(i16x8.sub(idle, i16x8.splat(-1)), free);
    rest = i16x8.sub(rest, v128.andnot(started, free));
  }
  store3(costs, leading, rest, v128.or(idle, v128.not(started)));
}

/** Stores the nonzeros of each stream, and those of its fullest row, as 32-bit counts at `counts`, 8 and 8 of them. */
export function count(buffer: usize, lines: usize, rows: usize, counts: usize): void {
  let totalLow = i32x4.splat(0);
  let totalHigh = i32x4.splat(0);
  let mostLow = i32x4.splat(0);
  let mostHigh = i32x4.splat(0);
  for (let r: usize = 0; r < rows; r++) {
    let low = i32x4.splat(0);
    let high = i32x4.splat(0);
    for (let t: usize = 0, at = buffer + r * VECTOR; t < lines; t++, at += rows * VECTOR) {
      const ones = i16x8.extadd_pairwise_i8x16_u(i8x16.popcnt(v128.load(at)));
      low = i32x4.add(low, i32x4.extend_low_i16x8_u(ones));
      high = i32x4.add(high, i32x4.extend_high_i16x8_u(ones));
    }
    totalLow = i32x4.add(totalLow, low);
    totalHigh = i32x4.add(totalHigh, high);
    mostLow = i32x4.max_s(mostLow, low);
    mostHigh = i32x4.max_s(mostHigh, high);
  }
  v128.store(counts, totalLow);
  v128.store(counts, totalHigh, VECTOR);
  v128.store(counts, mostLow, 2 * VECTOR);
  v128.store(counts, mostHigh, 3 * VECTOR);
}

/** Eight 32-bit words from `at` on, which use 16 bits each, as eight 16-bit lanes. */
// @inline
function narrow8(at: usize): v128 {
  return i16x8.narrow_i32x4_u(v128.load(at), v128.load(at, VECTOR));
}

/**
 * The conjunctions of eight sets of rows side by side, word [(line · rows + row) · 8 + set] of 16 bits at `sets`, with all
 * columns, 32-bit word [line · columns + column], each a row of its own: [((line · rows + row) · columns + column) · 8 + set].
 */
// @inline
function join(sets: usize, rows: usize, columnWords: usize, columns: usize, lines: usize, buffer: usize): void {
  const columnBytes = columns * 4;
  let to = buffer;
  for (let t: usize = 0; t < lines; t++, columnWords += columnBytes) {
    for (let r: usize = 0; r < rows; r++, sets += VECTOR) {
      const words = v128.load(sets);
      for (let c = columnWords, end = columnWords + columnBytes; c < end; c += 4, to += VECTOR) {
        v128.store(to, v128.and(words, i16x8.splat(<i16>load<i32>(c))));
      }
    }
  }
}

/**
 * Schedules the pairs of `groups` times eight sets of rows, one group behind the other at `sets`, with all columns. For each group
 * the costs and the counts are stored at `results`, one behind the other. What follows `lookahead` is as for `schedule`.
 */
export function schedulePairs(
  sets: usize,
  groups: usize,
  rows: usize,
  columnWords: usize,
  columns: usize,
  lines: usize,
  buffer: usize,
  lanes: i32,
  lookahead: i32,
  batches: usize,
  batchCount: usize,
  offsets: usize,
  offsetCount: usize,
  isPublished: bool,
  results: usize,
): void {
  const pairs = rows * columns;
  const end = buffer + lines * pairs * VECTOR;
  for (let group: usize = 0; group < groups; group++) {
    join(sets, rows, columnWords, columns, lines, buffer);
    for (let at = end; at < end + lookahead * pairs * VECTOR; at += VECTOR) v128.store(at, i16x8.splat(0));
    count(buffer, lines, pairs, results + 3 * VECTOR);
    schedule(buffer, lines, pairs, lanes, lookahead, batches, batchCount, offsets, offsetCount, isPublished, results);
    sets += lines * rows * VECTOR;
    results += 7 * VECTOR;
  }
}

/**
 * Lays eight buffers of 32-bit words, `bytes` apart from `source` on, side by side at `buffer`; `words` is rounded up to a
 * multiple of eight.
 */
export function interleave(source: usize, bytes: usize, words: usize, buffer: usize): void {
  for (let from = source, to = buffer, end = source + words * 4; from < end; from += 32, to += 8 * VECTOR) {
    const a = narrow8(from);
    const b = narrow8(from + bytes);
    const c = narrow8(from + 2 * bytes);
    const d = narrow8(from + 3 * bytes);
    const e = narrow8(from + 4 * bytes);
    const f = narrow8(from + 5 * bytes);
    const g = narrow8(from + 6 * bytes);
    const h = narrow8(from + 7 * bytes);
    half(lowWords(a, b), lowWords(c, d), lowWords(e, f), lowWords(g, h), to);
    half(highWords(a, b), highWords(c, d), highWords(e, f), highWords(g, h), to + 4 * VECTOR);
  }
}

// @inline
function lowWords(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @inline
function highWords(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Four vectors of the result from pairs of streams. */
// @inline
function half(ab: v128, cd: v128, ef: v128, gh: v128, to: usize): void {
  const low = v128.shuffle<i32>(ab, cd, 0, 4, 1, 5);
  const high = v128.shuffle<i32>(ab, cd, 2, 6, 3, 7);
  const lowNext = v128.shuffle<i32>(ef, gh, 0, 4, 1, 5);
  const highNext = v128.shuffle<i32>(ef, gh, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(low, lowNext, 0, 2));
  v128.store(to, v128.shuffle<i64>(low, lowNext, 1, 3), VECTOR);
  v128.store(to, v128.shuffle<i64>(high, highNext, 0, 2), 2 * VECTOR);
  v128.store(to, v128.shuffle<i64>(high, highNext, 1, 3), 3 * VECTOR);
}

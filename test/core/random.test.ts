/** Philox against Random123's known answers; streams against simple statistics (seeds are fixed, so results are too). */
import { describe, expect, it } from "vitest";
import { philox4x32, randomStream } from "../../src/core/random.ts";

/** Chi-square of `counts` against equal expectation. */
function chiSquare(counts: ArrayLike<number>): number {
  const all = Array.from(counts);
  const expected = all.reduce((sum, count) => sum + count, 0) / all.length;
  return all.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Chi-square of k degrees of freedom exceeds this with probability about 1e-4 (normal approximation, z = 3.72, rounded up to 4.5). */
function chiSquareLimit(degrees: number): number {
  return degrees + 4.5 * Math.sqrt(2 * degrees);
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    sumA += a[i];
    sumB += b[i];
    sumAA += a[i] * a[i];
    sumBB += b[i] * b[i];
    sumAB += a[i] * b[i];
  }
  return (n * sumAB - sumA * sumB) / Math.sqrt((n * sumAA - sumA * sumA) * (n * sumBB - sumB * sumB));
}

describe("Philox4x32-10", () => {
  // Random123, kat_vectors, lines "philox4x32 10".
  const vectors: [number[], number[], number[]][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  it.each(vectors)("gives Random123's answer for counter %j and key %j", ([c0, c1, c2, c3], [k0, k1], expected) => {
    const output = new Uint32Array(4);
    philox4x32(output, c0, c1, c2, c3, k0, k1);
    expect(Array.from(output)).toEqual(expected);
  });
});

describe("a random stream", () => {
  it("gives the same draws for the same seed, purpose and indices", () => {
    const a = randomStream(7, "weights", 1, 2);
    const b = randomStream(7, "weights", 1, 2);
    for (let i = 0; i < 100; i++) expect(a.next()).toBe(b.next());
  });

  it("keeps its numbers from one version to the next", () => {
    const stream = randomStream(1, "golden");
    expect([stream.next(), stream.next(), stream.next()]).toEqual([0xbd1f7c7c, 0xef88ffa6, 0xa01214df]);
    // Python's statistics.NormalDist().inv_cdf((0xbd1f7c7c + 0.5) / 2 ** 32), good to 16 digits.
    expect(stream.normalAt(0)).toBeCloseTo(0.6395324429712541, 6);
  });

  it("addresses draw i whatever was drawn before", () => {
    const sequence = randomStream(3, "order");
    const drawn = Array.from({ length: 50 }, () => sequence.next());
    const addressed = randomStream(3, "order");
    addressed.normal();
    for (let i = 49; i >= 0; i--) expect(addressed.uint32At(i)).toBe(drawn[i]);
    expect(addressed.next()).toBe(drawn[1]);
  });

  it("differs in every word for a neighbouring seed, another purpose, another index and a substream", () => {
    const streams = [
      randomStream(1, "a"),
      randomStream(2, "a"),
      randomStream(1, "b"),
      randomStream(1, "a", 0),
      randomStream(1, "a", 1),
      randomStream(1, "a", 0, 1),
      randomStream(1, "a").substream(0),
      randomStream(1, "a").substream(1),
    ];
    const words = new Set(streams.flatMap((stream) => Array.from({ length: 64 }, () => stream.next())));
    expect(words.size).toBe(streams.length * 64);
  });

  it("refuses seeds and indices that are not finite, and a substream of a substream", () => {
    expect(() => randomStream(Number.NaN, "a")).toThrow("must be finite numbers, got NaN");
    expect(() => randomStream(1, "a", Number.POSITIVE_INFINITY)).toThrow("got Infinity");
    expect(() => randomStream(1, "a").substream(1).substream(2)).toThrow("a substream has no substreams");
  });

  it("is uniform over bins and over pairs of neighbouring draws", () => {
    const stream = randomStream(11, "uniformity");
    const bins = new Uint32Array(256);
    const pairs = new Uint32Array(32 * 32);
    let previous = stream.uniform();
    for (let i = 0; i < 200_000; i++) {
      const value = stream.uniform();
      bins[Math.floor(value * 256)]++;
      pairs[Math.floor(previous * 32) * 32 + Math.floor(value * 32)]++;
      previous = value;
    }
    expect(chiSquare(bins)).toBeLessThan(chiSquareLimit(255));
    expect(chiSquare(pairs)).toBeLessThan(chiSquareLimit(1023));
    expect(chiSquare(bins)).toBeGreaterThan(255 - 4.5 * Math.sqrt(510));
  });

  it("sets each of the 32 bits half of the time", () => {
    const stream = randomStream(12, "bits");
    const n = 50_000;
    const ones = new Uint32Array(32);
    for (let i = 0; i < n; i++) {
      const word = stream.uint32At(i);
      for (let bit = 0; bit < 32; bit++) ones[bit] += (word >>> bit) & 1;
    }
    for (const count of ones) expect(Math.abs(count / n - 0.5)).toBeLessThan(4.5 * Math.sqrt(0.25 / n));
  });

  it("does not correlate with neighbouring seeds, indices, substreams, or itself one draw later", () => {
    const n = 20_000;
    const drawsOf = (stream: { uniformAt(i: number): number }, from = 0) =>
      Array.from({ length: n }, (_, i) => stream.uniformAt(from + i));
    const root = randomStream(5, "independence");
    const base = drawsOf(root);
    const others = [
      drawsOf(root, 1),
      drawsOf(randomStream(6, "independence")),
      drawsOf(randomStream(5, "independence", 0)),
      drawsOf(root.substream(0)),
      drawsOf(root.substream(1)),
    ];
    for (const other of others) expect(Math.abs(correlation(base, other))).toBeLessThan(4.5 / Math.sqrt(n));
  });

  it("draws first values of many substreams uniformly", () => {
    const root = randomStream(8, "first draws");
    const bins = new Uint32Array(64);
    for (let i = 0; i < 20_000; i++) bins[Math.floor(root.substream(i).uniform() * 64)]++;
    expect(chiSquare(bins)).toBeLessThan(chiSquareLimit(63));
  });
});

describe("derived draws", () => {
  it("gives uniform numbers that are exact in 32-bit floats and stay in [0, 1)", () => {
    const stream = randomStream(2, "floats");
    for (let i = 0; i < 10_000; i++) {
      const value = stream.uniform();
      expect(Math.fround(value)).toBe(value);
      expect(value >= 0 && value < 1).toBe(true);
    }
  });

  it("gives normal deviates with the moments and the tails of a standard normal", () => {
    const stream = randomStream(4, "normal");
    const n = 200_000;
    const values = new Float32Array(n);
    stream.fillNormal(values, 0, 1);
    const moment = (power: number) => values.reduce((sum, value) => sum + value ** power, 0) / n;
    // Standard errors: 1/√n, √(2/n), √(15/n), √(96/n).
    expect(Math.abs(moment(1))).toBeLessThan(4.5 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4.5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4.5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4.5 * Math.sqrt(96 / n));
    // P(|z| > 1.959964) = 0.05, P(|z| > 3.290527) = 0.001.
    const beyond = (limit: number) => values.reduce((count, value) => count + (Math.abs(value) > limit ? 1 : 0), 0) / n;
    expect(Math.abs(beyond(1.959964) - 0.05)).toBeLessThan(4.5 * Math.sqrt((0.05 * 0.95) / n));
    expect(Math.abs(beyond(3.290527) - 0.001)).toBeLessThan(4.5 * Math.sqrt(0.001 / n));
  });

  it("fills with the same numbers as one draw at a time, scaled", () => {
    const filled = new Float32Array(9);
    const stream = randomStream(9, "fill");
    stream.fillUniform(filled, -2, 6);
    for (let i = 0; i < 9; i++) expect(filled[i]).toBe(Math.fround(-2 + 8 * stream.uniformAt(i)));
    stream.fillNormal(filled, 1, 0.5);
    for (let i = 0; i < 9; i++) expect(filled[i]).toBe(Math.fround(1 + 0.5 * stream.normalAt(9 + i)));
  });

  it("draws integers below n equally often, also where n is no power of two", () => {
    const stream = randomStream(10, "integers");
    const counts = new Uint32Array(7);
    for (let i = 0; i < 70_000; i++) counts[stream.int(7)]++;
    expect(chiSquare(counts)).toBeLessThan(chiSquareLimit(6));
    // Above 2^31 a plain remainder would favour small values 2 : 1 (here: two thirds below 2^30).
    const n = 3 * 2 ** 30;
    let small = 0;
    for (let i = 0; i < 20_000; i++) if (stream.int(n) < 2 ** 30) small++;
    expect(Math.abs(small / 20_000 - 1 / 3)).toBeLessThan(4.5 * Math.sqrt(2 / 9 / 20_000));
    expect(stream.int(1)).toBe(0);
  });

  it.each([0, -1, 1.5, 2 ** 33, Number.NaN])("refuses int(%s)", (n) => {
    expect(() => randomStream(1, "a").int(n)).toThrow(`from 1 to 2^32, got ${n}`);
  });

  it("permutes: every item once, every order of four equally often", () => {
    const stream = randomStream(13, "orders");
    expect(Array.from(stream.permutation(1000)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = stream.permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(chiSquare([...counts.values()])).toBeLessThan(chiSquareLimit(23));
    expect(stream.permutation(0).length).toBe(0);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import { keepNOfM } from "../../../src/sparsity/masks/n-of-m.ts";
import { keepTransposable, patternsOf } from "../../../src/sparsity/masks/transposable.ts";

const extent = fc.integer({ min: 1, max: 7 });
const shapes = fc.oneof(
  fc.tuple(extent, extent, fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
  fc.tuple(extent, extent),
);
const patterns = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .map(([n, more]) => ({ n, m: n + more }));
const small = fc.constantFrom(
  { n: 1, m: 2 },
  { n: 1, m: 3 },
  { n: 2, m: 3 },
  { n: 1, m: 4 },
  { n: 2, m: 4 },
  { n: 3, m: 4 },
);
const tied = fc.infiniteStream(fc.constantFrom(0, 0.5, -0.5, 1, -1, 2));

function drawn(shape: readonly number[], stream: Iterator<number>): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, () => stream.next().value);
}

/** Elements of a filter at a kernel position in the order of input channels; `kernel` positions of R × S. */
function channelsOf<T>(
  values: ArrayLike<T>,
  [, channels]: readonly number[],
  kernel: number,
  k: number,
  position: number,
) {
  return Array.from({ length: channels }, (_, c) => values[(k * channels + c) * kernel + position]);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("n of m input channels", () => {
  test("are the largest of each group, the lowest channel first among equals, all n unless the group is shorter", () => {
    fc.assert(
      fc.property(shapes, patterns, tied, (shape, pattern, stream) => {
        const weight = drawn(shape, stream);
        const kept = new Uint8Array(weight.length);
        keepNOfM(weight, shape, pattern, kept);
        const kernel = sizeOf(shape.slice(2));
        for (let k = 0; k < shape[0]; k++) {
          for (let position = 0; position < kernel; position++) {
            const magnitudes = channelsOf(weight, shape, kernel, k, position).map(Math.abs);
            const marks = channelsOf(kept, shape, kernel, k, position);
            for (let c = 0; c < shape[1]; c += pattern.m) {
              const group = [...magnitudes.keys()].slice(c, c + pattern.m);
              const first = group.sort((a, b) => magnitudes[b] - magnitudes[a] || a - b).slice(0, pattern.n);
              for (const channel of group) expect(marks[channel]).toBe(Number(first.includes(channel)));
            }
          }
        }
      }),
    );
  });
});

describe("a transposable mask", () => {
  test("keeps n of every row and column of a whole block, and the most of all patterns where it is exact", () => {
    fc.assert(
      fc.property(small, fc.constantFrom(1, 2), tied, ({ n, m }, groups, stream) => {
        const shape = [m * groups, m, 1, 1];
        const weight = drawn(shape, stream);
        const kept = new Uint8Array(weight.length);
        keepTransposable(weight, { shape, groups }, { n, m }, "exact", kept);
        for (let group = 0; group < groups; group++) {
          const block = kept.subarray(group * m * m, (group + 1) * m * m);
          for (let i = 0; i < m; i++) {
            expect(sum(Array.from({ length: m }, (_, j) => block[i * m + j]))).toBe(n);
            expect(sum(Array.from({ length: m }, (_, j) => block[j * m + i]))).toBe(n);
          }
          const magnitudes = Array.from(weight.subarray(group * m * m, (group + 1) * m * m), Math.abs);
          const reached = sum(magnitudes.filter((_, cell) => block[cell] === 1));
          expect(reached).toBe(Math.max(...everyPattern(n, m).map((one) => sum(magnitudes.filter((_, i) => one[i])))));
        }
      }),
    );
  });

  test("found greedily takes the largest cells first, never more than n of a row or column, and at least half of the most", () => {
    fc.assert(
      fc.property(small, extent, extent, tied, ({ n, m }, filters, channels, stream) => {
        const shape = [filters, channels];
        const weight = drawn(shape, stream);
        const [greedy, exact] = [new Uint8Array(weight.length), new Uint8Array(weight.length)];
        keepTransposable(weight, { shape, groups: 1 }, { n, m }, "greedy", greedy);
        keepTransposable(weight, { shape, groups: 1 }, { n, m }, "exact", exact);
        const reached = (mask: Uint8Array) => sum(Array.from(mask, (one, i) => one * Math.abs(weight[i])));
        expect(2 * reached(greedy)).toBeGreaterThanOrEqual(reached(exact));
        for (let k = 0; k < filters; k++) {
          for (let c = 0; c < channels; c++) {
            const [row, column] = [k - (k % m), c - (c % m)];
            const inBlock = (i: number) =>
              Math.floor(i / channels) >= row &&
              Math.floor(i / channels) < row + m &&
              (i % channels) - column < m &&
              i % channels >= column;
            const inCross = (i: number) => Math.floor(i / channels) === k || i % channels === c;
            const others = [...greedy.keys()].filter((i) => inBlock(i) && inCross(i) && greedy[i] === 1);
            if (greedy[k * channels + c] === 1) continue;
            // A cell is left out only where its row or its column is full of cells that are no smaller.
            const full = [(i: number) => Math.floor(i / channels) === k, (i: number) => i % channels === c].some(
              (line) =>
                others.filter(line).filter((i) => Math.abs(weight[i]) >= Math.abs(weight[k * channels + c])).length ===
                n,
            );
            expect(full).toBe(true);
          }
        }
      }),
    );
  });

  test("has 90 patterns of 2:4 and 24 of 1:4, in lexicographic order", () => {
    expect(patternsOf({ n: 2, m: 4 }).length).toBe(90);
    expect(patternsOf({ n: 1, m: 4 }).map((cells) => Array.from(cells, (cell) => cell % 4).join(""))).toEqual(
      [...permutations("0123")].sort(),
    );
  });
});

const found = new Map<string, readonly boolean[][]>();

/** All m × m matrices of 0 and 1 with n ones in each row and column, by counting through all matrices. */
function everyPattern(n: number, m: number): readonly boolean[][] {
  const known = found.get(`${n}:${m}`);
  if (known !== undefined) return known;
  const patterns: boolean[][] = [];
  found.set(`${n}:${m}`, patterns);
  for (let bits = 0; bits < 2 ** (m * m); bits++) {
    const at = (cell: number) => (bits >> cell) & 1;
    const lines = Array.from({ length: m }, (_, i) => [
      sum(Array.from({ length: m }, (_, j) => at(i * m + j))),
      sum(Array.from({ length: m }, (_, j) => at(j * m + i))),
    ]);
    if (lines.flat().every((ones) => ones === n))
      patterns.push(Array.from({ length: m * m }, (_, cell) => at(cell) === 1));
  }
  return patterns;
}

function permutations(text: string): string[] {
  if (text.length < 2) return [text];
  return [...text].flatMap((first, i) =>
    permutations(text.slice(0, i) + text.slice(i + 1)).map((rest) => first + rest),
  );
}

/** The closed form of the folds equals a walk over every line of every fold, and sums by hand. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addFolds,
  type Dataflow,
  emptyFoldCounts,
  type FoldCounts,
  type Gemm,
  type SystolicArray,
} from "../../../../src/sim/arrays/systolic/fold-counts.ts";

const DATAFLOWS: readonly Dataflow[] = ["os", "ws", "is"];

/** Port by port and line by line, as the array is fed; a fold lasts to the line in which its last corner would drain. */
function walked({ m, n, k }: Gemm, { rows: R, columns: C, dataflow }: SystolicArray): FoldCounts {
  const counts = emptyFoldCounts();
  const reducesOnRows = dataflow !== "os";
  const [onRows, onColumns, time] = dataflow === "os" ? [m, n, k] : dataflow === "ws" ? [k, n, m] : [k, m, n];
  for (let column = 0; column < onColumns; column += C) {
    for (let row = 0; row < onRows; row += R) {
      const usedRows = Math.min(R, onRows - row);
      const usedColumns = Math.min(C, onColumns - column);
      let loaded = 0;
      let streamedRows = 0;
      let streamedColumns = 0;
      let written = 0;
      let lastLine = 0;
      const load = dataflow === "os" ? 0 : R;
      for (let line = 0; line < load; line++) {
        // The bottom row is loaded first.
        if (R - 1 - line < usedRows) loaded += usedColumns;
      }
      for (let line = 0; line < time + load + R + C; line++) {
        for (let r = 0; r < usedRows; r++) if (line - r - load >= 0 && line - r - load < time) streamedRows++;
        for (let c = 0; c < C; c++) {
          const streams = line - c >= 0 && line - c < time && c < usedColumns;
          if (dataflow === "os" && streams) streamedColumns++;
          const drained = dataflow === "os" ? line - c - (time - 1) : line - c - (2 * R - 1);
          if (drained < 0 || drained >= (dataflow === "os" ? R : time)) continue;
          lastLine = line;
          if (c < usedColumns && (dataflow !== "os" || R - 1 - drained < usedRows)) written++;
        }
      }
      counts.cycles += lastLine + 1;
      counts.fillDrain += (lastLine + 1 - time) * R * C;
      for (let r = 0; r < R; r++) {
        for (let c = 0; c < C; c++) {
          if (r < usedRows && c < usedColumns) continue;
          if (reducesOnRows && c < usedColumns) counts.lanePadding += time;
          else counts.imbalance += time;
        }
      }
      counts.folds++;
      counts.mappedPEs += usedRows * usedColumns;
      counts.busyPECycles += usedRows * usedColumns * time;
      counts.leftReads += dataflow === "is" ? loaded : streamedRows;
      counts.rightReads += dataflow === "os" ? streamedColumns : dataflow === "ws" ? loaded : streamedRows;
      counts.writes += written;
    }
  }
  return counts;
}

function counted(gemm: Gemm, array: SystolicArray, times = 1): FoldCounts {
  const counts = emptyFoldCounts();
  addFolds(gemm, array, times, counts);
  return counts;
}

const size = fc.integer({ min: 1, max: 11 });

describe("folds of a matrix product", () => {
  test.each(DATAFLOWS)("%s: the closed form equals a walk over every line", (dataflow) => {
    fc.assert(
      fc.property(size, size, size, size, size, (m, n, k, rows, columns) => {
        const gemm = { m, n, k, readK: k };
        expect(counted(gemm, { rows, columns, dataflow })).toEqual(walked(gemm, { rows, columns, dataflow }));
      }),
      { numRuns: 300 },
    );
  });

  test("a fold costs its time, the fill and the drain, however little of the array it maps", () => {
    const one = { m: 1, n: 1, k: 1, readK: 1 };
    expect(counted(one, { rows: 8, columns: 4, dataflow: "os" }).cycles).toBe(1 + 8 + 4 - 2);
    expect(counted(one, { rows: 8, columns: 4, dataflow: "ws" }).cycles).toBe(1 + 2 * 8 + 4 - 2);
    expect(counted(one, { rows: 8, columns: 4, dataflow: "is" }).cycles).toBe(1 + 2 * 8 + 4 - 2);
  });

  test("100 × 50 times 50 × 17, by hand", () => {
    const gemm = { m: 100, n: 17, k: 50, readK: 50 };
    expect(counted(gemm, { rows: 16, columns: 16, dataflow: "ws" }, 2)).toEqual({
      cycles: 2 * 4 * 2 * (100 + 32 + 16 - 2),
      folds: 2 * 4 * 2,
      mappedPEs: 2 * 50 * 17,
      busyPECycles: 2 * 100 * 50 * 17,
      fillDrain: 2 * 4 * 2 * (32 + 16 - 2) * 256,
      lanePadding: 2 * 100 * (4 * 16 - 50) * 17,
      imbalance: 2 * 100 * 4 * 16 * (2 * 16 - 17),
      leftReads: 2 * 2 * 100 * 50,
      rightReads: 2 * 50 * 17,
      writes: 2 * 4 * 100 * 17,
    });
  });

  test("arrays take folds in turn, or parts of them where that is faster", () => {
    const arrays = { arrays: 4, rows: 16, columns: 16, dataflow: "ws" } as const;
    const skew = 2 * 16 + 16 - 2;
    // 4 × 2 folds on 4 arrays: 2 rounds.
    const many = counted({ m: 100, n: 17, k: 50, readK: 50 }, arrays);
    expect([many.cycles, many.folds, many.rightReads]).toEqual([2 * (100 + skew), 8, 50 * 17]);
    // One fold: each array takes 25 of the 100 windows, and loads the weights for itself.
    const one = counted({ m: 100, n: 16, k: 16, readK: 16 }, arrays);
    expect([one.cycles, one.folds, one.leftReads, one.rightReads]).toEqual([25 + skew, 4, 100 * 16, 4 * 16 * 16]);
    // What os reduces over is not cut.
    expect(counted({ m: 16, n: 16, k: 100, readK: 100 }, { ...arrays, dataflow: "os" }).cycles).toBe(100 + 16 + 16 - 2);
  });

  test("folds that overlap follow one another, no faster than tiles are loaded, and fill and drain once", () => {
    const overlapping = { rows: 16, columns: 16, dataflow: "ws", overlap: true } as const;
    const skew = 2 * 16 + 16 - 2;
    expect(counted({ m: 100, n: 17, k: 50, readK: 50 }, overlapping).cycles).toBe(8 * 100 + skew);
    const short = counted({ m: 10, n: 17, k: 50, readK: 50 }, overlapping);
    expect([short.cycles, short.fillDrain]).toEqual([7 * 16 + 10 + skew, (7 * 6 + skew) * 256]);
  });

  test("every place of every array is accounted for in every cycle, and neither overlap nor another array costs time", () => {
    const arrays = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(size, size, size, size, size, arrays, fc.boolean(), fc.constantFrom(...DATAFLOWS), (...drawn) => {
        const [m, n, k, rows, columns, count, overlap, dataflow] = drawn;
        const gemm = { m, n, k, readK: k };
        const own = { arrays: count, rows, columns, dataflow, overlap };
        const { cycles, busyPECycles, fillDrain, lanePadding, imbalance } = counted(gemm, own);
        expect(busyPECycles + fillDrain + lanePadding + imbalance).toBe(count * rows * columns * cycles);
        expect(Math.min(fillDrain, lanePadding, imbalance)).toBeGreaterThanOrEqual(0);
        expect(counted(gemm, { ...own, arrays: count + 1 }).cycles).toBeLessThanOrEqual(cycles);
        if (overlap) expect(cycles).toBeLessThanOrEqual(counted(gemm, { ...own, overlap: false }).cycles);
      }),
      { numRuns: 500 },
    );
  });

  test("multiplications are those of the product in every dataflow", () => {
    for (const dataflow of DATAFLOWS) {
      const { busyPECycles } = counted({ m: 9, n: 5, k: 7, readK: 7 }, { rows: 3, columns: 4, dataflow });
      expect(busyPECycles).toBe(9 * 5 * 7);
    }
  });
});

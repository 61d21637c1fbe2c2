import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import { randomStream } from "../../../src/core/random.ts";
import { anySizes, expectSame, moduleNames, play, reasonToSkip, reference, sides, someFloats } from "./sides.ts";

const RUNS = { numRuns: 150 };
const rates = fc.constantFrom(0, 0.3, 0.5, 0.999);

describe.each(moduleNames)("%s", (name) => {
  const reason = reasonToSkip(name);
  if (reason !== undefined) {
    test.skip(reason);
    return;
  }
  describe("agrees with the reference exactly", () => {
    const pair = sides(name);

    test("in copies of some channels, whatever lies around them", () => {
      const places = fc.record({
        source: fc.nat(3),
        target: fc.nat(3),
        more: fc.nat(2),
        count: fc.constantFrom(1, 2, 5),
      });
      fc.assert(
        fc.property(anySizes, places, fc.boolean(), (sizes, { more, ...range }, accumulate) => {
          const { shape, maxBatch, batch, halos, seed } = sizes;
          const [, H, W] = shape;
          const from = [range.source + range.count + more, H, W] as const;
          const to = [range.target + range.count + more, H, W] as const;
          const { actual, expected } = play(pair, maxBatch, batch, (stage) => {
            const source = stage.tensor(from, halos[0], someFloats(`s/${seed}`, batch * sizeOf(from), true));
            const target = stage.tensor(to, halos[1], someFloats(`t/${seed}`, batch * sizeOf(to), true));
            stage.backend.copyChannels(batch, range, source, target, accumulate);
            return [stage.read(target)];
          });
          expectSame(actual, expected);
        }),
        RUNS,
      );
    });

    test("in dropout", () => {
      fc.assert(
        fc.property(anySizes, rates, fc.boolean(), (sizes, rate, accumulate) => {
          const { shape, maxBatch, batch, halos, seed } = sizes;
          const values = (key: string) => someFloats(`${key}/${seed}`, batch * sizeOf(shape));
          const { actual, expected } = play(pair, maxBatch, batch, (stage) => {
            const source = stage.tensor(shape, halos[0], values("x"));
            const target = stage.tensor(shape, halos[1], accumulate ? values("y") : undefined);
            const stream = randomStream(seed, "dropout", 2, 7);
            stage.backend.dropout(batch, rate, stream, source, target, accumulate);
            return [stage.read(target)];
          });
          expectSame(actual, expected);
        }),
        RUNS,
      );
    });
  });
});

describe("dropout", () => {
  const SIZE = 10_000;
  const ones = new Float32Array(2 * SIZE).fill(1);
  const dropped = (batch: number, rate: number, seed: number): Float32Array => {
    const [x, y] = [0, 1].map(() => reference.tensor([SIZE, 1, 1], 2, [0, 0]));
    reference.write(x, batch, ones);
    reference.dropout(batch, rate, randomStream(seed, "dropout", 0, 0), x, y, false);
    const result = new Float32Array(batch * SIZE);
    reference.read(y, batch, result);
    return result;
  };

  test("drops about the asked share and scales the others by 1/(1 − rate)", () => {
    const values = dropped(2, 0.3, 1);
    const zeros = values.filter((value) => value === 0).length / values.length;
    // Five standard deviations of 20,000 draws.
    expect(Math.abs(zeros - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / values.length));
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  });

  test("drops other elements of every image and for every seed, and the same whatever the batch", () => {
    const both = dropped(2, 0.5, 1);
    expect(both.subarray(0, SIZE)).toEqual(dropped(1, 0.5, 1));
    expect(both.subarray(0, SIZE)).not.toEqual(both.subarray(SIZE));
    expect(dropped(2, 0.5, 2)).not.toEqual(both);
  });

  test("at rate 0 changes nothing", () => {
    expect(dropped(2, 0, 1)).toEqual(ones);
  });
});

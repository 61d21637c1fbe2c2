import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import {
  anySizes,
  expectSame,
  moduleNames,
  play,
  reasonToSkip,
  reference,
  type Sizes,
  type Stage,
  sides,
  someFloats,
} from "./sides.ts";

const RUNS = { numRuns: 150 };

function valuesFor({ shape, batch, seed }: Sizes, name: string, special = true): Float32Array {
  return someFloats(`${name}/${seed}`, batch * sizeOf(shape), special);
}

describe.each(moduleNames)("%s", (name) => {
  const reason = reasonToSkip(name);
  if (reason !== undefined) {
    test.skip(reason);
    return;
  }
  describe("agrees with the reference exactly", () => {
    const pair = sides(name);
    const check = (sizes: Sizes, scenario: (stage: Stage) => Float32Array[]) => {
      const { actual, expected } = play(pair, sizes.maxBatch, sizes.batch, scenario);
      expectSame(actual, expected);
    };

    test("in what it reads back", () => {
      fc.assert(
        fc.property(anySizes, (sizes) => {
          const values = valuesFor(sizes, "values");
          check(sizes, (stage) => [stage.read(stage.tensor(sizes.shape, sizes.halos[0], values))]);
        }),
        RUNS,
      );
    });

    test("in ReLU and its gradient", () => {
      fc.assert(
        fc.property(anySizes, fc.boolean(), fc.constantFrom(undefined, 0.5), (sizes, accumulate, cap) => {
          const { shape, batch, halos } = sizes;
          check(sizes, (stage) => {
            const { backend } = stage;
            const y = stage.tensor(shape, halos[0]);
            const signs = backend.signs(shape, sizes.maxBatch);
            const x = stage.tensor(shape, halos[1], valuesFor(sizes, "x"));
            backend.relu(batch, x, y, signs, cap);
            const dy = stage.tensor(shape, halos[2], valuesFor(sizes, "dy"));
            const dx = stage.tensor(shape, halos[1], accumulate ? valuesFor(sizes, "dx") : undefined);
            backend.reluBackward(batch, signs, dy, dx, accumulate);
            // In place, as the trainer runs both.
            backend.relu(batch, x, x, null, cap);
            backend.reluBackward(batch, signs, dy, dy, false);
            return [y, dx, x, dy].map((tensor) => stage.read(tensor));
          });
        }),
        RUNS,
      );
    });

    test("in sums and copies", () => {
      fc.assert(
        fc.property(anySizes, fc.boolean(), (sizes, accumulate) => {
          const { shape, batch, halos } = sizes;
          check(sizes, (stage) => {
            const [a, b] = [0, 1].map((i) => stage.tensor(shape, halos[i], valuesFor(sizes, `${i}`)));
            const sum = stage.tensor(shape, halos[2]);
            stage.backend.add(batch, a, b, sum);
            const target = stage.tensor(shape, halos[0], accumulate ? valuesFor(sizes, "target") : undefined);
            stage.backend.copy(batch, sum, target, accumulate);
            stage.backend.add(batch, a, b, a);
            return [stage.read(sum), stage.read(target), stage.read(a)];
          });
        }),
        RUNS,
      );
    });

    test("in masks, at any threshold", () => {
      const thresholds = fc.constantFrom(0, -1, 0.25, 0.5, 0.1, 1e-45, 1e-60, 1, Number.POSITIVE_INFINITY, Number.NaN);
      fc.assert(
        fc.property(anySizes, thresholds, (sizes, threshold) => {
          const values = valuesFor(sizes, "values");
          check(sizes, (stage) => {
            const tensor = stage.tensor(sizes.shape, sizes.halos[0], values);
            // A larger tensor first: whatever it leaves behind must not show.
            const large = stage.backend.tensor([7, 6, 5], 3, [0, 0]);
            stage.backend.write(large, 3, new Float32Array(630).fill(1));
            stage.backend.mask(large, 3, 0);
            const { shape, bytes } = stage.backend.mask(tensor, sizes.batch, threshold);
            expect(shape).toEqual([sizes.batch, ...sizes.shape]);
            return [Float32Array.from(bytes)];
          });
        }),
        { numRuns: 400 },
      );
    });

    test("in the top-k mask of a tensor, at any threshold", () => {
      const thresholds = fc.constantFrom(0, 0.25, 0.1, 0.5, 1e-46, 1e300, Number.POSITIVE_INFINITY, Number.NaN);
      fc.assert(
        fc.property(anySizes, thresholds, (sizes, threshold) => {
          const { shape, batch, halos } = sizes;
          check(sizes, (stage) => {
            const kept = stage.tensor(shape, halos[1]);
            stage.backend.select(batch, stage.tensor(shape, halos[0], valuesFor(sizes, "x")), threshold, kept);
            return [stage.read(kept)];
          });
        }),
        RUNS,
      );
    });

    test("in cross-entropy", () => {
      fc.assert(
        fc.property(anySizes, fc.constantFrom(0, 0.1), ({ shape, maxBatch, batch, halos, seed }, smoothing) => {
          const logits = [shape[0] * shape[1], 1, 1] as const;
          const values = someFloats(`logits/${seed}`, batch * logits[0]);
          const labels = Uint8Array.from({ length: batch }, (_, n) => (n + seed) % logits[0]);
          check({ shape: logits, maxBatch, batch, halos, seed }, (stage) => {
            const grad = stage.tensor(logits, halos[1]);
            const input = stage.tensor(logits, halos[0], values);
            const loss = stage.backend.crossEntropy(batch, input, labels, smoothing, grad);
            return [Float32Array.of(loss), stage.read(grad)];
          });
        }),
        RUNS,
      );
    });

    const lengths = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 70 }) },
      { weight: 1, arbitrary: fc.constantFrom(4095, 4096, 4097, 12345) },
    );
    const none = { shape: [1, 1, 1], maxBatch: 1, batch: 1, halos: [], seed: 0 } as const;

    test("in SGD, bit by bit, whatever the settings", () => {
      const settings = fc.record({
        learningRate: fc.constantFrom(0.1, 0.037),
        momentum: fc.constantFrom(0, 0.9),
        nesterov: fc.boolean(),
        weightDecay: fc.constantFrom(0, 5e-4),
      });
      fc.assert(
        fc.property(lengths, settings, fc.boolean(), fc.nat(1000), (size, setting, own, seed) => {
          check(none, (stage) => {
            const [p, g, v] = ["p", "g", "v"].map((key) => {
              const values = someFloats(`${key}/${seed}`, size + 2);
              return own ? stage.floats(values) : values;
            });
            // A part of an array: its neighbours stay as they are.
            const part = (values: Float32Array) => values.subarray(1, 1 + size);
            stage.backend.sgdUpdate(setting, part(p), part(g), part(v));
            stage.backend.sgdUpdate(setting, part(p), part(g), part(v));
            return [p, g, v].map((values) => values.slice());
          });
        }),
        { numRuns: 60 },
      );
    });

    test("in AdamW, bit by bit, whatever the settings", () => {
      const settings = fc.record({
        learningRate: fc.constantFrom(0.1, 0.001),
        beta1: fc.constantFrom(0, 0.9),
        beta2: fc.constantFrom(0.99, 0.999),
        epsilon: fc.constant(1e-8),
        weightDecay: fc.constantFrom(0, 0.01),
        step: fc.integer({ min: 1, max: 1000 }),
      });
      fc.assert(
        fc.property(lengths, settings, fc.boolean(), fc.nat(1000), (size, setting, own, seed) => {
          check(none, (stage) => {
            const [p, g, m, v] = ["p", "g", "m", "v"].map((key) => {
              const values = someFloats(`${key}/${seed}`, size + 2).map(key === "v" ? Math.abs : (value) => value);
              return own ? stage.floats(values) : values;
            });
            const part = (values: Float32Array) => values.subarray(1, 1 + size);
            stage.backend.adamUpdate(setting, part(p), part(g), part(m), part(v));
            return [p, m, v].map((values) => values.slice());
          });
        }),
        { numRuns: 60 },
      );
    });

    test("in SGD without a buffer", () => {
      const setting = { learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 };
      check(none, (stage) => {
        const p = stage.floats(someFloats("p", 9));
        stage.backend.sgdUpdate(setting, p, stage.floats(someFloats("g", 9)), new Float32Array());
        return [p.slice()];
      });
    });

    test("in the top-k mask of an array, at any threshold", () => {
      const thresholds = fc.oneof(
        fc.constantFrom(0, -0, 0.25, 0.1, -0.1, 1e-46, 1e300, Number.POSITIVE_INFINITY, Number.NaN),
        fc.double({ min: 0, max: 1 }),
      );
      fc.assert(
        fc.property(lengths, thresholds, fc.nat(1000), (size, threshold, seed) => {
          const values = someFloats(`${seed}`, size, true);
          check(none, (stage) => {
            const [own, kept, apart] = [stage.floats(values), stage.backend.floats(size), new Float32Array(size)];
            stage.backend.applyThreshold(own, threshold, kept);
            stage.backend.applyThreshold(values, threshold, apart);
            stage.backend.applyThreshold(own, threshold, own);
            return [kept.slice(), apart, own.slice()];
          });
        }),
        { numRuns: 80 },
      );
    });

    test("on arrays made before the memory grew", () => {
      const { backend } = pair.whole;
      const early = backend.floats(5);
      early.set([3, -1, 4, -1, 5]);
      backend.tensor([64, 32, 32], 32, [1, 1]);
      const late = backend.floats(5);
      backend.applyThreshold(early, 4, late);
      expect([...late]).toEqual([0, 0, 4, 0, 5]);
      expect(backend.topK(early, 2, 0)).toBe(reference.topK(Float32Array.of(3, -1, 4, -1, 5), 2, 0));
    });
  });
});

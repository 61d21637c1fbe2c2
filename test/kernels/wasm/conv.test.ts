import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ConvGeometry, linearGeometry, outputHeight, outputWidth } from "../../../src/core/geometry.ts";
import { createConv } from "../../../src/kernels/wasm/conv/conv.ts";
import { isModuleSupported } from "../../../src/kernels/wasm/run/module.ts";
import { createRunner, type Runner } from "../../../src/kernels/wasm/run/runner.ts";
import { createBench, expectPasses, type Round, runPasses } from "./conv-support.ts";

const PAGE_BYTES = 65536;
const plain: ConvGeometry = {
  N: 4,
  C: 5,
  H: 7,
  W: 6,
  K: 7,
  R: 3,
  S: 3,
  stride: [1, 1],
  padding: [1, 1, 1, 1],
  dilation: [1, 1],
  groups: 1,
};
const round: Round = {
  seed: "simd-conv",
  batch: 4,
  weightDensity: 0.2,
  inputDensity: 0.7,
  threshold: 0.3,
  accumulate: false,
  bias: true,
};

const sizes = fc.record({ R: fc.integer({ min: 1, max: 5 }), S: fc.integer({ min: 1, max: 5 }) });
/** Any geometry whose dilated kernel fits into the padded input, with padding up to more than the kernel. */
const geometries: fc.Arbitrary<ConvGeometry> = sizes
  .chain(({ R, S }) =>
    fc.record({
      N: fc.constantFrom(1, 2, 5, 8, 16, 33, 40),
      groups: fc.constantFrom(1, 1, 1, 2, 3, 5),
      channels: fc.constantFrom(1, 2, 3, 4, 7, 17),
      filters: fc.constantFrom(1, 2, 3, 5, 7, 17),
      H: fc.integer({ min: 1, max: 8 }),
      W: fc.integer({ min: 1, max: 8 }),
      R: fc.constant(R),
      S: fc.constant(S),
      stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      dilation: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      padding: fc.tuple(fc.nat(R + 1), fc.nat(R + 1), fc.nat(S + 1), fc.nat(S + 1)),
    }),
  )
  .map(({ channels, filters, ...rest }) => ({ ...rest, C: channels * rest.groups, K: filters * rest.groups }))
  .filter(
    (g) => outputHeight(g) > 0 && outputWidth(g) > 0 && g.N * g.C * g.K * g.H * g.W * g.R * g.S <= 1e5 * g.groups,
  );

const rounds = fc.record({
  weightDensity: fc.constantFrom(0, 0.1, 0.3, 1),
  inputDensity: fc.constantFrom(0, 0.5, 1),
  threshold: fc.constantFrom(0, 0.4, 0.9, 2),
  accumulate: fc.boolean(),
  bias: fc.boolean(),
});

/** Splits the units of each call into `parts` that run last to first. */
function splitting(runner: Runner, parts: number): Runner {
  return {
    ...runner,
    run(kernel, units, ...args) {
      for (let part = parts - 1; part >= 0; part--) {
        const from = Math.floor((units * part) / parts);
        const to = Math.floor((units * (part + 1)) / parts);
        if (from < to) runner.call(kernel, ...args, from, to);
      }
    },
  };
}

describe.each(["simd", "relaxed"] as const)("%s convolution", (name) => {
  const supported = isModuleSupported(name);
  const it = test.skipIf(!supported);
  const create = () => createRunner(name);

  it("agrees with the reference on any geometry, also for a partial batch after a full one", () => {
    fc.assert(
      fc.property(
        geometries,
        rounds,
        rounds,
        fc.nat(1000),
        fc.nat(2),
        fc.nat(2),
        (g, first, second, part, rows, columns) => {
          const bench = createBench(create(), g, [rows, columns]);
          expectPasses(bench, { ...first, seed: "full", batch: g.N });
          expectPasses(bench, { ...second, seed: "partial", batch: 1 + (part % g.N) });
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each<[string, ConvGeometry]>([
    ["a linear layer", linearGeometry(33, 37, 10)],
    ["a linear layer over an image", { ...plain, N: 16, R: 7, S: 6, padding: [0, 0, 0, 0], K: 19 }],
    ["a 1×1 kernel with stride 2", { ...plain, R: 1, S: 1, stride: [2, 2], padding: [0, 0, 0, 0] }],
    ["a depthwise kernel", { ...plain, N: 8, C: 19, K: 19, groups: 19 }],
    ["a stride beyond the kernel", { ...plain, H: 11, stride: [4, 5], padding: [0, 0, 0, 0] }],
    ["a kernel of even size", { ...plain, R: 2, S: 4, stride: [2, 3], padding: [0, 1, 2, 0] }],
    ["more than 16 filters per group", { ...plain, C: 6, K: 40, groups: 2, N: 8 }],
    ["two blocks of 32 images", { ...plain, N: 64, C: 3, K: 5 }],
  ])("agrees with the reference on %s, with lists and with panels", (_, g) => {
    const bench = createBench(create(), g);
    for (const weightDensity of [0.1, 1]) {
      // The one is read by weightGrad alone, the other by inputGrad alone.
      for (const [threshold, accumulate] of [
        [0, false],
        [0.5, true],
      ] as const) {
        expectPasses(bench, { ...round, batch: g.N, weightDensity, threshold, accumulate });
      }
    }
  });

  it("gives the same bits however its units are split", () => {
    fc.assert(
      fc.property(geometries, rounds, fc.integer({ min: 2, max: 4 }), (g, drawn, parts) => {
        const all = { ...drawn, seed: "split", batch: g.N };
        const whole = runPasses(createBench(create(), g), all);
        const split = runPasses(createBench(splitting(create(), parts), g), all);
        expect(split).toEqual(whole);
      }),
      { numRuns: 40 },
    );
  });

  it("gives the same bits on three threads", () => {
    const g: ConvGeometry = { ...plain, N: 16, C: 20, K: 18, stride: [2, 1] };
    for (const weightDensity of [0.1, 1]) {
      const all = { ...round, batch: g.N, weightDensity };
      expect(runPasses(createBench(createRunner(name, 3), g), all)).toEqual(runPasses(createBench(create(), g), all));
    }
  });

  it("takes arrays in its own memory, also through a buffer from before the memory grew", () => {
    const runner = create();
    const bench = createBench(runner, plain);
    const own = (size: number) => new Float32Array(runner.memory.buffer, runner.allocate(size * 4), size);
    const weight = own(7 * 5 * 9);
    const weightGrad = own(weight.length);
    runner.allocate(1 << 20);
    runPasses(bench, round);
    const expected = runPasses(bench, round)[2];
    weight.fill(0);
    bench.conv.setWeight(weight);
    bench.conv.weightGrad(4, bench.outputGrad, bench.input, round.threshold, weightGrad);
    expect([...weightGrad]).toEqual([...expected]);
  });

  it("allocates nothing once it has run", () => {
    const runner = create();
    let calls = 0;
    const counting: Runner = {
      ...runner,
      allocate: (bytes) => {
        calls++;
        return runner.allocate(bytes);
      },
    };
    const bench = createBench(counting, { ...plain, groups: 1, stride: [2, 1] });
    // What an input is saved in is made when one is.
    runPasses(bench, round);
    const made = calls;
    for (const weightDensity of [0.1, 1]) runPasses(bench, { ...round, weightDensity });
    expect(calls).toBe(made);
  });

  it("keeps ties with the threshold, and NaN", () => {
    const g = linearGeometry(4, 3, 1);
    const bench = createBench(create(), g);
    const { runner } = bench;
    const floats = new Float32Array(runner.memory.buffer);
    floats.set([0.5, 0.25, -0.5, 0.1], bench.input.origin / 4);
    floats.set([Number.NaN, 0, 0, 0], bench.input.origin / 4 + 4);
    floats.set([1, 10, 100, 1000], bench.outputGrad.origin / 4);
    const weightGrad = new Float32Array(3);
    bench.conv.weightGrad(4, bench.outputGrad, bench.input, 0.5, weightGrad);
    expect([...weightGrad]).toEqual([0.5 - 50, Number.NaN, 0]);
  });
});

test.skipIf(!isModuleSupported("simd"))("a tensor for another batch size is refused", () => {
  const runner = createRunner("simd");
  const bench = createBench(runner, plain);
  const other = createBench(runner, { ...plain, N: 9 });
  expect(() => bench.conv.forward(4, other.input, null, bench.output)).toThrow("blocks of 4 images, got 16");
});

test.skipIf(!isModuleSupported("simd"))("a convolution fits in wherever its memory has to grow", () => {
  const runner = createRunner("simd");
  const start = runner.allocate(0);
  createConv(runner, plain);
  const bytes = runner.allocate(0) - start;
  for (let before = 0; before <= bytes; before += 64) {
    const left = runner.memory.buffer.byteLength - runner.allocate(0) - before;
    runner.allocate(left >= 0 ? left : left + PAGE_BYTES);
    createConv(runner, plain);
  }
});

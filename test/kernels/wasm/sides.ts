/**
 * What the tests of the SIMD builds share. A scenario is a function of a backend that returns arrays; it runs on the
 * reference, on one thread, and on a runner that splits every range of units into up to four parts and runs the last
 * first: the first two must agree, and the last two bit by bit. Tensors hold rubbish of a full batch beforehand, and their
 * halos and dead lanes are looked at afterwards.
 */
import fc from "fast-check";
import seedrandom from "seedrandom";
import { expect } from "vitest";
import { sizeOf } from "../../../src/core/geometry.ts";
import type { Backend, Halo, Tensor } from "../../../src/kernels/backend.ts";
import { plainBackend } from "../../../src/kernels/plain.ts";
import { referenceKernels } from "../../../src/kernels/reference/index.ts";
import { createSimdBackend } from "../../../src/kernels/wasm/backend.ts";
import type { BlockedTensor } from "../../../src/kernels/wasm/layout.ts";
import { loadModule, type ModuleName } from "../../../src/kernels/wasm/run/module.ts";
import { createRunner, type Runner } from "../../../src/kernels/wasm/run/runner.ts";

/** Builds to test; where `reasonToSkip` knows a reason, the test is skipped under its name. */
export const moduleNames: readonly ModuleName[] = ["simd", "relaxed"];

/** Why a build cannot run here, or undefined. */
export function reasonToSkip(name: ModuleName): string | undefined {
  try {
    loadModule(name);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The reference as a backend. */
export const reference = plainBackend(referenceKernels);

/** A runner that splits every range into up to four parts, and runs the last part first. */
function splittingRunner(runner: Runner): Runner {
  let runs = 0;
  return {
    ...runner,
    threads: 4,
    run(kernel, units, ...args) {
      const parts = 1 + (runs++ % 4);
      for (let part = parts - 1; part >= 0; part--) {
        const [from, to] = [part, part + 1].map((edge) => Math.floor((units * edge) / parts));
        runner.call(kernel, ...args, from, to);
      }
    },
  };
}

/** A backend and the runner whose memory it uses. */
export interface Side {
  readonly backend: Backend;
  readonly runner: Runner;
}

/** Backends of a build on one thread, and splitting every range. */
export function sides(name: ModuleName): { readonly whole: Side; readonly split: Side } {
  const runner = createRunner(name);
  const splitting = splittingRunner(createRunner(name));
  return {
    whole: { backend: createSimdBackend(runner), runner },
    split: { backend: createSimdBackend(splitting), runner: splitting },
  };
}

/** Where a scenario takes its tensors from; it remembers them. */
export class Stage {
  readonly backend: Backend;
  readonly maxBatch: number;
  readonly batch: number;
  readonly tensors: Tensor[] = [];

  constructor(backend: Backend, maxBatch: number, batch: number) {
    this.backend = backend;
    this.maxBatch = maxBatch;
    this.batch = batch;
  }

  /** A tensor full of rubbish from a full batch, and then of `values` if they are given. */
  tensor(shape: Tensor["shape"], halo: Halo, values?: Float32Array): Tensor {
    const tensor = this.backend.tensor(shape, this.maxBatch, halo);
    this.backend.write(tensor, this.maxBatch, new Float32Array(this.maxBatch * sizeOf(shape)).fill(7.5));
    if (values !== undefined) this.backend.write(tensor, this.batch, values);
    this.tensors.push(tensor);
    return tensor;
  }

  /** An array of the backend's with these values. */
  floats(values: Float32Array): Float32Array {
    const array = this.backend.floats(values.length);
    array.set(values);
    return array;
  }

  read(tensor: Tensor): Float32Array {
    const values = new Float32Array(this.batch * sizeOf(tensor.shape));
    this.backend.read(tensor, this.batch, values);
    return values;
  }
}

/** What a scenario returns: arrays to compare. */
export type Scenario = (stage: Stage) => Float32Array[];

/** Runs the scenario on all three; returns what one thread and the reference gave. */
export function play(
  pair: { readonly whole: Side; readonly split: Side },
  maxBatch: number,
  batch: number,
  scenario: Scenario,
): { actual: Float32Array[]; expected: Float32Array[] } {
  const [actual, split] = [pair.whole, pair.split].map(({ backend, runner }) => {
    const stage = new Stage(backend, maxBatch, batch);
    const results = scenario(stage);
    for (const tensor of stage.tensors) expectClean(runner, tensor as BlockedTensor, batch);
    return results;
  });
  for (const [i, values] of actual.entries()) expect(bitsOf(split[i])).toEqual(bitsOf(values));
  return { actual, expected: scenario(new Stage(reference, maxBatch, batch)) };
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}

/** Expects zeros in the halo of the used blocks and in lanes beyond the batch. */
function expectClean(runner: Runner, tensor: BlockedTensor, batch: number): void {
  const {
    shape: [, H, W],
    halo,
    lanes,
  } = tensor;
  const floats = new Float32Array(runner.memory.buffer, tensor.start, tensor.bytes / 4);
  const pixel = tensor.pixelBytes / 4;
  const columns = W + 2 * halo[1];
  const rows = H + 2 * halo[0];
  for (let block = 0; block * lanes < batch; block++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const h = row - halo[0];
        const w = column - halo[1];
        const inside = h >= 0 && h < H && w >= 0 && w < W;
        const at = ((block * rows + row) * columns + column) * pixel;
        for (let i = 0; i < pixel; i++) {
          const dead = !inside || block * lanes + (i % lanes) >= batch;
          if (dead && floats[at + i] !== 0) {
            expect.fail(`block ${block}, pixel ${h}, ${w}, float ${i}: expected 0, got ${floats[at + i]}`);
          }
        }
      }
    }
  }
}

/** Expects equal numbers; NaN equals NaN, and −0 equals 0. */
export function expectSame(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  for (const [a, values] of expected.entries()) {
    for (let i = 0; i < values.length; i++) {
      if (actual[a][i] !== values[i] && !(Number.isNaN(actual[a][i]) && Number.isNaN(values[i]))) {
        expect.fail(`array ${a}, element ${i}: expected ${values[i]}, got ${actual[a][i]}`);
      }
    }
  }
}

/** Expects a difference of at most `relative` times the value plus `absolute`. */
export function expectClose(actual: Float32Array, expected: Float32Array, relative: number, absolute: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i] - expected[i]) <= relative * Math.abs(expected[i]) + absolute)) {
      expect.fail(`element ${i}: expected ${expected[i]}, got ${actual[i]}`);
    }
  }
}

/** Sizes of a scenario: odd channels and extents, batches that leave dead lanes and fill more than a block. */
export interface Sizes {
  readonly shape: readonly [number, number, number];
  readonly maxBatch: number;
  readonly batch: number;
  readonly halos: readonly Halo[];
  readonly seed: number;
}

/** Any sizes, with three halos. */
export const anySizes: fc.Arbitrary<Sizes> = fc
  .record({
    C: fc.constantFrom(1, 2, 3, 17),
    H: fc.integer({ min: 1, max: 7 }),
    W: fc.integer({ min: 1, max: 7 }),
    maxBatch: fc.constantFrom(1, 2, 5, 16, 20, 32, 33),
    used: fc.double({ min: 0, max: 1, noNaN: true }),
    halos: fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: 3, maxLength: 3 }),
    seed: fc.nat(1000),
  })
  .map(({ C, H, W, maxBatch, used, halos, seed }) => ({
    shape: [C, H, W] as const,
    maxBatch,
    batch: 1 + Math.floor(used * (maxBatch - 1)),
    halos,
    seed,
  }));

/** `size` values in −1..1, a tenth each 0 and repeated; with `special`, some −0, ±∞, NaN and denormals among them. */
export function someFloats(seed: string, size: number, special = false): Float32Array {
  const random = seedrandom.alea(seed);
  const odd = [-0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-45, -1e-40, 3e38];
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const kind = random();
    const value = random();
    if (kind < 0.1) values[i] = 0;
    else if (kind < 0.2) values[i] = value < 0.5 ? 0.25 : -0.25;
    else if (special && kind < 0.4) values[i] = odd[Math.floor(value * odd.length)];
    else values[i] = value * 2 - 1;
  }
  return values;
}

/**
 * Dense matrix products C [M, N] = A [M, K] · B [K, N] on one thread: the dense kernels of the SIMD builds against
 * TensorFlow.js and ONNX Runtime Web. M is filters, K channels × taps and N images × pixels of a convolution. A is packed
 * beforehand in every program. CPU time of interleaved rounds, medians; results are compared before anything is timed.
 * `npm install --prefix bench/peers`, then `npx tsx bench/peers/gemm.ts [rounds]`.
 */
import seedrandom from "seedrandom";
import { isSupported } from "../../src/kernels/index.ts";
import { median } from "../ratio.ts";
import { INSTALL } from "./load.ts";
import { onnxruntime } from "./onnxruntime.ts";
import { ours } from "./ours.ts";
import type { Gemm, Multiplier, Product } from "./product.ts";
import { tfjs } from "./tfjs.ts";

const rounds = Number(process.argv[2] ?? 15);
/** [M, N, K]; the last two are 3×3 layers of a ResNet-18 unfolded for one image, 64→64 on 32² and 256→256 on 8². */
const shapes = [
  [512, 512, 512],
  [64, 1024, 576],
  [256, 64, 2304],
] as const;
/** Operations that a program does between two looks at the clock, about. */
const FLOPS_PER_ROUND = 1e9;
const WARM_UP_ROUNDS = 2;
const TOLERANCE = 1e-3;
const LABEL_WIDTH = 20;

const random = seedrandom("bench/peers/gemm");
const uniform = (size: number) => Float32Array.from({ length: size }, () => random() * 2 - 1);

/** Median CPU milliseconds of one product for each, in the order of `gemms`. */
async function time(gemms: readonly Gemm[], repeats: number): Promise<number[]> {
  const times: number[][] = gemms.map(() => []);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [i, gemm] of gemms.entries()) {
      const before = process.cpuUsage();
      for (let repeat = 0; repeat < repeats; repeat++) await gemm.run();
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[i].push((user + system) / 1000 / repeats);
    }
  }
  return times.map(median);
}

/** Largest difference of two results, as a part of the largest value. */
function difference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [error, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error = Math.max(error, Math.abs(actual[i] - expected[i]));
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return error / scale;
}

/** The product in every program, run once. @throws Error when programs disagree. */
async function prepareAll(programs: readonly Multiplier[], product: Product): Promise<Gemm[]> {
  const gemms: Gemm[] = [];
  let expected: Float32Array | undefined;
  for (const { name, prepare } of programs) {
    const gemm = await prepare(product);
    await gemm.run();
    const result = await gemm.result();
    expected ??= result;
    const error = difference(result, expected);
    if (!(error < TOLERANCE))
      throw new Error(`${name}: the product differs from that of ${programs[0].name}, got ${error}`);
    gemms.push(gemm);
  }
  return gemms;
}

const mine = (["simd", "relaxed"] as const).filter(isSupported).map(ours);
const found = [await tfjs(), await onnxruntime()];
const peers = found.filter((peer) => peer !== null);
if (peers.length < found.length) console.log(`not all programs to compare with are installed: ${INSTALL}`);
if (peers.length > 0) {
  const programs = [...mine, ...peers];
  const pairs = peers.flatMap((_, p) => mine.map((_, m) => [m, mine.length + p] as const));
  const ratioNames = pairs.map(([m, p]) => `${programs[m].name} : ${programs[p].name}`);
  const header = ["GFLOP/s", ...programs.map(({ name }) => name), ...ratioNames];
  const row = (cells: readonly string[]) =>
    console.log(
      cells.map((cell, i) => (i === 0 ? cell.padEnd(LABEL_WIDTH) : cell.padStart(header[i].length + 2))).join(""),
    );

  const versions = peers.map(({ name, version }) => `${name} ${version}`).join(", ");
  console.log(`dense products, one thread, CPU time, medians of ${rounds} rounds; ${versions}`);
  console.log("ratios are of speed: above 1 ours is faster");
  row(header);
  for (const [M, N, K] of shapes) {
    const flops = 2 * M * N * K;
    const gemms = await prepareAll(programs, { M, N, K, a: uniform(M * K), b: uniform(K * N) });
    const times = await time(gemms, Math.ceil(FLOPS_PER_ROUND / flops));
    row([
      `M=${M} N=${N} K=${K}`,
      ...times.map((ms) => (flops / ms / 1e6).toFixed(1)),
      ...pairs.map(([m, p]) => `${(times[p] / times[m]).toFixed(2)}×`),
    ]);
  }
}

/**
 * Speed of exact top-k thresholds, js against the WebAssembly builds on one thread, interleaved: without a hint, and
 * with the true threshold of values that have moved by 1 % since. Run with `npx tsx bench/top-k.ts [rounds]`.
 */
import seedrandom from "seedrandom";
import { createBackend, isSupported } from "../src/kernels/index.ts";
import { compare } from "./ratio.ts";

const rounds = Number(process.argv[2] ?? 9);
const MILLION = 2 ** 20;
const DRIFT = 1.01;
const KEPT = 0.1;
const builds = (["simd", "relaxed"] as const).filter(isSupported);
const random = seedrandom("bench/top-k");

/** Sums of four uniform numbers, close to normal. */
const bell = () => random() + random() + random() + random() - 2;
const kinds: Readonly<Record<string, (i: number) => number>> = {
  bell,
  rectified: () => Math.max(0, bell()),
  "many ties": () => Math.round(8 * bell()) / 8,
  "all equal": () => 0.5,
};

const row = (cells: readonly string[]) =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(14))).join(""));

row(["values", "js ms", ...builds.flatMap((name) => [`${name} ms`, "js : it", "hinted ms", "js : it"])]);
for (const millions of [1, 4, 16]) {
  for (const [kind, draw] of Object.entries(kinds)) {
    const size = millions * MILLION;
    const values = Float32Array.from({ length: size }, (_, i) => draw(i));
    const k = Math.round(KEPT * size);
    const js = createBackend("js");
    const hint = js.topK(values, k, 0) * DRIFT;
    const variants: Record<string, () => void> = { js: () => js.topK(values, k, 0) };
    for (const name of builds) {
      const backend = createBackend(name);
      const own = backend.floats(size);
      own.set(values);
      variants[name] = () => backend.topK(own, k, 0);
      variants[`${name} hinted`] = () => backend.topK(own, k, hint);
    }
    const times = compare(variants, { rounds });
    const cells = builds.flatMap((name) =>
      [name, `${name} hinted`].flatMap((key) => [times[key].toFixed(2), `${(times.js / times[key]).toFixed(1)}×`]),
    );
    row([`${millions} M ${kind}`, times.js.toFixed(2), ...cells]);
  }
}

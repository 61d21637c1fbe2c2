/**
 * Inverted dropout (Srivastava et al. 2014, §10): elements are dropped where a draw lies below a bound, the others are
 * scaled. Draws are those of src/core/random.ts, Philox4x32-10 (Salmon et al. 2011, §4): the four words of block
 * ⌊image / 4⌋ · C·H·W + element are those of four images, one vector. No draw depends on rows, threads or order.
 */
import { TensorRecord } from "../../records/tensor";
import { rowOf } from "../row-iteration";

const ROUNDS: i32 = 10;
const MULTIPLIER_0: u64 = 0xd2511f53;
const MULTIPLIER_1: u64 = 0xcd9e8d57;
const WEYL_0: u32 = 0x9e3779b9;
const WEYL_1: u32 = 0xbb67ae85;

/** target = source where the draw ≥ bound, times `scale`, else 0; or added to. Units are rows. */
export function dropout(
  source: TensorRecord,
  target: TensorRecord,
  bound: i32,
  scale: f32,
  key0: u32,
  key1: u32,
  substream: u32,
  salt: u32,
  family: u32,
  batch: i32,
  accumulate: i32,
  from: i32,
  to: i32,
): void {
  const factor = f32x4.splat(scale);
  const limit = i32x4.splat(bound);
  const lanes = source.lanes;
  const C = source.C;
  const H = source.H;
  const W = source.W;
  const plane = H * W;
  const size = C * plane;
  for (let unit = from; unit < to; unit++) {
    const block = unit / H;
    const h = unit % H;
    let x = rowOf(source, unit);
    let y = rowOf(target, unit);
    for (let w = 0; w < W; w++) {
      for (let c = 0; c < C; c++) {
        const element = c * plane + h * W + w;
        for (let lane = 0; lane < lanes; lane += 4) {
          const image = block * lanes + lane;
          let value = i32x4.splat(0);
          if (image < batch) {
            const words = philox(<u32>((image >> 2) * size + element), substream, salt, family, key0, key1);
            value = v128.and(f32x4.mul(v128.load(x), factor), i32x4.ge_u(words, limit));
          }
          v128.store(y, accumulate ? f32x4.add(v128.load(y), value) : value);
          x += 16;
          y += 16;
        }
      }
    }
  }
}

/** Philox4x32-10 of counter (c0, c1, c2, c3) under key (k0, k1). */
// @inline
function philox(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32): v128 {
  for (let round = 0; round < ROUNDS; round++) {
    const product0 = <u64>c0 * MULTIPLIER_0;
    const product1 = <u64>c2 * MULTIPLIER_1;
    c0 = <u32>(product1 >> 32) ^ c1 ^ k0;
    c1 = <u32>product1;
    c2 = <u32>(product0 >> 32) ^ c3 ^ k1;
    c3 = <u32>product0;
    k0 += WEYL_0;
    k1 += WEYL_1;
  }
  const low = i32x4.replace_lane(i32x4.splat(c0), 1, c1);
  return i32x4.replace_lane(i32x4.replace_lane(low, 2, c2), 3, c3);
}

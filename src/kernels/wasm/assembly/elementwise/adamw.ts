/**
 * Adam with decoupled weight decay, as PyTorch computes it (torch.optim.AdamW). In double precision, rounded where it is
 * stored: the same bits as the reference kernel.
 */
import { loadPair, storePair } from "./float-pairs";

/** Floats of one unit of work. */
const CHUNK: i32 = 4096;

/** Updates `parameter`, `mean` and `square`; factors as `adamFactors` gives them; units of `CHUNK` floats. */
export function adamUpdate(
  size: i32,
  keep: f64,
  beta1: f64,
  beta2: f64,
  rate: f64,
  root: f64,
  epsilon: f64,
  parameter: usize,
  gradient: usize,
  mean: usize,
  square: usize,
  from: i32,
  to: i32,
): void {
  const first = <usize>from * CHUNK * 4;
  const last = <usize>min(to * CHUNK, size) * 4;
  const whole = first + ((last - first) & ~7);
  let at = first;
  while (at < whole) {
    const g = loadPair(gradient + at);
    const m = f64x2.add(f64x2.mul(f64x2.splat(beta1), loadPair(mean + at)), f64x2.mul(f64x2.splat(1 - beta1), g));
    const v = f64x2.add(
      f64x2.mul(f64x2.splat(beta2), loadPair(square + at)),
      f64x2.mul(f64x2.mul(f64x2.splat(1 - beta2), g), g),
    );
    storePair(mean + at, m);
    storePair(square + at, v);
    const deviation = f64x2.add(f64x2.div(f64x2.sqrt(v), f64x2.splat(root)), f64x2.splat(epsilon));
    const kept = f64x2.mul(f64x2.splat(keep), loadPair(parameter + at));
    storePair(parameter + at, f64x2.sub(kept, f64x2.div(f64x2.mul(f64x2.splat(rate), m), deviation)));
    at += 8;
  }
  if (at < last) {
    const g = <f64>load<f32>(gradient + at);
    const m = beta1 * <f64>load<f32>(mean + at) + (1 - beta1) * g;
    const v = beta2 * <f64>load<f32>(square + at) + (1 - beta2) * g * g;
    store<f32>(mean + at, <f32>m);
    store<f32>(square + at, <f32>v);
    const kept = keep * <f64>load<f32>(parameter + at);
    store<f32>(parameter + at, <f32>(kept - (rate * m) / (sqrt(v) / root + epsilon)));
  }
}

/**
 * Stochastic gradient descent with momentum, as PyTorch computes it (torch.optim.SGD, no dampening):
 *   g = gradient + decay·p;  buffer = momentum·buffer + g;  p −= rate·(nesterov ? g + momentum·buffer : buffer)
 * In double precision, rounded where it is stored: the same bits as the reference kernel, at the speed of memory.
 */
import { loadPair, storePair } from "./float-pairs";

/** Floats of one unit of work. */
const CHUNK: i32 = 4096;

/** Updates `parameter` and, unless momentum is 0, `buffer`; units of `CHUNK` floats. */
export function sgdUpdate(
  size: i32,
  rate: f64,
  momentum: f64,
  nesterov: i32,
  decay: f64,
  parameter: usize,
  gradient: usize,
  buffer: usize,
  from: i32,
  to: i32,
): void {
  const rates = f64x2.splat(rate);
  const momenta = f64x2.splat(momentum);
  const decays = f64x2.splat(decay);
  const first = <usize>from * CHUNK * 4;
  const last = <usize>min(to * CHUNK, size) * 4;
  const whole = first + ((last - first) & ~7);
  let at = first;
  if (momentum === 0) {
    while (at < whole) {
      const p = loadPair(parameter + at);
      const g = f64x2.add(loadPair(gradient + at), f64x2.mul(decays, p));
      storePair(parameter + at, f64x2.sub(p, f64x2.mul(rates, g)));
      at += 8;
    }
  } else {
    while (at < whole) {
      const p = loadPair(parameter + at);
      const g = f64x2.add(loadPair(gradient + at), f64x2.mul(decays, p));
      const velocity = f64x2.add(f64x2.mul(momenta, loadPair(buffer + at)), g);
      storePair(buffer + at, velocity);
      const step = nesterov ? f64x2.add(g, f64x2.mul(momenta, velocity)) : velocity;
      storePair(parameter + at, f64x2.sub(p, f64x2.mul(rates, step)));
      at += 8;
    }
  }
  if (at < last) {
    const p = <f64>load<f32>(parameter + at);
    const g = <f64>load<f32>(gradient + at) + decay * p;
    let step = g;
    if (momentum !== 0) {
      const velocity = momentum * <f64>load<f32>(buffer + at) + g;
      store<f32>(buffer + at, <f32>velocity);
      step = nesterov ? g + momentum * velocity : velocity;
    }
    store<f32>(parameter + at, <f32>(p - rate * step));
  }
}

/** What the runners of the `swat` oracle's case kinds share: a case's parameters and tensors, and what they compute. */
import type { ConvGeometry } from "../../src/core/geometry.ts";
import type { Floats } from "../../src/kernels/kernels.ts";
import type { GoldenTensor } from "./safetensors-file.ts";

/** Parameters of a case as its index.json gives them. */
export type Params = Readonly<Record<string, unknown>>;

/** Tensors of a case by name. */
export type Tensors = ReadonlyMap<string, GoldenTensor>;

/** What one of our builds computed, by the golden tensor's name; Uint8Arrays are masks and must be equal bit by bit. */
export type Computed = Map<string, Float32Array | Uint8Array>;

/** A number of the parameters, or `otherwise` where it is absent. Throws for anything but a number. */
export function numberOf(params: Params, key: string, otherwise: number): number {
  const value = params[key] ?? otherwise;
  if (typeof value !== "number") throw new Error(`${key}: must be a number, got ${JSON.stringify(value)}`);
  return value;
}

/** A number for both axes, or [vertical, horizontal]. */
export function pairOf(params: Params, key: string, otherwise: number): readonly [number, number] {
  const value = params[key] ?? otherwise;
  if (typeof value === "number") return [value, value];
  if (Array.isArray(value) && value.length === 2) return [Number(value[0]), Number(value[1])];
  throw new Error(`${key}: must be a number or a pair, got ${JSON.stringify(value)}`);
}

/** Padding as [top, bottom, left, right] from one number or [vertical, horizontal]. */
export function paddingOf(params: Params): readonly [number, number, number, number] {
  const [vertical, horizontal] = pairOf(params, "pad", 0);
  return [vertical, vertical, horizontal, horizontal];
}

/** A tensor of the case. Throws when it is absent. */
export function tensor(tensors: Tensors, name: string): GoldenTensor {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`${name}: no such tensor; known: ${[...tensors.keys()].join(", ")}`);
  return found;
}

/** Values of an F32 tensor of the case. */
export function floats(tensors: Tensors, name: string): Floats {
  const { data } = tensor(tensors, name);
  if (!(data instanceof Float32Array)) throw new Error(`${name}: must be F32`);
  return data;
}

/** Geometry of a convolution or, where `x` has two axes, of a linear layer; `prefix` is that of the step. */
export function geometryOf(params: Params, tensors: Tensors, prefix = ""): ConvGeometry {
  const x = tensor(tensors, `${prefix}x`).shape;
  const w = tensor(tensors, `${prefix}w`).shape;
  const [N, C, H = 1, W = 1] = x;
  const [K, , R = 1, S = 1] = w;
  return {
    N,
    C,
    H,
    W,
    K,
    R,
    S,
    stride: pairOf(params, "stride", 1),
    padding: paddingOf(params),
    dilation: pairOf(params, "dilation", 1),
    groups: numberOf(params, "groups", 1),
  };
}

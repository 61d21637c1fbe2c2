/** A small trace of two layers with masks drawn from a seed: enough of everything for tests of the simulator. */
import seedrandom from "seedrandom";
import { type BitMask, countOnes, onesMask, setBit, sliceSize, zerosMask } from "../../src/core/bit-mask.ts";
import { sizeOf } from "../../src/core/geometry.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import type { TraceManifest, TraceOp, TraceTensor } from "../../src/trace/manifest.ts";
import type { IdentifiedTrace } from "../../src/trace/trace.ts";
import { encodeTrace, openTrace } from "../../src/trace/trace.ts";

/** Densities of the drawn tensors, 0..1; 1 = no mask is stored. */
export interface Densities {
  readonly weight: number;
  readonly input: number;
  /** Share of the nonzero inputs that top-k keeps. */
  readonly kept: number;
  readonly outputGrad: number;
}

export const SWAT_DENSITIES: Densities = { weight: 0.2, input: 0.5, kept: 0.4, outputGrad: 0.9 };
export const DENSE_DENSITIES: Densities = { weight: 1, input: 1, kept: 1, outputGrad: 1 };

/** Geometry of the convolution: 2 images of 20 channels 6×6, 24 filters 3×3 with padding 1. */
export const CONV = {
  ...{ N: 2, C: 20, H: 6, W: 6, K: 24, R: 3, S: 3, groups: 1 },
  stride: [1, 1] as [number, number],
  padding: [1, 1, 1, 1] as [number, number, number, number],
  dilation: [1, 1] as [number, number],
};

/** Opens a trace with masks of the given densities; the same arguments give the same bytes. */
export async function makeTrace(
  densities: Densities,
  seed = "trace",
  change: Partial<TraceManifest> = {},
): Promise<IdentifiedTrace> {
  const trace = await openTrace(memorySource(`${seed}.safetensors`, traceBytes(densities, seed, change)));
  return { trace, name: trace.name, sha256: "0".repeat(64) };
}

/** The file of such a trace. */
export function traceBytes(densities: Densities, seed = "trace", change: Partial<TraceManifest> = {}): Uint8Array {
  const random = seedrandom(seed);
  const masks = new Map<string, BitMask>();
  const tensors: TraceTensor[] = [];
  const add = (id: string, role: TraceTensor["role"], shape: number[], mask: BitMask, within?: string) => {
    const nonzeros = countOnes(mask);
    const dense = nonzeros === sizeOf(shape);
    if (!dense) masks.set(id, mask);
    tensors.push({
      id,
      role,
      shape,
      nonzeros,
      ...(dense ? {} : { mask: id }),
      ...(within === undefined ? {} : { within }),
    });
    return mask;
  };
  const draw = (shape: number[], density: number) => select(onesMask(shape), density, random);
  const { N, C, H, W, K, R, S } = CONV;
  add("w", "weight", [K, C, R, S], draw([K, C, R, S], densities.weight));
  const input = add("x", "activation", [N, C, H, W], draw([N, C, H, W], densities.input));
  if (densities.kept < 1) add("saved", "savedActivation", [N, C, H, W], select(input, densities.kept, random), "x");
  add("g", "gradient", [N, K, H, W], draw([N, K, H, W], densities.outputGrad));
  add("y", "activation", [N, K, H, W], onesMask([N, K, H, W]));
  add("gx", "gradient", [N, C, H, W], onesMask([N, C, H, W]));
  for (const [id, role] of [
    ["master", "parameter"],
    ["grad", "parameterGrad"],
    ["momentum", "optimizerState"],
  ] as const) {
    add(id, role, [K, C, R, S], onesMask([K, C, R, S]));
  }
  const conv = { kind: "conv", layer: "conv1", geometry: CONV } as const;
  const saved = densities.kept < 1 ? "saved" : "x";
  const ops: TraceOp[] = [
    { ...conv, pass: "forward", operands: { input: "x", weight: "w" }, output: "y" },
    { kind: "relu", pass: "forward", layer: "relu1", reads: ["y"], writes: ["y"] },
    { ...conv, pass: "inputGrad", operands: { outputGrad: "g", weight: "w" }, output: "gx" },
    { ...conv, pass: "weightGrad", operands: { outputGrad: "g", input: saved }, output: "grad" },
    {
      kind: "optimizer",
      pass: "update",
      layer: "conv1",
      reads: ["master", "grad", "momentum"],
      writes: ["master", "momentum"],
    },
  ];
  const name = densities.kept < 1 ? "swat-u" : "dense";
  const manifest: TraceManifest = {
    version: "1.0",
    network: "one-conv",
    method: { name, topKPeriod: 4 },
    step: 7,
    tensors,
    ops,
    ...change,
  };
  return encodeTrace(manifest, masks);
}

function select(from: BitMask, density: number, random: () => number): BitMask {
  const mask = zerosMask(from.shape);
  const size = sliceSize(from.shape);
  const stride = mask.bytes.length / from.shape[0];
  for (let slice = 0; slice < from.shape[0]; slice++) {
    for (let i = 0; i < size; i++) {
      const isOne = (from.bytes[slice * stride + (i >> 3)] >> (i & 7)) & 1;
      if (isOne === 1 && random() < density) setBit(mask, slice, i);
    }
  }
  return mask;
}

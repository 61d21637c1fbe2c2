/** Parts of an operation: some of its images or channels, as an operation of its own. */
import { type BitMask, fullMask, isMarkedFull, sliceBytes, zerosMask } from "../../core/bit-mask.ts";
import { type ConvGeometry, sizeOf } from "../../core/geometry.ts";
import { type Operand, SHAPE_OF } from "../../core/passes.ts";
import type { CutAxis } from "../hardware/accelerator.ts";
import { mapMasks, type Operation } from "../operation/operation.ts";

/** Dimension of each operand's mask that an axis runs along; groups of a convolution are not cut by channels. */
const DIMENSION: Readonly<Record<CutAxis, Readonly<Partial<Record<Operand, 0 | 1>>>>> = {
  images: { input: 0, outputGrad: 0 },
  inputChannels: { input: 1, weight: 1 },
  outputChannels: { outputGrad: 1, weight: 0 },
};
const EXTENT = { images: "N", inputChannels: "C", outputChannels: "K" } as const;

/** Images or channels of a geometry. */
export function extentOf(geometry: ConvGeometry, axis: CutAxis): number {
  return geometry[EXTENT[axis]];
}

/** The operation on `indexes` of an axis only, in that order. */
export function take(operation: Operation, axis: CutAxis, indexes: readonly number[]): Operation {
  const geometry = resized(operation.geometry, axis, indexes.length);
  return mapAlong({ ...operation, geometry }, axis, (mask, along, name) =>
    isMarkedFull(mask) ? fullMask(SHAPE_OF[name](geometry)) : takeOf(mask, along, indexes),
  );
}

/** Parts of one size share their geometry, by which machines remember what depends on nothing else. */
function resized(geometry: ConvGeometry, axis: CutAxis, count: number): ConvGeometry {
  const known = geometries.get(geometry) ?? new Map<string, ConvGeometry>();
  geometries.set(geometry, known);
  const key = `${axis} ${count}`;
  const sized = known.get(key) ?? { ...geometry, [EXTENT[axis]]: count };
  known.set(key, sized);
  return sized;
}

const geometries = new WeakMap<ConvGeometry, Map<string, ConvGeometry>>();

/** The operation on `count` images or channels without a nonzero. */
export function blank(operation: Operation, axis: CutAxis, count: number): Operation {
  const geometry = resized(operation.geometry, axis, count);
  return mapAlong({ ...operation, geometry }, axis, (_, __, name) => zerosMask(SHAPE_OF[name](geometry)));
}

/** `sliced` with the masks that the axis runs along mapped. */
function mapAlong(
  sliced: Operation,
  axis: CutAxis,
  map: (mask: BitMask, along: 0 | 1, name: Operand) => BitMask,
): Operation {
  return mapMasks(sliced, (mask, name) => {
    const along = DIMENSION[axis][name];
    return along === undefined ? mask : map(mask, along, name);
  });
}

function takeOf(mask: BitMask, along: 0 | 1, indexes: readonly number[]): BitMask {
  return along === 0 ? takeSlices(mask, indexes) : takeChannels(mask, indexes);
}

function takeSlices(mask: BitMask, indexes: readonly number[]): BitMask {
  const taken = zerosMask([indexes.length, ...mask.shape.slice(1)]);
  const stride = sliceBytes(mask.shape);
  indexes.forEach((index, to) => {
    taken.bytes.set(mask.bytes.subarray(index * stride, (index + 1) * stride), to * stride);
  });
  return taken;
}

function takeChannels(mask: BitMask, indexes: readonly number[]): BitMask {
  const [slices, , ...plane] = mask.shape;
  const taken = zerosMask([slices, indexes.length, ...plane]);
  const size = sizeOf(plane);
  const [from, to] = [sliceBytes(mask.shape), sliceBytes(taken.shape)];
  const bytes = size / 8;
  for (let slice = 0; slice < slices; slice++) {
    for (let i = 0; i < indexes.length; i++) {
      if (Number.isInteger(bytes)) {
        const at = slice * from + indexes[i] * bytes;
        taken.bytes.set(mask.bytes.subarray(at, at + bytes), slice * to + i * bytes);
        continue;
      }
      let source = slice * from * 8 + indexes[i] * size;
      let target = slice * to * 8 + i * size;
      for (let bit = 0; bit < size; bit++, source++, target++) {
        taken.bytes[target >> 3] |= ((mask.bytes[source >> 3] >> (source & 7)) & 1) << (target & 7);
      }
    }
  }
  return taken;
}

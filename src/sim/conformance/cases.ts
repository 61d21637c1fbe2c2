/** Operations that the laws of conformance run: random masks on a shape, thinned and reordered, with their effectual MACs. */
import { type BitMask, getBit, onesMask, setBit, sliceSize, zerosMask } from "../../core/bit-mask.ts";
import { type ConvGeometry, inputShape, outputShape, weightShape } from "../../core/geometry.ts";
import { effectualMacs } from "../operation/mac-counts.ts";
import { mapMasks, OPERANDS_OF, type Operand, type Operation, type Pass, withMasks } from "../operation/operation.ts";

/** An operation and its MACs of two nonzeros. */
export interface ConformanceCase {
  readonly operation: Operation;
  readonly macs: number;
}

/** Cases by name, made once for all machines. */
const cases = new Map<string, ConformanceCase>();

function caseNamed(name: string, make: () => Operation): ConformanceCase {
  let known = cases.get(name);
  if (known === undefined) {
    const operation = make();
    known = { operation, macs: effectualMacs(operation) };
    cases.set(name, known);
  }
  return known;
}

/** A pass over the geometry called `shape`, its operands with `density` ones. */
export function caseOf(pass: Pass, shape: string, geometry: ConvGeometry, density: number): ConformanceCase {
  return caseNamed(`${pass} ${shape} ${density}`, () => randomOperation(pass, geometry, density));
}

/** The same case, of whose ones in `operands` only the share `kept` is left. */
export function thinnedCase(
  pass: Pass,
  shape: string,
  geometry: ConvGeometry,
  density: number,
  { operands, kept }: { readonly operands: readonly Operand[]; readonly kept: number },
): ConformanceCase {
  return caseNamed(`${pass} ${shape} ${density} ${operands} ${kept}`, () => {
    const { operation } = caseOf(pass, shape, geometry, density);
    return mapMasks(operation, (mask, operand) => {
      const index = operands.indexOf(operand);
      return index < 0 ? mask : thinnedMask(mask, kept, index);
    });
  });
}

function thinnedMask(mask: BitMask, kept: number, index: number): BitMask {
  const keep = randomMask(mask.shape, kept, OPERANDS_OF.forward.length + index + 1);
  return { shape: mask.shape, bytes: mask.bytes.map((byte, i) => byte & keep.bytes[i]) };
}

/** Masks of the pass's operands with `density` ones, always the same for the same arguments. */
export function randomOperation(pass: Pass, geometry: ConvGeometry, density: number): Operation {
  const shapes: Readonly<Record<Operand, readonly number[]>> = {
    weight: weightShape(geometry),
    input: inputShape(geometry),
    outputGrad: outputShape(geometry).map((extent) => Math.max(0, extent)),
  };
  const masks = OPERANDS_OF[pass].map((operand, i) => [operand, randomMask(shapes[operand], density, i + 1)] as const);
  return withMasks({ pass, layer: "conformance", geometry, topKPeriod: 1 }, masks);
}

function randomMask(shape: readonly number[], density: number, seed: number): BitMask {
  if (density === 1) return onesMask(shape);
  const mask = zerosMask(shape);
  const elements = sliceSize(shape);
  // Marsaglia's xorshift32, spread by a prime so that small seeds part at once.
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  for (let slice = 0; slice < shape[0]; slice++) {
    for (let i = 0; i < elements; i++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      if ((state >>> 0) / 2 ** 32 < density) setBit(mask, slice, i);
    }
  }
  return mask;
}

/**
 * The operation with the filters of each set of `rows` in reverse order: output channels of the weights (forward) or of
 * outputGrad (weightGrad), input channels of the weights (inputGrad). The other operand stays.
 */
export function withFiltersTurned(operation: Operation, rows: number): Operation {
  const turned = operation.pass === "weightGrad" ? "outputGrad" : "weight";
  return mapMasks(operation, (mask, operand) => (operand === turned ? turnedMask(operation, mask, rows) : mask));
}

function turnedMask({ pass, geometry: g }: Operation, mask: BitMask, rows: number): BitMask {
  const turned = zerosMask(mask.shape);
  const outer = pass === "forward";
  const perGroup = pass === "inputGrad" ? g.C / g.groups : g.K / g.groups;
  const [slices, channels, height, width] = mask.shape;
  const inner = height * width;
  for (let slice = 0; slice < slices; slice++) {
    for (let c = 0; c < channels; c++) {
      const toSlice = outer ? turnedIndex(slice, perGroup, rows) : slice;
      const toChannel = outer ? c : turnedIndex(c, perGroup, rows);
      for (let i = 0; i < inner; i++) {
        if (getBit(mask, slice, c * inner + i)) setBit(turned, toSlice, toChannel * inner + i);
      }
    }
  }
  return turned;
}

/** Index of an item when every set of `rows` items within its group is reversed. */
function turnedIndex(index: number, perGroup: number, rows: number): number {
  const group = Math.floor(index / perGroup) * perGroup;
  const within = index - group;
  const first = Math.floor(within / rows) * rows;
  const last = Math.min(first + rows, perGroup) - 1;
  return group + first + last - within;
}

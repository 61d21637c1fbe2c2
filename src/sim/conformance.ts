/**
 * Laws that every accelerator must keep, whoever wrote it: a list of named checks over varied shapes, passes and densities.
 * Depends on no test framework, so that a machine from outside the package can be checked too.
 */
import { type BitMask, getBit, onesMask, setBit, sliceSize, zerosMask } from "../kernels/bit-mask.ts";
import {
  type ConvGeometry,
  inputShape,
  linearGeometry,
  outputHeight,
  outputShape,
  outputWidth,
  weightShape,
} from "../kernels/geometry.ts";
import type { Accelerator, ComputeResult } from "./accelerator.ts";
import { OPERANDS_OF, type Operand, type Operation, PASSES, type Pass } from "./operation.ts";

/** One law; `check` throws an Error that says how it is broken. */
export interface ConformanceProperty {
  readonly name: string;
  check(): void;
}

const conv = (
  N: number,
  C: number,
  size: number,
  K: number,
  kernel: number,
  rest: Partial<ConvGeometry> = {},
): ConvGeometry => ({
  ...{ N, C, H: size, W: size, K, R: kernel, S: kernel },
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
  ...rest,
});

/** Small shapes of every kind, by name. */
const SHAPES: Readonly<Record<string, ConvGeometry>> = {
  "3×3": conv(1, 20, 6, 18, 3, { padding: [1, 1, 1, 1] }),
  "3×3 of three images": conv(3, 5, 5, 17, 3, { padding: [1, 1, 1, 1] }),
  "odd sizes and kernel 2×3": conv(1, 33, 5, 7, 2, { W: 9, S: 3, padding: [0, 1, 2, 0] }),
  "1×1": conv(2, 35, 4, 19, 1),
  "stride 2": conv(1, 18, 9, 20, 3, { stride: [2, 2], padding: [1, 0, 1, 0] }),
  "stride 2 of three channels": conv(2, 3, 11, 18, 7, { stride: [2, 2], padding: [3, 3, 3, 3] }),
  "stride 3, kernel 2": conv(1, 6, 10, 9, 2, { stride: [3, 3] }),
  "stride 1×2": conv(1, 6, 7, 9, 3, { stride: [1, 2], padding: [1, 1, 1, 1] }),
  "stride 2, kernel 1": conv(1, 18, 7, 20, 1, { stride: [2, 2] }),
  dilated: conv(1, 17, 9, 6, 3, { dilation: [2, 3], padding: [2, 2, 3, 3] }),
  "dilated with a stride": conv(1, 7, 11, 6, 3, { dilation: [2, 3], stride: [2, 2], padding: [2, 1, 0, 3] }),
  grouped: conv(2, 12, 5, 20, 3, { groups: 4, padding: [1, 1, 1, 1] }),
  depthwise: conv(1, 9, 6, 9, 3, { groups: 9, padding: [1, 1, 1, 1] }),
  "depthwise with a stride": conv(1, 6, 6, 12, 3, { groups: 6, stride: [2, 2], padding: [1, 1, 1, 1] }),
  "kernel larger than the input": conv(1, 4, 2, 6, 5, { padding: [2, 2, 2, 2] }),
  linear: linearGeometry(1, 70, 37),
  "linear of three images": linearGeometry(3, 33, 40),
};

/** Shapes without work. */
const EMPTY_SHAPES: Readonly<Record<string, ConvGeometry>> = {
  "no images": conv(0, 4, 5, 6, 3),
  "no input channels": conv(1, 0, 5, 6, 3),
  "no filters": conv(1, 4, 5, 0, 3),
  "no output": conv(1, 4, 2, 6, 5),
  "no height": conv(1, 4, 5, 6, 3, { H: 0 }),
};

const FULL = 64;
/** Shapes whose reduction fills `FULL` lanes in every pass. */
const FULL_SHAPES: Readonly<Record<string, ConvGeometry>> = {
  "3×3": conv(1, FULL, 8, FULL, 3, { padding: [1, 1, 1, 1] }),
  "stride 2": conv(1, FULL, 16, FULL, 3, { stride: [2, 2], padding: [1, 1, 1, 1] }),
  dilated: conv(1, FULL, 8, FULL, 3, { dilation: [2, 2], padding: [2, 2, 2, 2] }),
  "two groups": conv(1, 2 * FULL, 8, 2 * FULL, 1, { groups: 2 }),
};

const DENSITIES = [0, 0.1, 0.5, 1];

/** The laws of `accelerator` with `params`, which must match its schema. */
export function conformanceProperties<Schema extends Accelerator["params"]>(
  accelerator: Accelerator<Schema>,
  params: Parameters<Accelerator<Schema>["run"]>[1],
): ConformanceProperty[] {
  const run = (operation: Operation) => accelerator.run(operation, params);
  const properties: ConformanceProperty[] = [
    {
      name: "the array has multipliers",
      check: () => ensure(accelerator.multipliers(params) > 0, "multipliers are not positive"),
    },
  ];
  const add = (name: string, check: () => void) => properties.push({ name, check });
  const dense = accelerator.withoutSkipping(params);
  const settings = params as Readonly<Record<string, unknown>>;

  for (const pass of PASSES) {
    for (const [shape, geometry] of Object.entries(SHAPES)) {
      for (const density of DENSITIES) {
        const what = `${pass}, ${shape}, density ${density}`;
        const operation = () => caseOf(pass, shape, geometry, density).operation;
        add(`${what}: counts are whole and within their bounds`, () => {
          const result = run(operation());
          checkBounds(result);
          const { macs } = caseOf(pass, shape, geometry, density);
          const least = macs / accelerator.multipliers(params);
          ensure(result.cycles >= least, `${result.cycles} cycles for ${macs} effectual MACs`);
        });
        add(`${what}: two runs are equal`, () => {
          ensureEqual("result", JSON.stringify(run(operation())), JSON.stringify(run(operation())));
        });
        add(`${what}: without skipping the cycles are the base cycles`, () => {
          const result = accelerator.run(operation(), dense);
          ensureEqual("cycles", result.cycles, result.baseCycles);
          ensureEqual("base cycles", run(operation()).baseCycles, result.baseCycles);
          ensureEqual("rescheduling cycles", result.reschedulingCycles, 0);
        });
        if (typeof settings.rows !== "number" || density === 0) continue;
        const rows = settings.rows;
        add(`${what}: the order of filters within a set of rows changes nothing`, () => {
          ensureEqual("cycles", run(withFiltersTurned(operation(), rows)).cycles, run(operation()).cycles);
        });
      }
    }
    for (const [shape, geometry] of Object.entries(EMPTY_SHAPES)) {
      add(`${pass}, ${shape}: takes no cycles`, () => {
        const result = run(randomOperation(pass, geometry, 1));
        checkBounds(result);
        ensureEqual("base cycles", result.baseCycles, 0);
        ensureEqual("rescheduling cycles", result.reschedulingCycles, 0);
      });
    }
    if (typeof settings.lanes === "number" && FULL % settings.lanes !== 0) continue;
    for (const [shape, geometry] of Object.entries(FULL_SHAPES)) {
      add(`${pass}, ${shape}, dense with full lanes and solid padding: equals the array without skipping`, () => {
        const operation = { ...randomOperation(pass, geometry, 1), solidPadding: true };
        const result = run(operation);
        ensureEqual("cycles", result.cycles, result.baseCycles);
        ensureEqual("cycles", result.cycles, accelerator.run(operation, dense).cycles);
      });
    }
  }
  return properties;
}

function checkBounds(result: ComputeResult): void {
  const { packedCycles, cycles, baseCycles, reschedulingCycles, onChipWrites } = result;
  const counts = {
    packedCycles,
    cycles,
    baseCycles,
    reschedulingCycles,
    onChipWrites,
    ...result.counters,
    ...result.onChipReads,
  };
  for (const [name, count] of Object.entries(counts)) {
    ensure(Number.isSafeInteger(count) && count >= 0, `${name} is ${count}`);
  }
  ensure(packedCycles <= cycles, `ideal ${packedCycles} > ${cycles} cycles`);
  // A base without bank conflicts may be beaten by what conflicts cost where little can be skipped.
  const conflicts = result.counters.conflictCycles ?? 0;
  ensure(cycles - conflicts <= baseCycles, `${cycles} cycles, ${conflicts} of conflicts > base ${baseCycles}`);
}

interface Case {
  readonly operation: Operation;
  readonly macs: number;
}

/** Operations and their effectual MACs, which every machine shares: counting them takes longer than running them. */
const cases = new Map<string, Case>();

function caseOf(pass: Pass, shape: string, geometry: ConvGeometry, density: number): Case {
  const key = `${pass} ${shape} ${density}`;
  let known = cases.get(key);
  if (known === undefined) {
    const operation = randomOperation(pass, geometry, density);
    known = { operation, macs: effectualMacs(operation) };
    cases.set(key, known);
  }
  return known;
}

/** Masks of the pass's operands with `density` ones, always the same for the same arguments. */
function randomOperation(pass: Pass, geometry: ConvGeometry, density: number): Operation {
  const shapes: Readonly<Record<Operand, readonly number[]>> = {
    weight: weightShape(geometry),
    input: inputShape(geometry),
    outputGrad: outputShape(geometry).map((extent) => Math.max(0, extent)),
  };
  const masks: Partial<Record<Operand, BitMask>> = {};
  OPERANDS_OF[pass].forEach((operand, i) => {
    masks[operand] = randomMask(shapes[operand], density, i + 1);
  });
  return { pass, layer: "conformance", geometry, masks, topKPeriod: 1 };
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

/** MACs whose two operands are nonzero, by brute force over the loops of a convolution. */
function effectualMacs({ pass, geometry: g, masks }: Operation): number {
  const [a, b] = OPERANDS_OF[pass].map((operand) => unpacked(masks[operand] as BitMask));
  const inputs = g.C / g.groups;
  const outputs = g.K / g.groups;
  const [P, Q] = [outputHeight(g), outputWidth(g)];
  let macs = 0;
  for (let i = 0; i < g.N * g.K * P * Q * inputs * g.R * g.S; i++) {
    // Loop indices from one counter, s fastest, then r, c, q, p, k and n.
    let rest = i;
    const next = (extent: number) => {
      const index = rest % extent;
      rest = (rest - index) / extent;
      return index;
    };
    const [s, r, c, q, p, k, n] = [next(g.S), next(g.R), next(inputs), next(Q), next(P), next(g.K), rest];
    const h = p * g.stride[0] + r * g.dilation[0] - g.padding[0];
    const w = q * g.stride[1] + s * g.dilation[1] - g.padding[2];
    if (h < 0 || h >= g.H || w < 0 || w >= g.W) continue;
    const channel = Math.floor(k / outputs) * inputs + c;
    const at: Readonly<Record<Operand, number>> = {
      weight: ((k * inputs + c) * g.R + r) * g.S + s,
      input: ((n * g.C + channel) * g.H + h) * g.W + w,
      outputGrad: ((n * g.K + k) * P + p) * Q + q,
    };
    macs += a[at[OPERANDS_OF[pass][0]]] * b[at[OPERANDS_OF[pass][1]]];
  }
  return macs;
}

/** A mask with one byte an element, in C order. */
function unpacked(mask: BitMask): Uint8Array {
  const size = sliceSize(mask.shape);
  return Uint8Array.from({ length: mask.shape[0] * size }, (_, i) =>
    Number(getBit(mask, Math.floor(i / size), i % size)),
  );
}

/**
 * The operation with the filters of each set of `rows` in reverse order: output channels of the weights (forward) or of
 * outputGrad (weightGrad), input channels of the weights (inputGrad). The other operand stays.
 */
function withFiltersTurned(operation: Operation, rows: number): Operation {
  const { pass, geometry: g } = operation;
  const operand = pass === "weightGrad" ? "outputGrad" : "weight";
  const mask = operation.masks[operand] as BitMask;
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
  return { ...operation, masks: { ...operation.masks, [operand]: turned } };
}

/** Index of an item when every set of `rows` items within its group is reversed. */
function turnedIndex(index: number, perGroup: number, rows: number): number {
  const group = Math.floor(index / perGroup) * perGroup;
  const within = index - group;
  const first = Math.floor(within / rows) * rows;
  const last = Math.min(first + rows, perGroup) - 1;
  return group + first + last - within;
}

function ensure(holds: boolean, fault: string): void {
  if (!holds) throw new Error(fault);
}

function ensureEqual<T>(what: string, actual: T, expected: T): void {
  ensure(actual === expected, `${what}: expected ${expected}, got ${actual}`);
}

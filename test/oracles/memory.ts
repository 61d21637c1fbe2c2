/**
 * A blind, literal model of memory traffic, written from our documents: it walks the loops over fixed tiles one turn after
 * another. A case is one layer on a machine of ours; the bytes of every boundary and tensor are compared, and those of outputs
 * also by direction.
 */

import { type BitMask, countOnes, maskOfNonzeros, onesMask } from "../../src/core/bit-mask.ts";
import { type ConvGeometry, sizeOf } from "../../src/core/geometry.ts";
import { SHAPE_OF } from "../../src/core/passes.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { resolveMachine } from "../../src/sim/hardware/machine.ts";
import { OPERANDS_OF, type Operand, PASSES, type Pass } from "../../src/sim/operation/operation.ts";
import type { ResultRow } from "../../src/sim/result/result.ts";
import { simulate } from "../../src/sim/simulate.ts";
import type { TraceManifest } from "../../src/trace/manifest.ts";
import { encodeTrace, openTrace } from "../../src/trace/trace.ts";
import type { Oracle, Tally } from "./oracle.ts";

type Sizes = Omit<ConvGeometry, "stride" | "padding" | "dilation"> & {
  readonly stride: number | readonly [number, number];
  readonly dilation?: number | readonly [number, number];
  readonly pad: ConvGeometry["padding"];
};

interface PackedMask {
  readonly shape: readonly number[];
  readonly bits: string;
}

/** Bytes by boundary and tensor. */
type Traffic = Readonly<Record<string, Readonly<Record<string, number>>>>;

interface Case {
  readonly name: string;
  readonly pass: Pass;
  readonly kind: string;
  readonly geometry: Sizes;
  readonly linear: boolean;
  readonly machine: object;
  readonly masks: "ones" | Readonly<Record<Operand, PackedMask | "ones">>;
  readonly expected: Traffic;
  readonly split?: Readonly<
    Record<string, Readonly<Record<string, { readonly read: number; readonly written: number }>>>
  >;
}

/** Adapter of the literal model of memory traffic. */
export const memory: Oracle = {
  id: "memory",
  async replay(_dir, entry, _index, tally) {
    const golden = entry as unknown as Case;
    compare(golden, await rowOf(golden), tally);
  },
};

function compare({ name, pass, expected, split = {} }: Case, row: ResultRow, tally: Tally): void {
  for (const [place, tensors] of Object.entries(expected)) {
    for (const [tensor, bytes] of Object.entries(tensors)) {
      tally.compare(`${pass} ${tensor}`, `${name} ${place}`, bytes, row.traffic[place]?.[tensor] ?? 0);
    }
    const parts = split[place]?.output;
    if (parts === undefined) continue;
    const { partialReads = 0, partialWrites = 0, results = 0 } = row.outputTraffic?.[place] ?? {};
    tally.compare(`${pass} output read`, `${name} ${place}`, parts.read, partialReads);
    tally.compare(`${pass} output written`, `${name} ${place}`, parts.written, partialWrites + results);
  }
}

/** Simulates the layer of a case and gives the row of the pass that counts. */
async function rowOf({
  name,
  pass,
  geometry: sizes,
  linear,
  machine: config,
  masks: packed,
}: Case): Promise<ResultRow> {
  const { pad, stride, dilation = 1, ...rest } = sizes;
  const geometry = { ...rest, stride: pair(stride), padding: pad, dilation: pair(dilation) } as ConvGeometry;
  const masks = new Map<Operand, BitMask>();
  for (const operand of ["weight", "input", "outputGrad"] as const) {
    const mask = packed === "ones" ? "ones" : packed[operand];
    const shape = SHAPE_OF[operand](geometry);
    masks.set(operand, mask === "ones" ? onesMask(shape) : unpacked(mask, shape));
  }
  const roles = { weight: "weight", input: "activation", outputGrad: "gradient" } as const;
  const manifest = {
    version: "1.0",
    network: "one-layer",
    method: { name: "dense" },
    step: 0,
    tensors: [...masks].map(([id, mask]) => {
      const nonzeros = countOnes(mask);
      const { shape } = mask;
      return { id, role: roles[id], shape: [...shape], nonzeros, ...(nonzeros < sizeOf(shape) ? { mask: id } : {}) };
    }),
    ops: PASSES.map((each) => ({
      kind: linear ? "linear" : "conv",
      pass: each,
      layer: name,
      geometry,
      operands: Object.fromEntries(OPERANDS_OF[each].map((operand) => [operand, operand])),
    })),
  } as unknown as TraceManifest;
  const stored = new Map([...masks].filter(([, mask]) => countOnes(mask) < sizeOf(mask.shape)));
  const trace = await openTrace(memorySource(name, encodeTrace(manifest, stored)));
  const machine = resolveMachine({ name: "memory", source: name, ...config }, name, accelerators);
  const result = await simulate({ traces: [{ trace, name, sha256: "0".repeat(64) }], machines: [machine] });
  return result.machines[0].rows.find((row) => row.pass === pass) as ResultRow;
}

function pair(value: number | readonly [number, number]): readonly [number, number] {
  return typeof value === "number" ? [value, value] : value;
}

/** `numpy.packbits` of a flattened mask, most significant bit first. */
function unpacked({ bits }: PackedMask, shape: readonly number[]): BitMask {
  const bytes = Buffer.from(bits, "base64");
  const elements = Uint8Array.from({ length: sizeOf(shape) }, (_, at) => (bytes[at >> 3] >> (7 - (at & 7))) & 1);
  return maskOfNonzeros(elements, shape);
}

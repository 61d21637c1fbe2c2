/**
 * Bytes are conserved in every pass over odd shapes with random masks, on levels of random sizes whose tiles are searched, whatever
 * the formats.
 */
import fc from "fast-check";
import { type BitMask, countOnes } from "../../../src/core/bit-mask.ts";
import { sizeOf } from "../../../src/core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../../src/core/passes.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { conservationFaults } from "../../../src/sim/conformance/memory.ts";
import { type HardwareConfig, resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { checkRoom } from "../../../src/sim/memory/capacity.ts";
import { isMacOp, type TraceManifest, type TraceTensor } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace } from "../../../src/trace/trace.ts";
import { formats as chunked } from "../../support/literal-formats.ts";
import { type FuzzCase, fuzzCases, MULTIPLICATIONS, operationOf } from "./fuzz-case.ts";

const ROLES = { weight: "weight", input: "activation", outputGrad: "gradient" } as const;
const storage = fc.record({ weight: chunked, input: chunked, outputGrad: chunked });
const levels = fc.array(
  fc.record({
    bytes: fc.constantFrom(256, 1024, 8192, 2 ** 20),
    width: fc.integer({ min: 1, max: 64 }),
    storage: fc.option(storage, { nil: undefined }),
  }),
  { minLength: 1, maxLength: 3 },
);

/** A pass on a memory. */
export const conservationCases = fc.record({
  one: fuzzCases,
  levels,
  storage,
  resident: fc.constantFrom(0, 0.5, 0.9),
  bytesPerCycle: fc.integer({ min: 1, max: 64 }),
});
type ConservationCase = typeof conservationCases extends fc.Arbitrary<infer Case> ? Case : never;

/** Faults of a step of one pass. None where a level has no room for its smallest tile: such machines are refused. */
export async function conservationCaseFaults({ one, ...memory }: ConservationCase): Promise<string[]> {
  const { manifest, masks } = traceOf(one);
  const trace = await openTrace(memorySource("fuzz", encodeTrace(manifest, masks)));
  const machine = resolveMachine(configOf(memory), "fuzz", accelerators);
  try {
    checkRoom([machine], trace.manifest.ops.filter(isMacOp));
  } catch {
    return [];
  }
  return conservationFaults(trace, machine);
}

function configOf({ levels: some, storage: outside, resident, bytesPerCycle }: Omit<ConservationCase, "one">) {
  const sized = some.map(({ bytes, width, storage: formats }, i) => ({
    ...{ name: `level ${i}`, size: `${bytes} B`, width: `${width} B`, banks: 1, ports: 1 },
    ...{ readLatency: i, writeLatency: 1, ...(formats === undefined ? {} : { storage: formats }) },
  }));
  const memory: HardwareConfig["memory"] = {
    ...{ levels: sized, resident, storage: outside },
    dram: { bandwidth: `${bytesPerCycle} GB/s` },
  };
  return {
    ...{ name: "fuzz", source: "fuzz", accelerator: "ideal", params: { multipliers: 64 }, clock: "1 GHz", memory },
    datatype: { multiply: "bf16", accumulate: "fp32" },
  };
}

/** A step of one pass, whose result the next op reads. */
function traceOf(one: FuzzCase): { readonly manifest: TraceManifest; readonly masks: ReadonlyMap<string, BitMask> } {
  const { pass, geometry } = one;
  const { masks } = operationOf(one);
  const stored = new Map<string, BitMask>();
  const names = ["weight", "input", "outputGrad"] as const;
  const tensors = names.map((id): TraceTensor => {
    const shape = [...SHAPE_OF[id](geometry)];
    const mask = masks[id];
    const nonzeros = mask === undefined ? sizeOf(shape) : countOnes(mask);
    const isMasked = mask !== undefined && nonzeros < sizeOf(shape);
    if (isMasked) stored.set(id, mask);
    return { id, role: ROLES[id], shape, nonzeros, ...(isMasked ? { mask: id } : {}) };
  });
  const { stride, padding, dilation, ...sizes } = geometry;
  const result = RESULT_OF[pass];
  const [pair, four] = [(v: readonly number[]) => [v[0], v[1]] as [number, number], [...padding]];
  const manifest: TraceManifest = {
    ...{ version: "1.1", network: "fuzz", method: { name: "custom" }, step: 0, tensors },
    ops: [
      {
        ...{ kind: "conv", layer: "fuzz", ...MULTIPLICATIONS[pass], output: result },
        geometry: {
          ...{ ...sizes, stride: pair(stride), dilation: pair(dilation) },
          padding: four as [number, number, number, number],
        },
      },
      { kind: "relu", pass: "forward", layer: "next", reads: [result], writes: [result] },
    ],
  };
  return { manifest, masks: stored };
}

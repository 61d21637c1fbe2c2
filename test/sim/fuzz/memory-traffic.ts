/**
 * Compulsory traffic: whatever the tiling, every element that takes part in a multiplication crosses DRAM at least once, and with one
 * tile that holds everything no tensor crosses it more than once.
 */
import fc from "fast-check";
import type { BitMask } from "../../../src/core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../../src/core/geometry.ts";
import { RESULT_OF, SHAPE_OF } from "../../../src/core/passes.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { type HardwareConfig, resolveMachine } from "../../../src/sim/hardware/machine.ts";
import type { Pass } from "../../../src/sim/operation/operation.ts";
import type { ResultRow } from "../../../src/sim/result/result.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import type { TraceManifest, TraceTensor } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace } from "../../../src/trace/trace.ts";
import { type FuzzCase, fuzzCases, MULTIPLICATIONS } from "./fuzz-case.ts";

type Tensor = "weight" | "input" | "outputGrad";
type Tiling = NonNullable<NonNullable<HardwareConfig["memory"]["levels"]>[number]["tiling"]>;

const TENSORS = ["weight", "input", "outputGrad"] as const;
const ROLES = { weight: "weight", input: "activation", outputGrad: "gradient" } as const;
/** bf16 operands and fp32 sums; a weight gradient leaves as a sum, other results as operands. */
const VALUE_BYTES = 2;
const SUM_BYTES = 4;

const size = fc.integer({ min: 1, max: 9 });
const tilings: fc.Arbitrary<Tiling> = fc.record({
  ...{ images: size, rows: size, columns: size, filters: size, channels: size },
  order: fc.shuffledSubarray(["space", "filters", "channels"] as const, { minLength: 3 }).map((order) => [...order]),
});

/** One tile that holds whole tensors. A search for the fastest tiling may move them more often. */
const WHOLE: Tiling = {
  ...{ images: 99, rows: 99, columns: 99, filters: 999, channels: 999 },
  order: ["space", "filters", "channels"],
};

/** A case with the tilings of one or two levels, or with none: one tile of everything. */
export const memoryCases = fc.tuple(fuzzCases, fc.array(tilings, { maxLength: 2 }));

/** Faults in the DRAM traffic of a dense step of one layer. */
export async function memoryFaults([one, levels]: readonly [FuzzCase, readonly Tiling[]]): Promise<string[]> {
  const { pass, geometry } = one;
  const { dram } = (await rowOf(one, levels)).traffic;
  const touched = touchedElements(geometry);
  const bytesOf = (tensor: Tensor) => (tensor === "weight" && pass === "weightGrad" ? SUM_BYTES : VALUE_BYTES);
  return TENSORS.flatMap((tensor) => {
    const isResult = tensor === RESULT_OF[pass];
    const moved = dram[isResult ? "output" : tensor] ?? 0;
    const least = touched[tensor] * bytesOf(tensor);
    const most = levels.length > 0 ? Number.POSITIVE_INFINITY : sizeOf(SHAPE_OF[tensor](geometry)) * bytesOf(tensor);
    const what = `DRAM moves ${moved} bytes of ${tensor}`;
    return [
      ...(moved < least ? [`${what}, of which ${least} are multiplied`] : []),
      ...(moved > most ? [`${what}, which has ${most}`] : []),
    ];
  });
}

async function rowOf({ pass, geometry }: FuzzCase, levels: readonly Tiling[]): Promise<ResultRow> {
  const memory = {
    levels: (levels.length > 0 ? levels : [WHOLE]).map((tiling, i) => ({ name: `level ${i}`, size: "64 MiB", tiling })),
    resident: 0,
    dram: { bandwidth: "100 GB/s" },
    storage: { weight: "dense", input: "dense", outputGrad: "dense" },
  };
  const config = {
    ...{ name: "fuzz", source: "fuzz", accelerator: "ideal", params: { multipliers: 64 }, clock: "1 GHz", memory },
    datatype: { multiply: "bf16", accumulate: "fp32" },
  };
  const machine = resolveMachine(config, "fuzz", accelerators);
  const trace = await openTrace(
    memorySource("fuzz", encodeTrace(manifestOf(pass, geometry), new Map<string, BitMask>())),
  );
  const { machines } = await simulate({
    traces: [{ trace, name: "fuzz", sha256: "0".repeat(64) }],
    machines: [machine],
  });
  const row = machines[0].rows.find((each) => each.pass === pass && each.kind === "conv");
  if (row === undefined) throw new Error(`no row of ${pass}`);
  return row;
}

/** A step of one dense convolution with one pass. */
function manifestOf(pass: Pass, geometry: ConvGeometry): TraceManifest {
  const tensors = TENSORS.map((id): TraceTensor => {
    const shape = [...SHAPE_OF[id](geometry)];
    return { id, role: ROLES[id], shape, nonzeros: sizeOf(shape) };
  });
  const { stride, padding, dilation, ...sizes } = geometry;
  const four = [...padding] as [number, number, number, number];
  const pair = (value: readonly [number, number]) => [...value] as [number, number];
  return {
    ...{ version: "1.0", network: "fuzz", method: { name: "dense" }, step: 0, tensors },
    ops: [
      {
        ...{ kind: "conv", layer: "fuzz", ...MULTIPLICATIONS[pass] },
        geometry: { ...sizes, stride: pair(stride), padding: four, dilation: pair(dilation) },
      },
    ],
  };
}

/** Elements of each tensor that at least one multiplication inside the image reads or adds to. */
function touchedElements(g: ConvGeometry): Record<Tensor, number> {
  const axis = (i: 0 | 1, extent: number, kernel: number, outputs: number) => {
    const [inputs, taps, results] = [new Set<number>(), new Set<number>(), new Set<number>()];
    for (let output = 0; output < outputs; output++) {
      for (let tap = 0; tap < kernel; tap++) {
        const at = output * g.stride[i] + tap * g.dilation[i] - g.padding[2 * i];
        if (at < 0 || at >= extent) continue;
        inputs.add(at);
        taps.add(tap);
        results.add(output);
      }
    }
    return { inputs: inputs.size, taps: taps.size, results: results.size };
  };
  const y = axis(0, g.H, g.R, outputHeight(g));
  const x = axis(1, g.W, g.S, outputWidth(g));
  const any = y.inputs * x.inputs > 0 ? 1 : 0;
  return {
    weight: any * g.K * (g.C / g.groups) * y.taps * x.taps,
    input: any * g.N * g.C * y.inputs * x.inputs,
    outputGrad: any * g.N * g.K * y.results * x.results,
  };
}

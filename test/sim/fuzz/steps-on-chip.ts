/**
 * Random small steps whose ops share tensors, on a machine that keeps some of them on chip: placements and DRAM bytes must be
 * those of the literal walker. Tiles hold whole tensors, so that every op moves each of its tensors once.
 */
import fc from "fast-check";
import { type BitMask, maskOfNonzeros } from "../../../src/core/bit-mask.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { conservationFaults } from "../../../src/sim/conformance/memory.ts";
import { type HardwareConfig, type Machine, resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { planStep } from "../../../src/sim/memory/placement.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { stepOps } from "../../../src/step/method-overheads.ts";
import type { TraceManifest, TraceOp, TraceTensor } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace, type Trace } from "../../../src/trace/trace.ts";
import {
  type LiteralOp,
  type LiteralPlacement,
  type LiteralTensor,
  literalPlacements,
} from "../memory/literal-residence.ts";

const IMAGES = 2;
const LAYERS = [0, 1] as const;
/** Tensors of a layer: from one width to another. */
const ids = (layer: number) => ({
  ...{ x: `x${layer}`, y: `x${layer + 1}`, gx: `g${layer}`, gy: `g${layer + 1}` },
  ...{ w: `w${layer}`, dw: `dw${layer}`, master: `master${layer}`, momentum: `momentum${layer}` },
});
/** Ops that do not multiply, but for the update. */
export const OTHERS = ["batchNorm", "relu", "maxPool", "averagePool", "add", "concat", "dropout", "loss"] as const;
const PLACES = ["weight", "input", "outputGrad", "output"] as const;
const ANY_ID = ["x0", "x1", "x2", "g0", "g1", "g2", "w0", "w1", "dw0", "master0", "momentum1"];

const multiplying = fc.record({
  layer: fc.constantFrom(...LAYERS),
  pass: fc.constantFrom("forward" as const, "inputGrad" as const, "weightGrad" as const),
});
const updating = fc.record({ update: fc.constantFrom(...LAYERS), share: fc.constantFrom(1, 0.5, 0.3) });
const moving = fc.record({
  kind: fc.constantFrom(...OTHERS),
  reads: fc.subarray(ANY_ID, { minLength: 1, maxLength: 3 }),
  writes: fc.subarray(ANY_ID, { minLength: 1, maxLength: 2 }),
});
const format = fc.constantFrom("dense" as const, "bitmap" as const);
const formats = fc.record({ weight: format, input: format, outputGrad: format });

/** A step and what decides where its tensors lie. */
export const stepCases = fc.record({
  widths: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: 12 }))),
  /** One in so many elements is a zero, but for whole tensors without one. */
  zeros: fc.constantFrom(1, 2, 7),
  ops: fc.array(fc.oneof(multiplying, updating, moving, moving), { minLength: 1, maxLength: 14 }),
  room: fc.integer({ min: 0, max: 400 }),
  holds: fc.subarray([...PLACES], { minLength: 1 }),
  dram: formats,
  outer: formats,
});
/** One of them. */
export type StepCase = typeof stepCases extends fc.Arbitrary<infer Case> ? Case : never;

/** What the product and the literal walker say differently of a step, and bytes that are not conserved. */
export async function stepFaults(one: StepCase): Promise<string[]> {
  const { manifest, masks } = traceOf(one);
  const trace = await openTrace(memorySource("fuzz", encodeTrace(manifest, masks)));
  const machine = machineOf(one);
  const walked = literalPlacements(literalOps(manifest), literalTensors(one, manifest), one.room);
  const played = await placementsOf(trace, machine);
  const show = ({ readOnChip, writtenOnChip, read, written }: LiteralPlacement) =>
    `on chip reads [${[...readOnChip].sort()}], writes [${[...writtenOnChip].sort()}]; DRAM reads ${read}, writes ${written}`;
  const unequal = walked.flatMap((placement, at) => {
    const [expected, got] = [show(placement), show(played[at])];
    return expected === got ? [] : [`op ${at}: expected ${expected}, got ${got}`];
  });
  return [...unequal, ...(await conservationFaults(trace, machine))];
}

/** What the simulator says of every op of the trace. */
async function placementsOf(trace: Trace, machine: Machine): Promise<LiteralPlacement[]> {
  const plan = await planStep(trace, machine, true);
  const { machines } = await simulate({
    traces: [{ trace, name: "fuzz", sha256: "0".repeat(64) }],
    machines: [machine],
  });
  // No op of these steps is the method's; transpositions are of no use to lanes that hold anything.
  const needed = [...stepOps(trace.manifest).keys()].filter((at) => plan.tensors(at) !== null);
  return machines[0].rows.map(({ traffic: { dram } }, row) => {
    const { reads, writes } = plan.residence(needed[row]);
    const { read = 0, written = 0, output = 0, ...operands } = dram;
    const multiplied = Object.values(operands).reduce((sum, bytes) => sum + bytes, 0);
    return { readOnChip: [...reads], writtenOnChip: [...writes], read: read + multiplied, written: written + output };
  });
}

const BUFFER_BYTES = 2 ** 20;
const WHOLE = { order: ["space", "filters", "channels"] as const };

function machineOf({ room, holds, dram, outer }: StepCase): Machine {
  const tiling = { ...WHOLE, order: [...WHOLE.order] };
  const size = `${BUFFER_BYTES} B`;
  const levels: HardwareConfig["memory"]["levels"] = [
    { ...{ name: "outer", size, holds: [...holds], tiling, storage: outer, banks: 1, ports: 1 }, ...NO_LATENCY },
    { ...{ name: "inner", size, tiling, banks: 1, ports: 1 }, ...NO_LATENCY },
  ];
  // Half a byte more, so that no rounding takes one away.
  const memory = { levels, resident: (room + 0.5) / BUFFER_BYTES, dram: { bandwidth: "100 GB/s" }, storage: dram };
  const config = {
    ...{ name: "fuzz", source: "fuzz", accelerator: "ideal", params: { multipliers: 64 }, clock: "1 GHz", memory },
    datatype: { multiply: "bf16", accumulate: "fp32" },
  };
  return resolveMachine(config, "fuzz", accelerators);
}

const NO_LATENCY = { readLatency: 0, writeLatency: 0 };

/** A step of two 1×1 layers, of which tensors 0, 1, 2 are as wide as the case says. */
function traceOf({ widths, zeros, ops }: StepCase): { manifest: TraceManifest; masks: Map<string, BitMask> } {
  const masks = new Map<string, BitMask>();
  const tensor = (id: string, role: TraceTensor["role"], shape: number[]): TraceTensor => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const isMasked = zeros > 1 && MASKED.includes(role);
    const ones = Uint8Array.from({ length: size }, (_, i) => Number(!isMasked || (i + id.length) % zeros === 0));
    const nonzeros = ones.reduce((sum, one) => sum + one, 0);
    if (nonzeros < size) masks.set(id, maskOfNonzeros(ones, shape));
    return { id, role, shape, nonzeros, ...(nonzeros < size ? { mask: id } : {}) };
  };
  const tensors = [0, 1, 2].flatMap((i) => [
    tensor(`x${i}`, "activation", [IMAGES, widths[i], 1, 1]),
    tensor(`g${i}`, "gradient", [IMAGES, widths[i], 1, 1]),
  ]);
  for (const layer of LAYERS) {
    const { w, dw, master, momentum } = ids(layer);
    const shape = [widths[layer + 1], widths[layer], 1, 1];
    tensors.push(tensor(w, "weight", shape), tensor(dw, "parameterGrad", shape));
    tensors.push(tensor(master, "parameter", shape), tensor(momentum, "optimizerState", shape));
  }
  const manifest: TraceManifest = {
    ...{ version: "1.1", network: "fuzz", method: { name: "custom" }, step: 0, tensors },
    ops: ops.map((op): TraceOp => opOf(op, widths)),
  };
  return { manifest, masks };
}

const MASKED: readonly string[] = ["weight", "activation", "gradient"];

function opOf(op: StepCase["ops"][number], widths: readonly number[]): TraceOp {
  if ("kind" in op) return { pass: "forward", layer: "between", ...op };
  if ("update" in op) {
    const { dw, master, momentum } = ids(op.update);
    const [reads, writes] = [
      [master, dw, momentum],
      [master, momentum],
    ];
    return { kind: "optimizer", pass: "update", layer: `layer ${op.update}`, reads, writes, share: op.share };
  }
  const { layer, pass } = op;
  const { x, y, gx, gy, w, dw } = ids(layer);
  const multiplication = {
    forward: { pass: "forward", operands: { input: x, weight: w }, output: y },
    inputGrad: { pass: "inputGrad", operands: { outputGrad: gy, weight: w }, output: gx },
    weightGrad: { pass: "weightGrad", operands: { outputGrad: gy, input: x }, output: dw },
  } as const;
  const geometry = {
    ...{ N: IMAGES, C: widths[layer], H: 1, W: 1, K: widths[layer + 1], R: 1, S: 1, groups: 1 },
    ...{ stride: [1, 1] as [number, number], padding: [0, 0, 0, 0] as [number, number, number, number] },
    dilation: [1, 1] as [number, number],
  };
  return { kind: "conv", layer: `layer ${layer}`, geometry, ...multiplication[pass] };
}

/** Ops as a list of names; the update of a layer writes the weights that a multiplication of the layer reads. */
function literalOps({ ops }: TraceManifest): LiteralOp[] {
  const weights = new Map(
    ops.flatMap((op) => ("operands" in op && op.operands.weight ? [[op.layer, op.operands.weight]] : [])),
  );
  return ops.map((op): LiteralOp => {
    if ("operands" in op) {
      return { kind: op.kind, reads: Object.values(op.operands) as string[], writes: [op.output as string] };
    }
    const { kind, reads, writes, share = 1 } = op;
    const weight = kind === "optimizer" ? weights.get(op.layer) : undefined;
    return { kind, reads, writes: weight === undefined ? writes : [...writes, weight], share };
  });
}

const WIDE_BYTES = 4;
const VALUE_BYTES = 2;

function literalTensors(
  { holds, dram, outer }: StepCase,
  { tensors, ops }: TraceManifest,
): Record<string, LiteralTensor> {
  const isLasting = (role: string) => role === "parameter" || role === "optimizerState";
  return Object.fromEntries(
    tensors.map(({ id, role, shape, nonzeros }): [string, LiteralTensor] => {
      const roles = new Set<(typeof PLACES)[number]>();
      for (const op of ops) {
        if (!("operands" in op)) continue;
        for (const name of ["weight", "input", "outputGrad"] as const) if (op.operands[name] === id) roles.add(name);
        if (op.output === id) roles.add("output");
      }
      const operand = (["weight", "input", "outputGrad"] as const).find((name) => roles.has(name));
      if (roles.size === 0) roles.add(isLasting(role) ? "weight" : "output");
      const size = shape.reduce((product, extent) => product * extent, 1);
      const bytes = (storage: StepCase["dram"]) => {
        const dense = size * (isLasting(role) || role === "parameterGrad" ? WIDE_BYTES : VALUE_BYTES);
        const isBitmap = operand !== undefined && storage[operand] === "bitmap" && nonzeros < size;
        return isBitmap ? Math.min(dense, VALUE_BYTES * nonzeros + Math.ceil(size / 8)) : dense;
      };
      return [
        id,
        {
          ...{ dramBytes: bytes(dram), chipBytes: bytes(outer), outlivesStep: isLasting(role) },
          mayStay: [...roles].every((name) => holds.includes(name)),
        },
      ];
    }),
  );
}

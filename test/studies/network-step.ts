/**
 * One training step of a network, from the images to a simulated trace, and what must hold of it whatever the network:
 * the ops that backpropagation has, the densities that the method sets, and MACs that agree with the count without a run.
 */

import { loadMachines } from "../../src/api/open.ts";
import { sizeOf } from "../../src/core/geometry.ts";
import { memorySource } from "../../src/io/byte-source.ts";
import { createBackend } from "../../src/kernels/index.ts";
import { layersOf, type Network } from "../../src/networks/graph.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import type { SimulationResult } from "../../src/sim/result/result.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { networkMacs } from "../../src/step/flops.ts";
import { generatedData } from "../../src/swat/data/generated.ts";
import { TRAIN_DEFAULTS } from "../../src/swat/settings.ts";
import { train } from "../../src/swat/train.ts";
import type { TraceTensor } from "../../src/trace/manifest.ts";
import { openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

/** The methods that every network is tried with. */
export const STEP_METHODS = ["dense", "swat-u"] as const;
/** Name of such a method. */
export type StepMethod = (typeof STEP_METHODS)[number];

const SPARSITY = 0.9;

/** The parts of a step that are timed. */
type StepPart = "step" | "record" | "verify" | "simulate";

/** A recorded step and what TensorDash made of it. */
export interface NetworkStep {
  readonly trace: Trace;
  readonly traceBytes: number;
  readonly verifyFaults: readonly string[];
  readonly result: SimulationResult;
  /** CPU time of the process. */
  readonly seconds: Readonly<Record<StepPart, number>>;
}

/** Trains one step on `batch` generated images, records, verifies and simulates it, on one thread. */
export async function networkStep(network: Network, method: StepMethod, batch: number): Promise<NetworkStep> {
  const [channels, height, width] = network.nodes[0].shape;
  const data = generatedData({ seed: 1, channels, height, width, trainSize: batch, testSize: 1 });
  const seconds = { step: 0, record: 0, verify: 0, simulate: 0 };
  let last: NodeJS.CpuUsage | undefined;
  const lap = (part: StepPart) => {
    const { user, system } = process.cpuUsage(last);
    seconds[part] += (user + system) / 1e6;
    last = process.cpuUsage();
  };
  const loadImage: typeof data.train.loadImage = (...image) => {
    // What comes before the first image is no part of a step.
    last ??= process.cpuUsage();
    data.train.loadImage(...image);
  };
  const backend = createBackend("simd", 1);
  const settings = { ...TRAIN_DEFAULTS, method, sparsity: SPARSITY, epochs: 1, batchSize: batch };
  let bytes: Uint8Array = new Uint8Array();
  await train(
    network,
    { ...data, train: { ...data.train, loadImage } },
    { ...settings, schedule: [{ epoch: 0, rate: TRAIN_DEFAULTS.rate }] },
    backend,
    {
      records: () => {
        lap("step");
        return true;
      },
      onTrace: async (_, recorded) => {
        bytes = recorded;
        lap("record");
      },
      onProgress: () => lap("step"),
    },
  ).finally(() => backend.close());

  last = process.cpuUsage();
  const trace = await openTrace(memorySource(network.name, bytes));
  const verifyFaults = await verifyTrace(trace);
  lap("verify");
  const machines = await loadMachines(["tensordash-4096"], accelerators);
  const result = await simulate({ traces: [{ trace, name: network.name, sha256: "" }], machines });
  lap("simulate");
  return { trace, traceBytes: bytes.length, verifyFaults, result, seconds };
}

/** What is wrong with a step; nothing, if all is well. */
export function stepFaults(network: Network, method: StepMethod, step: NetworkStep): string[] {
  return [...step.verifyFaults, ...densityFaults(network, method, step), ...macFaults(network, method, step)];
}

/** Uniform weights have 2^23 magnitudes: at this rate they are equal to the last one kept, or zero. */
const WEIGHT_TIES = 2 ** -23;
/** Batch norm makes ±1 of a channel that has two values only, so that a few inputs of that size are equal. */
const INPUT_TIES = 0.01;
/** A depthwise filter that keeps one weight turns all the zeros that it reads into one value, which may be among the largest. */
const DEPTHWISE_TIES = 0.1;

function densityFaults(network: Network, method: StepMethod, { trace }: NetworkStep): string[] {
  const faults: string[] = [];
  const { ops } = trace.manifest;
  const isDepthwise = layersOf(network).some(({ geometry }) => geometry.groups > 1);
  const inputTies = isDepthwise ? DEPTHWISE_TIES : INPUT_TIES;
  for (const [index, { name }] of layersOf(network).entries()) {
    const isSparse = method !== "dense" && index > 0;
    for (const op of ops) {
      if (op.layer !== name || !("operands" in op)) continue;
      for (const operand of ["weight", "input"] as const) {
        const id = op.operands[operand];
        if (id === undefined) continue;
        const tensor = trace.tensor(id);
        const size = sizeOf(tensor.shape);
        const selected = isSparse && (operand === "weight" || op.pass === "weightGrad");
        const least = selected ? Math.min(keepCount(SPARSITY, size), naturalNonzeros(trace, tensor)) : 0;
        const slack = operand === "weight" ? 4 + 4 * size * WEIGHT_TIES : 1 + inputTies * size;
        const at = `${name} ${op.pass} ${operand}`;
        if (selected && !(tensor.nonzeros >= least && tensor.nonzeros <= least + slack)) {
          faults.push(`${at}: must keep ${least} of ${size}, got ${tensor.nonzeros}`);
        }
        if (!isSparse && operand === "weight" && tensor.nonzeros < size - slack) {
          faults.push(`${at}: must be dense, got ${tensor.nonzeros} of ${size}`);
        }
        if (!selected && tensor.within !== undefined) faults.push(`${at}: must not be a selection`);
      }
    }
  }
  return faults;
}

function naturalNonzeros(trace: Trace, { role, shape, within, nonzeros }: TraceTensor): number {
  if (role === "weight") return sizeOf(shape);
  return within === undefined ? nonzeros : trace.tensor(within).nonzeros;
}

/**
 * A row leaves out pairs with image padding, and the zeros between strided gradients: with both it is N times what the
 * authors' accounting counts of a pass (forward and weightGrad on the output's grid, inputGrad on the input's).
 */
function macFaults(network: Network, method: StepMethod, { trace, result }: NetworkStep): string[] {
  const faults: string[] = [];
  const [{ rows, totals }] = result.machines;
  const dense = layersOf(network).map(() => ({ weight: 0, input: 0 }));
  const counted = networkMacs(network, dense, "published").layers;
  let topK = 0;
  for (const [index, { layer, dense }] of counted.entries()) {
    for (const pass of ["forward", "inputGrad", "weightGrad"] as const) {
      const found = rows.filter(
        (row) => row.layer === layer && row.pass === pass && (row.kind === "conv" || row.kind === "linear"),
      );
      const at = `${layer} ${pass}`;
      // Nobody needs the gradient of the images, which the first layer alone reads.
      const expected = index === 0 && pass === "inputGrad" ? 0 : 1;
      if (found.length !== expected) faults.push(`${at}: must be ${expected} ops, got ${found.length}`);
      for (const { macs } of found) {
        const N = trace.tensor(`${layer}:output`).shape[0];
        const all = macs.dense + macs.imagePadding + macs.stride;
        if (all !== N * dense[pass]) faults.push(`${at}: must be ${N} × ${dense[pass]} MACs, got ${all}`);
        if (macs.effectual > macs.dense) faults.push(`${at}: ${macs.effectual} of ${macs.dense} MACs are effectual`);
        topK += macs.topK;
      }
    }
  }
  const sum = rows.reduce((total, { macs }) => total + macs.dense, 0);
  if (sum !== totals.matmul.denseMacs) faults.push(`totals: ${totals.matmul.denseMacs} dense MACs, rows have ${sum}`);
  const { speedup } = totals.matmul;
  const { speedupFromZeros } = totals.matmul.compute;
  if (method === "swat-u") {
    if (topK <= 0) faults.push("top-k makes no MAC ineffectual");
    if (!(Number(speedup) > 1)) faults.push(`speedup must be above 1, got ${speedup}`);
    if (!(Number(speedupFromZeros) > 1)) faults.push(`speedup from zeros must be above 1, got ${speedupFromZeros}`);
  }
  return faults;
}

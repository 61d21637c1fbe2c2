/**
 * Holds machines against Raihan & Aamodt 2020: makes up steps of a network at the sparsities of their table of speed-ups, simulates them,
 * and counts FLOPs and memory as `flops` and `footprint` do. Published figures only stand beside what is computed.
 */
import { join } from "node:path";
import { withTemporaryFolder } from "../io/temporary-folder.ts";
import { sizeOf } from "../kernels/geometry.ts";
import { layersOf, type Network, parameterShape } from "../networks/graph.ts";
import type { MachinePoint, PaperComparison, PassSpeedups, SavedPoint } from "../report/paper.ts";
import { publishedFigures } from "../report/published-figures.ts";
import { PLAIN_STORAGE } from "../sim/footprint.ts";
import type { Part } from "../sim/held-tensors.ts";
import type { HardwareConfig } from "../sim/machine.ts";
import type { MachineResult, ResultRow, SimulationResult } from "../sim/result.ts";
import type { FixedMethod } from "../sparsity/methods.ts";
import { networkMacs } from "./flops.ts";
import { networkFootprint } from "./footprint.ts";
import { loadAccelerators, loadMachines, shippedMachines, writeTrace } from "./inputs.ts";
import { layerSparsities } from "./layer-sparsities.ts";
import { simulateFiles } from "./simulate-threads.ts";
import { synthesizeTrace } from "./synthetic/order.ts";
import { DEFAULT_POSITION } from "./synthetic/positions.ts";

/** Of the paper's speed-ups; 0 is dense training. */
export const PAPER_SPARSITIES = [0, 0.8, 0.9] as const;

const COPY: Part = "sparse copy of the weights";
const EQUAL_PEAK = "-4096";
/** Takes minutes for a step of ImageNet. */
const SLOW = "scnn";

/** What to compare. */
export interface PaperPlan {
  readonly network: Network;
  readonly method: Exclude<FixedMethod, "dense">;
  readonly batch: number;
  readonly seed: number;
  /** Names or paths of machines. */
  readonly hw: readonly string[];
  /** Modules of accelerators of one's own. */
  readonly modules?: readonly string[];
  readonly threads?: number;
}

/** Names of the shipped machines of equal peak that take seconds. */
export async function paperMachines(): Promise<string[]> {
  const machines = await loadMachines((await shippedMachines()).filter((name) => name.endsWith(EQUAL_PEAK)));
  return machines.filter(({ accelerator }) => accelerator.id !== SLOW).map(({ name }) => name);
}

/** What a comparison tells while it works. */
export interface PaperHooks {
  /** How many of the sparsities are done, as a fraction, too. */
  readonly onProgress?: (done: number, of: number) => void;
  readonly signal?: AbortSignal;
}

/** Compares. @throws InputError for unknown machines; the reason of the signal when it is aborted. */
export async function comparePaper(plan: PaperPlan, { onProgress, signal }: PaperHooks = {}): Promise<PaperComparison> {
  const { batch, seed, modules = [] } = plan;
  await loadMachines(plan.hw, await loadAccelerators(modules), "--hw");
  const network = plan.network.name;
  const results = await withTemporaryFolder(async (folder) => {
    const results: SimulationResult[] = [];
    for (const [index, sparsity] of PAPER_SPARSITIES.entries()) {
      const trace = join(folder, `${network}-${sparsity}.safetensors`);
      signal?.throwIfAborted();
      await writeStep(plan, sparsity, trace);
      const settings = {
        ...{ threads: plan.threads, signal },
        onProgress: (done: number, of: number) => onProgress?.(index + done / of, PAPER_SPARSITIES.length),
      };
      results.push(await simulateFiles({ traces: [trace], hw: plan.hw, modules }, settings));
    }
    return results;
  });
  const sparsest = results[results.length - 1];
  return {
    ...{ network, method: plan.method, batch, seed, synthetic: { position: DEFAULT_POSITION } },
    baseline: sparsest.baseline.machine,
    machines: sparsest.machines.map(({ name, config }) => {
      const steps = results.map(({ machines }) => machineOf(machines, config));
      return { name, points: steps.map((step, index) => pointOf(PAPER_SPARSITIES[index], step, steps[0].rows)) };
    }),
    ...savedOf(plan),
  };
}

/** What needs no simulation: FLOPs and memory, beside what was printed. */
export function savedOf({
  network,
  method,
  batch,
}: Pick<PaperPlan, "network" | "method" | "batch">): Pick<PaperComparison, "saved" | "published"> {
  return {
    saved: PAPER_SPARSITIES.map((sparsity) => savedAt(network, method, batch, sparsity)),
    published: PAPER_SPARSITIES.map((sparsity) => publishedFigures(network.name, method, sparsity)),
  };
}

async function writeStep({ network, batch, seed, ...plan }: PaperPlan, sparsity: number, path: string): Promise<void> {
  const method = sparsity === 0 ? "dense" : plan.method;
  await writeTrace(path, synthesizeTrace({ network: network.name, method, sparsity, batch, seed }));
}

function sparsitiesOf(network: Network, method: FixedMethod, sparsity: number) {
  return layerSparsities(layersOf(network).map(parameterShape), { method, sparsity });
}

/** A result lists machines by time, which differs from step to step. */
function machineOf(machines: readonly MachineResult[], config: HardwareConfig): MachineResult {
  const same = machines.find((machine) => JSON.stringify(machine.config) === JSON.stringify(config));
  return same as MachineResult;
}

/** One machine's rows of one step, and of the step of dense training. */
function pointOf(sparsity: number, { rows, baseline }: MachineResult, dense: readonly ResultRow[]): MachinePoint {
  // At the clock of the baseline, which is that of its equals.
  const overBaseline = (numerator: number, denominator: number) =>
    baseline.isCounterpart ? null : ratio(numerator, denominator);
  const speedups = (selects: (row: ResultRow) => boolean): PassSpeedups => {
    const own = sumOf(rows.filter(selects));
    const before = sumOf(dense.filter(selects));
    return {
      arrayOverBaseline: overBaseline(own.baselineCompute, own.compute),
      memoryOverBaseline: overBaseline(own.baselineSeconds, own.seconds),
      array: ratio(own.noZeros, own.compute),
      padding: ratio(own.counterpartCompute, own.compute),
      memory: ratio(own.counterpartSeconds, own.seconds),
      arrayOverDense: ratio(before.compute, own.compute),
      memoryOverDense: ratio(before.seconds, own.seconds),
    };
  };
  const isMac = ({ kind }: ResultRow) => kind === "conv" || kind === "linear";
  const { memory, memoryOverDense, memoryOverBaseline } = speedups(() => true);
  return {
    sparsity,
    forward: speedups((row) => isMac(row) && row.pass === "forward"),
    backward: speedups((row) => isMac(row) && row.pass !== "forward"),
    all: speedups(isMac),
    step: { memoryOverBaseline, memory, memoryOverDense },
  };
}

function sumOf(rows: readonly ResultRow[]) {
  const sum = {
    ...{ compute: 0, noZeros: 0, baselineCompute: 0, counterpartCompute: 0 },
    ...{ seconds: 0, baselineSeconds: 0, counterpartSeconds: 0 },
  };
  for (const row of rows) {
    sum.compute += row.cycles.compute;
    sum.noZeros += row.noZerosComputeCycles;
    sum.baselineCompute += row.baselineComputeCycles;
    sum.baselineSeconds += row.baselineSeconds;
    sum.counterpartCompute += row.counterpartComputeCycles;
    sum.seconds += row.seconds;
    sum.counterpartSeconds += row.counterpartSeconds ?? 0;
  }
  return sum;
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}

function savedAt(network: Network, asked: FixedMethod, batch: number, sparsity: number): SavedPoint {
  const method = sparsity === 0 ? "dense" : asked;
  const sparsities = sparsitiesOf(network, method, sparsity);
  const reduction = (accounting: "published" | "exact") =>
    networkMacs(network, sparsities, accounting).trainingReduction;
  // Natural zeros are not counted, as in the paper.
  const settings = { batch, method, sparsities, naturalDensity: 1 };
  const { parts, activations, published } = networkFootprint(network, settings, PLAIN_STORAGE);
  const saved = (bytes: number, denseBytes: number) => 1 - bytes / denseBytes;
  const sizes = layersOf(network).map((layer) => sizeOf(parameterShape(layer)) * PLAIN_STORAGE.valueBytes);
  const weights = sizes.reduce((sum, bytes) => sum + bytes, 0);
  // A layer that drops nothing multiplies with the master itself, and has no copy.
  const whole = sizes.reduce((sum, bytes, layer) => sum + (sparsities[layer].weight === 0 ? bytes : 0), 0);
  const { sparseBytes, sparseIndexedBytes } = parts.find(({ part }) => part === COPY) as (typeof parts)[number];
  return {
    sparsity,
    flops: { published: reduction("published"), exact: reduction("exact") },
    weights: {
      values: saved(sparseBytes + whole, weights),
      indexed: saved(sparseIndexedBytes + whole, weights),
    },
    activations: {
      published: saved(published.sparseBytes, published.denseBytes),
      values: saved(activations.sparseBytes, activations.denseBytes),
      indexed: saved(activations.sparseIndexedBytes, activations.denseBytes),
    },
  };
}

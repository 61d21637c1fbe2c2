/**
 * Compares machines with Raihan & Aamodt 2020: draws synthetic steps of a network at the sparsities of their table of speed-ups, early and
 * late in training, simulates them, and counts FLOPs and memory as `flops` and `footprint` do. Published figures enter no computation.
 */
import { join } from "node:path";
import { loadMachines, openMachines, writeTrace } from "../api/open.ts";
import { synthesizeTrace } from "../api/synthesize.ts";
import { type SimulationSettings, simulateFiles } from "../api/workers/simulate-threads.ts";
import { sizeOf } from "../core/geometry.ts";
import { withTemporaryFolder } from "../io/temporary-folder.ts";
import { layersOf, type Network, parameterShape } from "../networks/graph.ts";
import type { MachinePoint, PaperComparison, PassGains, SavedPoint } from "../report/paper/paper-comparison.ts";
import { publishedFigures } from "../report/paper/published-figures.ts";
import { standingOf } from "../sim/result/ranking.ts";
import { type MachineResult, type ResultRow, SELF, type SimulationResult } from "../sim/result/result.ts";
import type { FixedMethod } from "../sparsity/methods.ts";
import { networkMacs } from "../step/flops.ts";
import { PLAIN_STORAGE } from "../step/footprint.ts";
import { layerSparsities } from "../step/layer-sparsities.ts";
import type { Part } from "../step/live-ranges.ts";
import { networkFootprint } from "../step/network-footprint.ts";
import type { Position } from "../synthetic/positions.ts";

/** Of the paper's speed-ups; 0 is dense training. */
const PAPER_SPARSITIES = [0, 0.8, 0.9] as const;

/** The ends of the range of synthetic masks. */
export const PAPER_POSITIONS: readonly Position[] = ["early", "late"];

const COPY: Part = "sparse copy of the weights";
const COMMON_SET = "equal-peak";
/** Takes minutes for a step of ImageNet. */
const SLOW = "scnn";

/** What to compare. */
export interface PaperPlan {
  readonly network: Network;
  readonly method: Exclude<FixedMethod, "dense">;
  readonly batch: number;
  readonly seed: number;
  /** Positions in training whose masks are drawn. */
  readonly positions: readonly Position[];
  /** Names or paths of machines. */
  readonly hw: readonly string[];
  /** Modules of user accelerators. */
  readonly modules?: readonly string[];
  /** As for `simulate`. */
  readonly baseline?: string | undefined;
  readonly allowUnequal?: boolean | undefined;
  readonly threads?: number;
}

/** Names of the shipped machines of equal peak, except the slowest to simulate. */
export async function paperMachines(): Promise<string[]> {
  const machines = await loadMachines([COMMON_SET]);
  return machines.filter(({ accelerator }) => accelerator.id !== SLOW).map(({ name }) => name);
}

/** Callbacks of a comparison. */
export interface PaperHooks {
  /** Steps simulated, including the fraction of the current one, of all. */
  readonly onProgress?: (done: number, of: number) => void;
  readonly signal?: AbortSignal;
}

/** One synthetic step. */
interface Step {
  readonly sparsity: number;
  readonly position: Position;
}

/** A simulated step, with the sums of each machine by its config. */
interface SimulatedStep extends Step {
  readonly sums: ReadonlyMap<string, StepSums>;
}

/** Compares. @throws InputError for unknown machines; the reason of the signal when it is aborted. */
export async function comparePaper(plan: PaperPlan, { onProgress, signal }: PaperHooks = {}): Promise<PaperComparison> {
  const { method, batch, seed, positions } = plan;
  await openMachines(plan);
  const steps = PAPER_SPARSITIES.flatMap((sparsity) => positions.map((position): Step => ({ sparsity, position })));
  const simulated: SimulatedStep[] = [];
  let last: SimulationResult | undefined;
  for (const [index, step] of steps.entries()) {
    signal?.throwIfAborted();
    last = await simulateStep(plan, step, {
      signal,
      onProgress: (done: number, of: number) => onProgress?.(index + done / of, steps.length),
    });
    const sums = new Map(last.machines.map((machine) => [keyOf(machine), sumsOf(machine.rows)]));
    simulated.push({ ...step, sums });
  }
  return {
    ...{ network: plan.network.name, method, batch, seed, positions, baseline: last?.baseline.machine ?? SELF },
    machines: (last?.machines ?? []).map((machine) => ({
      ...{ name: machine.name, standing: standingOf(machine), differences: machine.baseline.differences },
      points: pointsOf(simulated, keyOf(machine)),
    })),
    ...savedOf(plan),
  };
}

/** What needs no simulation: FLOPs and memory, beside the published figures. */
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

/** Draws a step into a file, which helper threads can open, and simulates it. */
function simulateStep(
  { network, batch, seed, hw, modules, baseline, allowUnequal = false, threads, ...plan }: PaperPlan,
  { sparsity, position }: Step,
  hooks: Pick<SimulationSettings, "onProgress" | "signal">,
): Promise<SimulationResult> {
  return withTemporaryFolder(async (folder) => {
    const trace = join(folder, `${network.name}-${sparsity}.safetensors`);
    const method = sparsity === 0 ? "dense" : plan.method;
    await writeTrace(trace, synthesizeTrace({ network: network.name, method, sparsity, batch, seed, position }));
    return simulateFiles({ traces: [trace], hw, modules, baseline }, { threads, allowUnequal, ...hooks });
  });
}

/** Results list machines by time, which differs from step to step, and names may occur twice: a config identifies its machine. */
function keyOf({ config }: MachineResult): string {
  return JSON.stringify(config);
}

/** The points of one machine, each beside the step of dense training at the same position. */
function pointsOf(simulated: readonly SimulatedStep[], machine: string): MachinePoint[] {
  const sumsAt = (step: SimulatedStep | undefined) => step?.sums.get(machine) as StepSums;
  return simulated.map((step) => {
    const own = sumsAt(step);
    const dense = sumsAt(simulated.find(({ sparsity, position }) => sparsity === 0 && position === step.position));
    const { speedup, ownSkippingGain, speedupOverDenseTraining } = gainsOf(own.step, dense.step);
    return {
      ...{ sparsity: step.sparsity, position: step.position },
      forward: gainsOf(own.forward, dense.forward),
      backward: gainsOf(own.backward, dense.backward),
      all: gainsOf(own.all, dense.all),
      step: { speedup, ownSkippingGain, speedupOverDenseTraining },
    };
  });
}

function gainsOf(own: Sums, dense: Sums): PassGains {
  return {
    arraySpeedup: ratio(own.baselineCompute, own.compute),
    speedup: ratio(own.baselineSeconds, own.seconds),
    arrayGainFromZeros: ratio(own.noZeros, own.compute),
    arrayOwnSkippingGain: ratio(own.counterpartCompute, own.compute),
    ownSkippingGain: ratio(own.counterpartSeconds, own.seconds),
    arraySpeedupOverDenseTraining: ratio(dense.compute, own.compute),
    speedupOverDenseTraining: ratio(dense.seconds, own.seconds),
  };
}

type Sums = ReturnType<typeof sumOf>;
type StepSums = ReturnType<typeof sumsOf>;

function sumsOf(rows: readonly ResultRow[]) {
  const multiplying = rows.filter(({ kind }) => kind === "conv" || kind === "linear");
  return {
    forward: sumOf(multiplying.filter(({ pass }) => pass === "forward")),
    backward: sumOf(multiplying.filter(({ pass }) => pass !== "forward")),
    all: sumOf(multiplying),
    step: sumOf(rows),
  };
}

/** A machine and its baseline have one clock, so that cycles of their arrays are in proportion to time. */
function sumOf(rows: readonly ResultRow[]) {
  const sum = (of: (row: ResultRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    compute: sum(({ cycles }) => cycles.compute),
    noZeros: sum(({ noZerosComputeCycles }) => noZerosComputeCycles),
    baselineCompute: sum(({ baselineComputeCycles }) => baselineComputeCycles),
    counterpartCompute: sum(({ counterpartComputeCycles }) => counterpartComputeCycles),
    seconds: sum(({ seconds }) => seconds),
    baselineSeconds: sum(({ baselineSeconds }) => baselineSeconds),
    counterpartSeconds: sum(({ counterpartSeconds = 0 }) => counterpartSeconds),
  };
}

function ratio(numerator: number, denominator: number): number | null {
  return denominator > 0 ? numerator / denominator : null;
}

function savedAt(network: Network, asked: FixedMethod, batch: number, sparsity: number): SavedPoint {
  const method = sparsity === 0 ? "dense" : asked;
  const sparsities = layerSparsities(layersOf(network).map(parameterShape), { method, sparsity });
  const reduction = (accounting: "published" | "exact") =>
    networkMacs(network, sparsities, accounting).trainingReduction;
  // Activation zeros are not counted, as in the paper.
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

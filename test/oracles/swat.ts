/**
 * Oracle `swat`: PyTorch in float64. Every single operation and every SWAT layer runs on every build of our kernels;
 * values must lie within 10 × the noise of PyTorch's own float32, masks and counts must be equal.
 */
import { join } from "node:path";
import { unknownName } from "../../src/io/faults.ts";
import { readJsonFile } from "../../src/io/file-source.ts";
import type { Backend } from "../../src/kernels/backend.ts";
import { createBackend, isSupported } from "../../src/kernels/index.ts";
import { BUILD_NAMES, type BuildName, type Kernels } from "../../src/kernels/kernels.ts";
import { keepCount } from "../../src/sparsity/keep-count.ts";
import { arrayKernels } from "../kernels/array-kernels.ts";
import { fileOf } from "./case-files.ts";
import type { Oracle, OracleIndex, Tally } from "./oracle.ts";
import { readSafetensors } from "./safetensors-file.ts";
import type { Computed, Params, Tensors } from "./swat-case.ts";
import { runErdosRenyiTable } from "./swat-erdos-renyi.ts";
import { runLayerInventory } from "./swat-inventory.ts";
import { type LayerCounts, runSwatLayer } from "./swat-layer.ts";
import { foreignSetting, operations } from "./swat-operations.ts";
import { runTrajectory, type TrajectoryCase, type TrajectoryData } from "./swat-trajectory.ts";

interface SwatCase {
  readonly name: string;
  readonly kind: string;
  readonly file: string;
  readonly params?: Params;
  readonly torch_f32_max_abs_diff?: Readonly<Record<string, number>> | null;
}

const SMALLEST_TOLERANCE = 1e-6;
/** Names of tensors that a case gives; all others are results. */
const GIVEN = /^(s\d+\.)?(x|w|b|gamma|beta|grad_out|target|running_mean_in|running_var_in|p0|grad\d+)$/;

/** The adapter on every build that runs here; methods that we do not have are skipped with a reason. */
export const swat: Oracle = swatOn(BUILD_NAMES.filter(isSupported));

/** The adapter on some builds. */
export function swatOn(names: readonly BuildName[]): Oracle {
  let backends: readonly Backend[] | undefined;
  return {
    id: "swat",
    async replay(dir, entry, index, tally) {
      backends ??= names.map((name) => createBackend(name));
      await runCase(dir, entry as unknown as SwatCase, index, backends, tally);
    },
  };
}

async function runCase(
  dir: string,
  one: SwatCase,
  index: OracleIndex,
  backends: readonly Backend[],
  tally: Tally,
): Promise<void> {
  const { name, kind } = one;
  if (kind === "traj_data") return;
  if (kind === "trajectory") {
    const trajectory = one as unknown as TrajectoryCase;
    const data = index.cases.find((other) => other.kind === "traj_data" && other.file === trajectory.data);
    const shape = data?.params as TrajectoryData;
    if (data === undefined) throw new Error(`no traj_data of file ${trajectory.data} in the index`);
    for (const backend of backends) {
      await tally.attempt(`${name} (${backend.name})`, () => runTrajectory(dir, trajectory, shape, backend, tally));
    }
  } else if (kind === "table" && name.startsWith("keep_count")) {
    await runKeepCounts(join(dir, fileOf(one)), name, tally);
  } else if (kind === "table" && name.startsWith("erk_sparsity")) {
    await runErdosRenyiTable(join(dir, fileOf(one)), tally);
  } else if (kind === "table" && name.startsWith("layer_inventory")) {
    await runLayerInventory(join(dir, fileOf(one)), tally);
  } else if (kind in operations || kind === "swat_conv" || kind === "swat_linear") {
    const foreign = foreignSetting(one.params ?? {});
    if (foreign !== null) {
      tally.skip(kind, name, foreign);
      return;
    }
    const tensors = await readSafetensors(join(dir, fileOf(one)));
    for (const backend of backends) {
      const kernels = arrayKernels(backend);
      await tally.attempt(`${name} (${backend.name})`, () => runOnBuild(kernels, one, tensors, tally));
    }
  } else {
    const known = ["trajectory", "table", "swat_conv", "swat_linear", ...Object.keys(operations)];
    throw new Error(kind === "table" ? `unknown table, got "${name}"` : unknownName("kind of case", kind, known));
  }
}

function runOnBuild(kernels: Kernels, one: SwatCase, tensors: Tensors, tally: Tally): void {
  const { kind, name } = one;
  const params = one.params ?? {};
  if (kind in operations) {
    compareTensors(kernels.name, one, tensors, operations[kind](kernels, params, tensors), tally);
    return;
  }
  const { computed, counts } = runSwatLayer(kernels, kind, params, tensors);
  compareTensors(kernels.name, one, tensors, computed, tally);
  compareCounts(kernels.name, name, (params.counts ?? []) as readonly LayerCounts[], counts, tally);
}

function compareTensors(build: string, one: SwatCase, golden: Tensors, computed: Computed, tally: Tally): void {
  for (const [name, { data: expected }] of golden) {
    if (GIVEN.test(name)) continue;
    const actual = computed.get(name);
    const where = `${one.name}/${name}`;
    if (actual === undefined) {
      tally.skip(`${one.kind} (${build})`, where, "a tensor that we do not compute");
      continue;
    }
    const isMask = actual instanceof Uint8Array;
    const listed = one.torch_f32_max_abs_diff?.[name] ?? 0;
    const tolerance = Math.max(SMALLEST_TOLERANCE, 10 * listed);
    const difference = largestDifference(expected, actual);
    const detail = `differs by ${difference}, tolerance ${tolerance}`;
    const quantity = `${isMask ? "masks" : one.kind} (${build})`;
    if (isMask) tally.judge(quantity, where, difference === 0, detail);
    else tally.judge(quantity, where, difference <= tolerance, detail, difference / tolerance);
  }
}

/** Largest |expected − actual|; NaN (which no tolerance admits) where the sizes differ or one of the two is NaN. */
function largestDifference(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  if (expected.length !== actual.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = expected[i] === actual[i] ? 0 : Math.abs(expected[i] - actual[i]);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(difference)) return difference;
  }
  return largest;
}

function compareCounts(
  build: string,
  where: string,
  expected: readonly LayerCounts[],
  actual: readonly LayerCounts[],
  tally: Tally,
): void {
  for (const [step, counts] of expected.entries()) {
    for (const key of ["k_w", "k_x", "kept_w", "kept_x", "nnz_x"] as const) {
      const ours = actual[step]?.[key];
      const detail = `expected ${counts[key]}, got ${ours}`;
      tally.judge(`counts (${build})`, `${where}/s${step}.${key}`, ours === counts[key], detail);
    }
  }
}

interface KeepCountRow {
  readonly yaml_sparsity: number;
  readonly layer_sparsity: number;
  readonly n: number;
  readonly k: number;
  readonly k_imagenet_float32?: number;
}

/** The authors' ImageNet code carries the sparsity as a float32, which is what a user of ours would give. */
async function runKeepCounts(path: string, name: string, tally: Tally): Promise<void> {
  const rows = (await readJsonFile(path)) as readonly KeepCountRow[];
  for (const row of rows) {
    const where = `${name}/${row.yaml_sparsity} of ${row.n}`;
    tally.compare("keep count", where, row.k, keepCount(row.yaml_sparsity, row.n));
    if (row.k_imagenet_float32 === undefined) continue;
    const single = Math.fround(row.layer_sparsity);
    tally.compare("keep count (float32)", where, row.k_imagenet_float32, keepCount(single, row.n));
  }
}

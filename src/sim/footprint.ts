/**
 * Memory that a training step holds until its backward pass and update are done, dense and with SWAT: dense master
 * weights, gradients and optimizer state in both; the sparse copy of the weights and the saved activations shrink with
 * SWAT. Values have 4 bytes. SWAT's figures are given without index cost, as the paper counts, and with one bit an
 * element. Accounting of saved tensors: Raihan & Aamodt 2020, §4 and Fig. 6.
 */
import { sizeOf } from "../kernels/geometry.ts";
import { isMacOp, type TraceManifest, type TraceTensor } from "../trace/manifest.ts";
import type { SimulationResult } from "./result.ts";

const VALUE_BYTES = 4;

type Footprint = SimulationResult["footprint"][number];
type FootprintPart = Footprint["parts"][number];

/** Footprint of the step that `manifest` describes. A part that needs ops which the trace does not have is zero. */
export function footprintOf(manifest: TraceManifest): Footprint {
  const tensors = new Map(manifest.tensors.map((tensor) => [tensor.id, tensor]));
  const tensor = (id: string) => tensors.get(id) as TraceTensor;
  const withRole = (role: TraceTensor["role"]) => manifest.tensors.filter((candidate) => candidate.role === role);
  const compresses = manifest.method.name !== "dense";

  const readBy = (kind: string) =>
    manifest.ops.flatMap((op) => (op.kind === kind && !isMacOp(op) && op.pass === "forward" ? [op.reads[0]] : []));
  const weightGradInputs = manifest.ops.flatMap((op) =>
    isMacOp(op) && op.pass === "weightGrad" ? [op.operands.input as string] : [],
  );
  const saved = unique(weightGradInputs).map(tensor);
  const norms = unique(readBy("batchNorm")).map(tensor);
  const pools = unique(readBy("maxPool")).map(tensor);

  // A tensor that two readers need is stored once: densely in dense training, beside its selection with SWAT.
  const held = new Set<string>();
  const first = (list: readonly TraceTensor[]) =>
    list.filter(({ id, within = id }) => !held.has(within) && held.add(within));
  const keep = (part: string, list: readonly TraceTensor[], isCompressed: boolean): FootprintPart => {
    const dense = plain(part, first(list));
    if (!compresses) return dense;
    return { ...plain(part, list), ...(isCompressed ? compressedBytes(list) : {}), denseBytes: dense.denseBytes };
  };
  const activationParts = [
    keep("saved inputs of convolutions and linear layers", saved, true),
    keep("batch norm inputs", norms, false),
    keep("max-pool inputs", pools, false),
    reluSigns(manifest, saved, new Set(pools.map(({ id }) => id))),
  ];
  const parts = [
    plain("master weights and other parameters", withRole("parameter")),
    sparseCopy(withRole("weight"), compresses),
    ...activationParts,
    plain("parameter gradients", withRole("parameterGrad")),
    plain("optimizer state", withRole("optimizerState")),
  ];
  return { step: manifest.step, parts, total: sum(parts), activations: sum(activationParts) };
}

function plain(part: string, tensors: readonly TraceTensor[]): FootprintPart {
  const bytes = elements(tensors) * VALUE_BYTES;
  return { part, denseBytes: bytes, sparseBytes: bytes, sparseIndexedBytes: bytes };
}

/** Dense training multiplies with the master weights; SWAT keeps a compressed copy beside them. */
function sparseCopy(tensors: readonly TraceTensor[], compresses: boolean): FootprintPart {
  const none = { part: "sparse copy of the weights", denseBytes: 0, sparseBytes: 0, sparseIndexedBytes: 0 };
  return compresses ? { ...none, ...compressedBytes(tensors) } : none;
}

function compressedBytes(tensors: readonly TraceTensor[]): Pick<FootprintPart, "sparseBytes" | "sparseIndexedBytes"> {
  let sparseBytes = 0;
  let sparseIndexedBytes = 0;
  for (const { shape, nonzeros } of tensors) {
    const size = sizeOf(shape);
    sparseBytes += nonzeros * VALUE_BYTES;
    sparseIndexedBytes += Math.min(size * VALUE_BYTES, nonzeros * VALUE_BYTES + Math.ceil(size / 8));
  }
  return { sparseBytes, sparseIndexedBytes };
}

/** One bit for each ReLU output whose sign the saved tensors do not tell: top-k dropped it, or nobody saved it. No values: 0 in the paper's count. */
function reluSigns(manifest: TraceManifest, saved: readonly TraceTensor[], pooled: ReadonlySet<string>): FootprintPart {
  const outputs = manifest.ops.flatMap((op) =>
    op.kind === "relu" && !isMacOp(op) && op.pass === "forward" ? op.writes : [],
  );
  const natural = new Map(manifest.tensors.map(({ id, nonzeros }) => [id, nonzeros]));
  let denseBytes = 0;
  let sparseBytes = 0;
  for (const id of unique(outputs)) {
    if (pooled.has(id)) continue;
    const copies = saved.filter((tensor) => tensor.id === id || tensor.within === id);
    const shape = manifest.tensors.find((tensor) => tensor.id === id)?.shape ?? [];
    const bytes = Math.ceil(sizeOf(shape) / 8);
    if (copies.length === 0) denseBytes += bytes;
    if (!copies.some(({ nonzeros }) => nonzeros === natural.get(id))) sparseBytes += bytes;
  }
  return { part: "ReLU signs", denseBytes, sparseBytes: denseBytes, sparseIndexedBytes: sparseBytes };
}

function sum(parts: readonly FootprintPart[]): Omit<FootprintPart, "part"> {
  const total = { denseBytes: 0, sparseBytes: 0, sparseIndexedBytes: 0 };
  for (const { denseBytes, sparseBytes, sparseIndexedBytes } of parts) {
    total.denseBytes += denseBytes;
    total.sparseBytes += sparseBytes;
    total.sparseIndexedBytes += sparseIndexedBytes;
  }
  return total;
}

function elements(tensors: readonly TraceTensor[]): number {
  return tensors.reduce((size, { shape }) => size + sizeOf(shape), 0);
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

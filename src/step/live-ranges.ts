/**
 * What a training step holds in memory, and from which op to which: a walk over the ops of the step (forward, backward in
 * reverse order, update) that finds when each tensor is made and last read. Dense training keeps an activation once for
 * all who read it again; SWAT lets it go after the last read of the forward pass and keeps the selections of those who
 * save one (Raihan & Aamodt 2020, §4 and Fig. 6), beside the dense input of batch norm and max pooling. Of a max pooling
 * that input gives the positions back; a ReLU needs one bit an element where nobody saved all of its nonzeros.
 *
 * Every op writes a tensor of its own, nothing is computed in place or twice. Kernels are taken to need no memory besides
 * their operands: no im2col, and a top-k that ranks where the values are.
 */
import { sizeOf } from "../core/geometry.ts";
import { grouped } from "../core/grouped.ts";
import { atMostDense, type StorageFormat } from "../core/storage-formats.ts";
import {
  isFormatKind,
  isMacOp,
  type OtherOp,
  type TraceManifest,
  type TraceOp,
  type TraceTensor,
} from "../trace/manifest.ts";

/** One step: of a recorded trace, or worked out from a network. `nonzeros` may be expected ones. */
export type TrainingStep = Pick<TraceManifest, "method" | "step" | "tensors" | "ops">;

/** How tensors are stored. */
export interface TensorStorage {
  /** Width of activations, their gradients and the weights that are multiplied. */
  readonly valueBytes: number;
  /** Width of master weights, their gradients, the optimizer's state and the statistics of batch norm. */
  readonly wideBytes: number;
  /** Of the sparse copy of the weights and of the saved activations. */
  readonly weight: StorageFormat;
  readonly input: StorageFormat;
}

/** Bytes in dense training, with the step's method counting values only, and with its indices. */
export interface TensorBytes {
  readonly denseBytes: number;
  readonly sparseBytes: number;
  readonly sparseIndexedBytes: number;
}

/** What a kind of layer that was added from outside reads again; reported where there is any. */
export const ADDED_KINDS = "inputs and outputs of added kinds of layers";
/** What is held, in the order of a report. The last part is what passes between ops and is not saved for later. */
export const PARTS = [
  "master weights and other parameters",
  "sparse copy of the weights",
  "saved inputs of convolutions and linear layers",
  "batch norm inputs",
  "max-pool inputs",
  ADDED_KINDS,
  "ReLU signs",
  "dropout masks",
  "batch norm mean and deviation of the batch",
  "parameter gradients",
  "optimizer state",
  "batch norm running statistics",
  "activations and gradients in passing",
] as const;
/** Name of a part. */
export type Part = (typeof PARTS)[number];

/** A tensor, or a part of what stands for it, from op `from` to op `to` of the step, both included. */
export interface LiveTensor extends TensorBytes {
  readonly part: Part;
  readonly layer: string;
  readonly from: number;
  readonly to: number;
}

/** Mean and variance, or mean and deviation, of each channel. */
const STATISTICS = 2;
const BYTE_BITS = 8;

/** Everything that `step` holds. What needs ops that the step does not have is not there. */
export function liveTensors(step: TrainingStep, storage: TensorStorage): LiveTensor[] {
  if (step.ops.length === 0) return [];
  const walk = walkOf(step);
  return [
    ...step.tensors.flatMap((tensor) => {
      switch (tensor.role) {
        case "weight":
          return weightCopy(walk, tensor, storage);
        case "activation":
          return activation(walk, tensor, storage);
        case "savedActivation":
          return [];
        case "gradient":
          return [passing(walk, tensor, same(sizeOf(tensor.shape) * storage.valueBytes), walk.lastRead(tensor.id))];
        default:
          return [parameter(walk, tensor, tensor.role, sizeOf(tensor.shape) * storage.wideBytes)];
      }
    }),
    ...step.ops.flatMap((op, index) => besides(walk, op, index, storage)),
  ];
}

/** The ops of a step with what its tensors go through. */
interface StepWalk {
  readonly step: TrainingStep;
  readonly compresses: boolean;
  readonly tensor: ReadonlyMap<string, TraceTensor>;
  readonly last: number;
  /** Op that writes `id` first; the first of the step for what it brings along. */
  made(id: string): number;
  /** Ops that read `id`. */
  readers(id: string): readonly number[];
  lastRead(id: string): number;
  /** Op of the backward pass of the same layer and kind as op `forward`; the last op where there is none. */
  backwardOf(forward: number): number;
  /** The tensor itself and what is selected from it, in the order of the step. */
  selections(id: string): readonly TraceTensor[];
  /** ReLU of the forward pass that writes `id` first. */
  reluOf(id: string): number | undefined;
  /** Layer of the update that reads `id` first. */
  updating(id: string): string | undefined;
  /** First op of a layer in the forward pass. */
  entering(layer: string): number | undefined;
  /** Last op of a layer between forward pass and update. */
  leaving(layer: string): number | undefined;
}

function walkOf(step: TrainingStep): StepWalk {
  const { ops, tensors } = step;
  const last = ops.length - 1;
  const reads = grouped(ops.flatMap((op, index) => readsOf(op).map((id) => [id, index] as const)));
  const writes = ops.flatMap((op, index) => writesOf(op).map((id) => [id, index] as const));
  const ids = tensors.flatMap((tensor) =>
    [...new Set([tensor.id, tensor.within])].flatMap((id) => (id === undefined ? [] : [[id, tensor] as const])),
  );
  const entries = ops.map((op, index) => [op, index] as const);
  const updates = ops.filter((op): op is OtherOp => !isMacOp(op) && op.kind === "optimizer");
  const firstWrite = firstOf(writes);
  const backward = firstOf(
    entries.filter(([{ pass }]) => pass === "backward").map(([op, index]) => [nameOf(op), index]),
  );
  const relus = firstOf(writes.filter(([, op]) => ops[op].kind === "relu" && ops[op].pass === "forward"));
  const updating = firstOf(updates.flatMap(({ reads, layer }) => reads.map((id) => [id, layer])));
  const entering = firstOf(
    entries.filter(([{ pass }]) => pass === "forward").map(([{ layer }, index]) => [layer, index]),
  );
  const leaving = new Map(
    entries.filter(([{ pass }]) => pass !== "forward" && pass !== "update").map(([{ layer }, index]) => [layer, index]),
  );
  const selections = grouped(ids);
  return {
    step,
    compresses: step.method.name !== "dense",
    tensor: new Map(tensors.map((tensor) => [tensor.id, tensor])),
    last,
    made: (id) => firstWrite.get(id) ?? 0,
    readers: (id) => reads.get(id) ?? [],
    lastRead: (id) => reads.get(id)?.at(-1) ?? last,
    backwardOf: (forward) => backward.get(nameOf(ops[forward])) ?? last,
    selections: (id) => selections.get(id) ?? [],
    reluOf: (id) => relus.get(id),
    updating: (id) => updating.get(id),
    entering: (layer) => entering.get(layer),
    leaving: (layer) => leaving.get(layer),
  };
}

function nameOf({ kind, layer }: TraceOp): string {
  return JSON.stringify([kind, layer]);
}

function firstOf<Value>(entries: readonly (readonly [string, Value])[]): ReadonlyMap<string, Value> {
  return new Map(entries.toReversed());
}

function latest(ops: readonly number[], at = 0): number {
  return ops.reduce((most, op) => Math.max(most, op), at);
}

/** Masters and optimizer state stay; gradients are made by the layer's last op in the backward pass, and wait for the update. */
function parameter(
  { last, lastRead, updating, leaving }: StepWalk,
  { id }: TraceTensor,
  role: "parameter" | "parameterGrad" | "optimizerState",
  bytes: number,
): LiveTensor {
  const layer = updating(id) ?? id;
  if (role !== "parameterGrad") {
    const part = role === "parameter" ? "master weights and other parameters" : "optimizer state";
    return { part, layer, from: 0, to: last, ...same(bytes) };
  }
  return { part: "parameter gradients", layer, from: leaving(layer) ?? 0, to: lastRead(id), ...same(bytes) };
}

/** What layers multiply with: the master itself where it is as wide and nothing is dropped, else a copy. */
function weightCopy(
  { step, compresses, readers, lastRead }: StepWalk,
  tensor: TraceTensor,
  { valueBytes, wideBytes, weight }: TensorStorage,
): LiveTensor[] {
  const from = readers(tensor.id)[0] ?? 0;
  const size = sizeOf(tensor.shape);
  const dense = same(valueBytes === wideBytes ? 0 : size * valueBytes);
  const bytes = compresses && tensor.nonzeros < size ? { ...dense, ...compressed(tensor, weight, valueBytes) } : dense;
  const { layer } = step.ops[from];
  return [{ part: "sparse copy of the weights", layer, from, to: lastRead(tensor.id), ...bytes }];
}

/** Who reads an activation again, and until when. */
interface Readers {
  readonly tensor: TraceTensor;
  readonly made: number;
  /** Last op of the forward pass, or the loss, that reads it. */
  readonly lastPassing: number;
  /** Part, layer and last op of a batch norm, max pooling or added kind that reads it densely in the backward pass. */
  readonly densely: { readonly part: Part; readonly layer: string; readonly to: number } | null;
  /** What layers save of it, itself or a selection, with the ops that read that for a weight gradient. */
  readonly selections: readonly { readonly selection: TraceTensor; readonly grads: readonly number[] }[];
  /** The ReLU that wrote it, and its backward, which needs the signs. */
  readonly relu: { readonly forward: number; readonly backward: number } | null;
}

function readersOf(walk: StepWalk, tensor: TraceTensor): Readers {
  const { made, readers, backwardOf } = walk;
  const { ops } = walk.step;
  const { id } = tensor;
  const forward = (kind: TraceOp["kind"]) =>
    readers(id).filter((op) => ops[op].kind === kind && ops[op].pass === "forward");
  const [norms, pools] = [forward("batchNorm"), forward("maxPool")];
  const added = readers(id).filter((op) => ops[op].pass === "backward" && !isFormatKind(ops[op].kind));
  const dense = [...norms, ...pools].map((op) => ({ layer: ops[op].layer, to: backwardOf(op) }));
  const again = [...dense, ...added.map((op) => ({ layer: ops[op].layer, to: op }))];
  const writer = walk.reluOf(id);
  const relu = writer === undefined ? null : { forward: writer, backward: backwardOf(writer) };
  return {
    tensor,
    made: made(id),
    lastPassing: latest(
      readers(id).filter((op) => ops[op].pass === "forward" || ops[op].kind === "loss"),
      made(id),
    ),
    densely:
      again.length === 0
        ? null
        : {
            part: norms.length > 0 ? "batch norm inputs" : pools.length > 0 ? "max-pool inputs" : ADDED_KINDS,
            layer: again[0].layer,
            to: latest(
              again.map(({ to }) => to),
              relu?.backward,
            ),
          },
    selections: walk
      .selections(id)
      .map((selection) => ({ selection, grads: readers(selection.id).filter((op) => ops[op].pass === "weightGrad") }))
      .filter(({ grads }) => grads.length > 0),
    relu,
  };
}

/** An activation: as dense training holds it, as SWAT does, and the signs that neither has. */
function activation(walk: StepWalk, tensor: TraceTensor, storage: TensorStorage): LiveTensor[] {
  const readers = readersOf(walk, tensor);
  const bytes = sizeOf(tensor.shape) * storage.valueBytes;
  const signs = reluSigns(walk, readers);
  if (!walk.compresses) return [heldDensely(walk, readers, same(bytes)), ...signs];
  return [
    heldDensely(walk, readers, { ...same(0), denseBytes: bytes }),
    ...heldSparsely(walk, readers, { ...same(bytes), denseBytes: 0 }, storage),
    ...signs,
  ];
}

/** Dense training keeps one tensor for all who read it again. */
function heldDensely(walk: StepWalk, readers: Readers, bytes: TensorBytes): LiveTensor {
  const { tensor, made, lastPassing, densely, selections, relu } = readers;
  const grads = selections.flatMap((reader) => reader.grads);
  if (grads.length > 0) {
    const { layer } = walk.step.ops[latest(grads)];
    const to = Math.max(latest(grads), densely?.to ?? 0, relu?.backward ?? 0);
    return { part: "saved inputs of convolutions and linear layers", layer, from: made, to, ...bytes };
  }
  return densely === null ? passing(walk, tensor, bytes, lastPassing) : { ...densely, from: made, ...bytes };
}

/** SWAT keeps selections beside what is read densely; `dense` are the bytes of the whole tensor. */
function heldSparsely(walk: StepWalk, readers: Readers, dense: TensorBytes, storage: TensorStorage): LiveTensor[] {
  const { tensor, made, lastPassing, densely, selections, relu } = readers;
  const { ops } = walk.step;
  const whole = densely === null ? passing(walk, tensor, dense, lastPassing) : { ...densely, from: made, ...dense };
  const saved = selections
    .filter(({ selection }) => selection.id !== tensor.id || densely === null)
    .map(({ selection, grads }): LiveTensor => {
      const { layer } = ops[grads[grads.length - 1]];
      const selecting = walk.entering(layer) ?? 0;
      // A tensor without a zero is not stored anew: it stays after it has passed.
      const from = selection.nonzeros === sizeOf(selection.shape) ? lastPassing + 1 : Math.max(made, selecting);
      const tellsSigns = relu !== null && selection.nonzeros === tensor.nonzeros;
      const to = latest(grads, tellsSigns ? relu.backward : 0);
      const bytes = { ...same(0), ...compressed(selection, storage.input, storage.valueBytes) };
      return { part: "saved inputs of convolutions and linear layers", layer, from, to, ...bytes };
    });
  return [whole, ...saved];
}

/** One bit for each ReLU output whose sign the saved tensors do not tell: top-k dropped it, or nobody saved it. No values: as in dense training in the paper's count. */
function reluSigns({ step }: StepWalk, { tensor, densely, selections, relu }: Readers): LiveTensor[] {
  if (relu === null || densely !== null) return [];
  const bits = bytesOfBits(sizeOf(tensor.shape));
  const denseBytes = selections.length > 0 ? 0 : bits;
  const isKept = selections.some(({ selection }) => selection.nonzeros === tensor.nonzeros);
  const { layer } = step.ops[relu.forward];
  const bytes = { denseBytes, sparseBytes: denseBytes, sparseIndexedBytes: isKept ? 0 : bits };
  return [{ part: "ReLU signs", layer, from: relu.forward, to: relu.backward, ...bytes }];
}

/** What ops save besides tensors of the step: the masks of dropout, the statistics of batch norm. */
function besides(
  { tensor, last, backwardOf }: StepWalk,
  op: TraceOp,
  index: number,
  { wideBytes }: TensorStorage,
): LiveTensor[] {
  if (isMacOp(op) || op.pass !== "forward") return [];
  const { layer } = op;
  const shape = tensor.get(op.reads[0])?.shape ?? [];
  if (op.kind === "dropout") {
    const bytes = same(bytesOfBits(sizeOf(shape)));
    return [{ part: "dropout masks", layer, from: index, to: backwardOf(index), ...bytes }];
  }
  if (op.kind !== "batchNorm") return [];
  const bytes = same(STATISTICS * (shape[1] ?? 0) * wideBytes);
  return [
    { part: "batch norm mean and deviation of the batch", layer, from: index, to: backwardOf(index), ...bytes },
    { part: "batch norm running statistics", layer, from: 0, to: last, ...bytes },
  ];
}

function passing({ made, step }: StepWalk, { id }: TraceTensor, bytes: TensorBytes, to: number): LiveTensor {
  const from = made(id);
  return { part: "activations and gradients in passing", layer: step.ops[from].layer, from, to, ...bytes };
}

function compressed(
  { shape, nonzeros }: TraceTensor,
  format: StorageFormat,
  valueBytes: number,
): Pick<TensorBytes, "sparseBytes" | "sparseIndexedBytes"> {
  const size = sizeOf(shape);
  // Channels follow one another, as the forward pass reads them.
  const [slices, channels = 1, ...positions] = shape;
  const inOrder = [slices, ...positions, channels];
  const stored = atMostDense(format.expected(inOrder, nonzeros / size, valueBytes), size * valueBytes);
  return {
    sparseBytes: nonzeros * valueBytes,
    sparseIndexedBytes: Math.round(stored.valueBytes + stored.indexBytes),
  };
}

function same(bytes: number): TensorBytes {
  return { denseBytes: bytes, sparseBytes: bytes, sparseIndexedBytes: bytes };
}

function bytesOfBits(bits: number): number {
  return Math.ceil(bits / BYTE_BITS);
}

function readsOf(op: TraceOp): readonly string[] {
  return isMacOp(op) ? Object.values(op.operands) : op.reads;
}

function writesOf(op: TraceOp): readonly string[] {
  if (!isMacOp(op)) return op.writes;
  return op.output === undefined ? [] : [op.output];
}

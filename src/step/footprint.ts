/**
 * Memory of a training step, dense and with SWAT: what waits for the backward pass and the update, the peak over the
 * step, and the figure that Raihan & Aamodt 2020 (§4, Fig. 6) print. What is counted is in live-ranges.ts.
 */

import { sizeOf } from "../core/geometry.ts";
import { grouped } from "../core/grouped.ts";
import { type Schema, type Static, Type } from "../core/input/schema.ts";
import { storageFormat } from "../core/storage-formats.ts";
import { isMacOp } from "../trace/manifest.ts";
import {
  ADDED_KINDS,
  type LiveTensor,
  liveTensors,
  PARTS,
  type Part,
  type TensorBytes,
  type TensorStorage,
  type TrainingStep,
} from "./live-ranges.ts";

const strict = { additionalProperties: false };
const count = (description: string) => Type.Integer({ description });
const Bytes = {
  denseBytes: count("dense training"),
  sparseBytes: count("the recorded method, values only"),
  sparseIndexedBytes: count("the recorded method, values and indices"),
};
const perColumn = <Property extends Schema>(property: Property) => ({
  dense: property,
  sparse: property,
  sparseIndexed: property,
});

/** Bytes held for a training step, as a result lists them. */
export const FootprintSchema = Type.Object(
  {
    step: count("training step"),
    parts: Type.Array(Type.Object({ part: Type.String(), ...Bytes }, strict)),
    total: Type.Object(Bytes, { ...strict, description: "All parts." }),
    activations: Type.Object(Bytes, { ...strict, description: "What the forward pass saves for the backward pass." }),
    layers: Type.Array(Type.Object({ layer: Type.String(), ...Bytes }, strict), {
      description: "The same by the layer that saves it.",
    }),
    peak: Type.Object(
      {
        ...Bytes,
        inPassing: Type.Object(Bytes, {
          ...strict,
          description: "Of it, activations and gradients not saved for later.",
        }),
        during: Type.Object(perColumn(Type.String()), { ...strict, description: "Layer and pass of the op." }),
      },
      { ...strict, description: "Most that is held during one op of the step." },
    ),
    published: Type.Object(
      { denseBytes: Bytes.denseBytes, sparseBytes: Bytes.sparseBytes },
      {
        ...strict,
        description: "Activations as the paper of SWAT counts them: an input once for each layer that reads it.",
      },
    ),
  },
  strict,
);

/** Bytes of a step, part by part. */
export type Footprint = Static<typeof FootprintSchema>;

/** 32-bit values, nonzeros with a bitmap. */
export const PLAIN_STORAGE: TensorStorage = {
  valueBytes: 4,
  wideBytes: 4,
  weight: storageFormat("bitmap"),
  input: storageFormat("bitmap"),
};

const PASSING: Part = "activations and gradients in passing";
/** Parts that the forward pass saves for the backward pass. */
const SAVED: readonly Part[] = [
  "saved inputs of convolutions and linear layers",
  "batch norm inputs",
  "max-pool inputs",
  ADDED_KINDS,
  "ReLU signs",
  "dropout masks",
  "batch norm mean and deviation of the batch",
];
const COLUMNS = ["denseBytes", "sparseBytes", "sparseIndexedBytes"] as const;

/** Footprint of `step`. A part that needs ops which the step does not have is zero. */
export function footprintOf(step: TrainingStep, storage: TensorStorage = PLAIN_STORAGE): Footprint {
  const held = liveTensors(step, storage);
  const waiting = held.filter(({ part }) => part !== PASSING);
  const saved = held.filter(({ part }) => SAVED.includes(part));
  const isReported = (part: Part) =>
    part !== PASSING && (part !== ADDED_KINDS || held.some((tensor) => tensor.part === part));
  const parts = PARTS.filter(isReported).map((part) => ({
    part,
    ...sumOf(held.filter((tensor) => tensor.part === part)),
  }));
  const layers = [...grouped(saved.map((tensor) => [tensor.layer, tensor]))].map(([layer, tensors]) => ({
    layer,
    ...sumOf(tensors),
  }));
  return {
    step: step.step,
    parts,
    total: sumOf(waiting),
    activations: sumOf(saved),
    layers,
    peak: peakOf(step, held),
    published: publishedActivations(step, storage.valueBytes),
  };
}

/**
 * The activations of the backward pass as the paper's figures count them: the inputs of convolutions and linear layers,
 * once for each layer that reads one, and the inputs of batch norm and max pooling, dense; values only.
 */
function publishedActivations({ tensors, ops }: TrainingStep, valueBytes: number): Footprint["published"] {
  const byId = new Map(tensors.map((tensor) => [tensor.id, tensor]));
  const bytes = { denseBytes: 0, sparseBytes: 0 };
  const add = (id: string, isSparse: boolean) => {
    const { shape = [0], nonzeros = 0 } = byId.get(id) ?? {};
    bytes.denseBytes += sizeOf(shape) * valueBytes;
    bytes.sparseBytes += (isSparse ? nonzeros : sizeOf(shape)) * valueBytes;
  };
  for (const op of ops) {
    if (isMacOp(op)) {
      if (op.pass === "weightGrad") add(op.operands.input, true);
    } else if (op.pass === "forward" && (op.kind === "batchNorm" || op.kind === "maxPool")) add(op.reads[0], false);
  }
  return bytes;
}

/** The op of each column during which most is held, the first of several. */
function peakOf({ ops }: TrainingStep, held: readonly LiveTensor[]): Footprint["peak"] {
  const at = COLUMNS.map((column) => {
    const changes = new Float64Array(ops.length + 1);
    for (const tensor of held) {
      if (tensor.to < tensor.from) continue;
      changes[tensor.from] += tensor[column];
      changes[tensor.to + 1] -= tensor[column];
    }
    let [bytes, most, op] = [0, -1, 0];
    for (let i = 0; i < ops.length; i++) {
      bytes += changes[i];
      if (bytes > most) [most, op] = [bytes, i];
    }
    return op;
  });
  const alive = (tensors: readonly LiveTensor[]): TensorBytes => {
    const [denseBytes, sparseBytes, sparseIndexedBytes] = COLUMNS.map((column, i) =>
      tensors.reduce((sum, { from, to, ...bytes }) => sum + (from <= at[i] && at[i] <= to ? bytes[column] : 0), 0),
    );
    return { denseBytes, sparseBytes, sparseIndexedBytes };
  };
  const [dense, sparse, sparseIndexed] = at.map((op) => (ops.length === 0 ? "" : `${ops[op].layer} ${ops[op].pass}`));
  const inPassing = alive(held.filter(({ part }) => part === PASSING));
  return { ...alive(held), inPassing, during: { dense, sparse, sparseIndexed } };
}

function sumOf(parts: readonly TensorBytes[]): TensorBytes {
  const total = { denseBytes: 0, sparseBytes: 0, sparseIndexedBytes: 0 };
  for (const part of parts) for (const column of COLUMNS) total[column] += part[column];
  return total;
}

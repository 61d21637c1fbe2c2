/**
 * The manifest of a trace: what one recorded training step computed, on which tensors. It is stored as a JSON string in
 * `__metadata__["swat-sim"]` of a safetensors file whose tensors are the masks. One declaration here is the TypeScript
 * type, the check of every file that comes in, and the published JSON Schema (`schemas/trace-manifest.schema.json`).
 */

import { FORMAT_VERSIONS } from "../core/format-versions.ts";
import { type Static, Type } from "../core/input/schema.ts";
import type { ByOperand, Pass } from "../core/passes.ts";
import { SPARSITY_RANGE } from "../core/sparsity-range.ts";

/** Version of a trace that does neither of what `NEWEST_VERSION` adds. Readers accept any minor version of the same major one. */
export const TRACE_VERSION = "1.1";
/** The newest version that this program reads and writes: of a trace that declares kinds, or says which kind of step it is. */
export const NEWEST_VERSION = FORMAT_VERSIONS["trace-manifest"];

const strict = { additionalProperties: false };
const size = (description: string) => Type.Integer({ minimum: 0, description });
const extent = (description: string) => Type.Integer({ minimum: 1, description });
const pair = (description: string) =>
  Type.Tuple([Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 1 })], { description });

const Geometry = Type.Object(
  {
    N: extent("batch size"),
    C: extent("input channels"),
    H: extent("input height"),
    W: extent("input width"),
    K: extent("output channels (filters)"),
    R: extent("kernel height"),
    S: extent("kernel width"),
    stride: pair("[vertical, horizontal]"),
    padding: Type.Tuple([size("top"), size("bottom"), size("left"), size("right")]),
    dilation: pair("[vertical, horizontal]"),
    groups: Type.Integer({ minimum: 1 }),
  },
  { ...strict, description: "A linear layer is a 1×1 convolution with H = W = 1." },
);

const Id = Type.String({ minLength: 1 });

/** A convolution or linear layer in one pass, before `geometryFaults` has checked that it has the operands of its pass. */
export const MacOpSchema = Type.Object(
  {
    kind: Type.Enum(["conv", "linear"]),
    pass: Type.Enum(["forward", "inputGrad", "weightGrad"]),
    layer: Type.String({ minLength: 1 }),
    geometry: Geometry,
    operands: Type.Object(
      { input: Type.Optional(Id), weight: Type.Optional(Id), outputGrad: Type.Optional(Id) },
      {
        ...strict,
        description:
          "Tensor ids. forward {input, weight}, inputGrad {outputGrad, weight}, weightGrad {outputGrad, input}",
      },
    ),
    output: Type.Optional(Type.String({ minLength: 1, description: "Id of the tensor that is written." })),
  },
  strict,
);

/** An operation without MACs that counts: it only moves bytes. */
export const OtherOpSchema = Type.Object(
  {
    kind: Type.Enum(["batchNorm", "relu", "maxPool", "averagePool", "add", "concat", "dropout", "loss", "optimizer"]),
    pass: Type.Enum(["forward", "backward", "update"]),
    layer: Type.String({ minLength: 1 }),
    reads: Type.Array(Id),
    writes: Type.Array(Id),
    share: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description: "Of the op, what this step is charged: 1/k of an update that serves k micro-batches. Since 1.1.",
      }),
    ),
  },
  strict,
);

/** The same of a kind that the manifest declares. */
export const DeclaredOpSchema = Type.Object({ ...OtherOpSchema.properties, kind: Id }, strict);

const Shapes = Type.Array(Type.Array(size("extent")));
const macCount = Type.Optional(size("multiply-accumulates"));

/** An operation of the step that the recorder could not write as an op. */
const UnrecordedSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, description: "Layer, as ops name theirs." }),
    kind: Type.String({ minLength: 1, description: "Function or module, as the recorder's framework names it." }),
    shapes: Type.Object({ reads: Shapes, writes: Shapes }, { ...strict, description: "Of its forward pass." }),
    macs: Type.Optional(
      Type.Object(
        { forward: macCount, inputGrad: macCount, weightGrad: macCount },
        {
          ...strict,
          description:
            "By pass, estimated from the shapes; a pass that is left out has none. Without this they are not known.",
        },
      ),
    ),
    bytesRead: size("by the forward pass"),
    bytesWritten: size("by the forward pass"),
  },
  strict,
);

/** What a tensor is. Zeros of an `activation` or `gradient` are natural; those of a `weight` or
 * `savedActivation` are the method's, who need not have a value of 0; those of a `parameterGrad` need not be computed. */
const TensorSchema = Type.Object(
  {
    id: Id,
    role: Type.Enum([
      "activation",
      "savedActivation",
      "gradient",
      "weight",
      "parameter",
      "parameterGrad",
      "optimizerState",
    ]),
    shape: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }),
    nonzeros: size("elements that are not zero"),
    mask: Type.Optional(
      Type.String({ description: "Name of the U8 tensor that holds the bit mask; a tensor without one is dense." }),
    ),
    values: Type.Optional(Type.String({ description: "Name of the F32 tensor that holds the values." })),
    within: Type.Optional(
      Type.String({
        description: "Id of the tensor with the activation zeros of which this one is a top-k selection.",
      }),
    ),
    pattern: Type.Optional(
      Type.Object(
        {
          n: extent("elements kept of every m"),
          m: extent("consecutive elements along the axis, fewer in a last group"),
          axis: Type.Enum(["inputChannels"]),
          transposable: Type.Enum(["none", "exact", "greedy"], {
            description:
              "How the pattern was also found along output channels; none where it holds along input channels only.",
          }),
        },
        { ...strict, description: "Of a weight, which n:m arrays may check rather than guess. Since 1.3." },
      ),
    ),
  },
  strict,
);

/** The whole manifest. */
export const ManifestSchema = Type.Object(
  {
    version: Type.String({ pattern: "^[0-9]+\\.[0-9]+$" }),
    producer: Type.Optional(Type.String({ description: "Program and version." })),
    network: Type.String(),
    dataset: Type.Optional(Type.String()),
    method: Type.Object(
      {
        name: Type.String({
          description: "dense, swat-u, swat-er, swat-erk, swat-m, meprop, nm, rigl, topkast, or a method of your own",
        }),
        sparsity: Type.Optional(Type.Number(SPARSITY_RANGE)),
        topKPeriod: Type.Optional(
          Type.Integer({
            minimum: 1,
            description:
              "Steps between two threshold refreshes. With it, or with a name that begins with swat-, masked weights are selected from their master copies in every step; otherwise they are stored with their zeros.",
          }),
        ),
        firstLayerDense: Type.Optional(Type.Boolean()),
        lastLayerDense: Type.Optional(Type.Boolean()),
      },
      strict,
    ),
    settings: Type.Optional(
      Type.Record(Type.Unknown(), {
        description: "Further settings of the training run, for the record.",
      }),
    ),
    refreshed: Type.Optional(
      Type.Boolean({ description: "Whether top-k thresholds or masks were chosen anew in this step." }),
    ),
    denseGradient: Type.Optional(
      Type.Boolean({
        description:
          "Whether the step computes every weight gradient and changes masks in place of weights, as one of many does in RigL. Since 1.3.",
      }),
    ),
    seed: Type.Optional(Type.Integer()),
    kernels: Type.Optional(Type.String({ description: "Kernel build that computed the step." })),
    epoch: Type.Optional(size("epoch of the step, from 0")),
    step: size("training step, from 0"),
    stepKind: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "What the step does besides multiplying, by which a run is sampled: dense, refresh (searches thresholds), reuse, or a kind of the method. Since 1.3.",
      }),
    ),
    phase: Type.Optional(
      size("interval of the run between two changes of the learning rate, or a warm-up, from 0. Since 1.3"),
    ),
    loss: Type.Optional(Type.Number()),
    microBatches: Type.Optional(
      Type.Object(
        { recorded: Type.Integer({ minimum: 1 }), of: Type.Integer({ minimum: 1 }) },
        {
          ...strict,
          description:
            "Of the batches whose gradients the optimizer step accumulates, how many are recorded. Since 1.1.",
        },
      ),
    ),
    kinds: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        description: "Kinds of ops without MACs besides those that this format lists. Since 1.2.",
      }),
    ),
    unrecorded: Type.Optional(
      Type.Array(UnrecordedSchema, {
        description:
          "What of the step is not among `ops`; with any, figures of the whole step are incomplete. Since 1.1.",
      }),
    ),
    tensors: Type.Array(TensorSchema),
    ops: Type.Array(Type.Unsafe<MacOp | OtherOp>({ type: "object" }), { description: "In execution order." }),
  },
  strict,
);

/** One tensor of a manifest. */
export type TraceTensor = Static<typeof TensorSchema>;
/** An op as its schema describes it, whose operands may be those of another pass. */
export type UncheckedMacOp = Static<typeof MacOpSchema>;
/** A pass with the ids of the tensors that it multiplies. */
export type Multiplication = {
  [P in Pass]: { pass: P; operands: ByOperand<P, string> };
}[Pass];
/** An op that multiplies; `pass` says which operands there are. */
export type MacOp = Omit<UncheckedMacOp, keyof Multiplication> & Multiplication;
/** An op that only moves bytes. */
export type OtherOp = Static<typeof OtherOpSchema>;
/** What the recorder left out. */
export type UnrecordedOp = Static<typeof UnrecordedSchema>;
/** Any op. */
export type TraceOp = MacOp | OtherOp;
/** What a tensor is. */
export type TensorRole = TraceTensor["role"];
/** A whole manifest. */
export type TraceManifest = Static<typeof ManifestSchema>;

/** An op that multiplies, its fields in the order in which traces are written. */
export function macOp(
  kind: MacOp["kind"],
  layer: string,
  geometry: MacOp["geometry"],
  { pass, operands }: Multiplication,
  output: string,
): MacOp {
  return { kind, pass, layer, geometry, operands, output } as MacOp;
}

/** Kinds of ops that need no declaration. */
export const FORMAT_KINDS: readonly string[] = [
  ...MacOpSchema.properties.kind.enum,
  ...OtherOpSchema.properties.kind.enum,
];

/** Whether this format lists a kind. */
export function isFormatKind(kind: string): boolean {
  return FORMAT_KINDS.includes(kind);
}

/** Whether an op multiplies: a convolution or a linear layer. */
export function isMacOp(op: TraceOp): op is MacOp {
  return op.kind === "conv" || op.kind === "linear";
}

/** The row of a result, one op of one step on one machine: its schema, and the parts that sums over rows share with it. */
import { fieldsOf, Type } from "../../core/input/schema.ts";
import { BANDWIDTH_LOSSES } from "../memory/dram/closed-form.ts";

export const strict = { additionalProperties: false };
export const count = (description: string) => Type.Integer({ description });
export const mean = (description: string) => Type.Number({ description: `${description}, mean of the traces` });
export const seconds = (description: string) => Type.Number({ minimum: 0, description });
export const ratio = (description: string) =>
  Type.Union([Type.Number(), Type.Null()], { description: `${description}; null for 0/0` });
const byPlace = (description: string) => Type.Record(Type.Record(Type.Number()), { description });
const byName = (description: string) => Type.Record(Type.Number(), { description });

const Cycles = Type.Object(
  {
    total: count("compute + vector + rescheduling + bufferStall + memoryStall"),
    compute: count("the array works"),
    vector: count("the vector unit works, and the array waits for it"),
    rescheduling: count("static schedules are made, this step's share of one top-k refresh"),
    bufferStall: Type.Optional(
      count("the array waits for on-chip buffers and banks, where they are modelled line by line"),
    ),
    memoryStall: count("the array or the vector unit waits for memory; the sum of `stalls`"),
  },
  strict,
);

/**
 * Compute cycles against the array without skipping, by cause: the same op run with these causes only, one more at a time,
 * in the order padding of lanes, padding of images, activation zeros, top-k zeros.
 */
const SavedCycles = Type.Object(
  {
    lanePadding: count("empty lanes, where the reduction dimension is no multiple of the lanes"),
    imagePadding: count("with the zeros around the image"),
    natural: count("with the zeros that ReLU and the data leave"),
    topK: count("with the zeros that the method adds"),
  },
  strict,
);

const Macs = Type.Object(
  {
    dense: count("every pair of operands that exist"),
    effectual: count("pairs of two nonzeros"),
    topK: count("dense pairs that top-k zeros, and nothing else, make ineffectual"),
    natural: count("dense pairs that activation zeros make ineffectual"),
    imagePadding: count("pairs with elements outside the image or outputGrad, not in `dense`"),
    stride: count("pairs that a zero-dilated input gradient would add, not in `dense`"),
  },
  strict,
);

/** The causes of a breakdown, in the order of a waterfall from ideal to achieved. */
export const CAUSES = {
  effectual: "MACs of two nonzeros",
  unseen: "MACs with a zero, inside the image, that the machine does not look at",
  imagePadding: "MACs with an element outside the image, which the machine does not skip",
  redundant: "products whose output does not exist",
  lanePadding: "lanes without a value, which the reduction (scnn: a chunk of nonzeros) does not fill",
  movement: "lookahead, lookaside and movement limits",
  imbalance: "waiting for the slowest row, element or tile; sets that are not full",
  conflicts: "bank conflicts",
  fillDrain: "fill, drain and halo; waiting for what feeds and collects",
  other: "what the machine does not tell apart",
  vector: "batch norm, ReLU, pooling, additions, loss, optimizer, top-k selection and transposition",
  rescheduling: "making static schedules",
  buffers: "waiting for on-chip buffers and banks, line by line",
  memory: "waiting for DRAM or a level of on-chip memory",
} as const;

type Count = ReturnType<typeof count>;

const Breakdown = Type.Object(
  {
    ...(Object.fromEntries(Object.entries(CAUSES).map(([cause, meaning]) => [cause, count(meaning)])) as Record<
      Exclude<keyof typeof CAUSES, "other" | "buffers">,
      Count
    >),
    other: Type.Optional(count(CAUSES.other)),
    buffers: Type.Optional(count(CAUSES.buffers)),
  },
  { ...strict, description: "Multiplier-cycles by cause; they add up to multipliers × cycles.total." },
);

const DramUse = Type.Object(
  {
    share: Type.Number({ description: "of the peak bandwidth, 0..1; with `losses` it sums to 1" }),
    losses: Type.Object(fieldsOf(BANDWIDTH_LOSSES, Type.Number()), { description: "shares by cause" }),
    activations: count("rows opened"),
  },
  strict,
);

const OutputTraffic = Type.Object(
  {
    partialReads: count("bytes of unfinished sums that come back"),
    partialWrites: count("bytes of unfinished sums that leave"),
    results: count("bytes of finished values"),
  },
  strict,
);

export const picojoules = (description: string) => Type.Number({ minimum: 0, description });

/** Of an op or of many. */
export const Energy = {
  components: byName("picojoules by component; they add up, in this order, to `picojoules`"),
  picojoules: picojoules("of this machine"),
  baselinePicojoules: picojoules("of the baseline, by the same table"),
};

const RowEnergy = Type.Object(
  {
    actions: byPlace("counts by component and action; × the machine's constants they give the components"),
    ...Energy,
  },
  strict,
);

export const byPath = (description: string) => Type.Record(Type.Number({ minimum: 0 }), { description });

const RowSample = Type.Object(
  {
    axis: Type.Enum(["images", "inputChannels", "outputChannels"], { description: "what was sampled" }),
    drawn: count("images or channels that were simulated"),
    of: count("of how many"),
    ci95: byPath(
      "half-width of the 95 % confidence interval of every number of this row that is an estimate, by its path, as `cycles.compute`; the others are exact",
    ),
    bounds: byPath("of these half-widths, what is a bound and no chance: it adds up over ops, the rest as squares"),
  },
  { ...strict, description: "Only where the op was sampled on this machine." },
);

/** One op of one step on one machine, as a schema. */
export const RowSchema = Type.Object(
  {
    trace: count("index into `traces`"),
    step: count("training step"),
    layer: Type.String(),
    kind: Type.String({ description: "conv, linear, an op without MACs, or what the method costs: select, transpose" }),
    pass: Type.String({
      description: "forward, inputGrad, weightGrad; forward, backward or update for an op without MACs",
    }),
    macs: Macs,
    densities: byName("nonzeros / size of each operand"),
    scheduled: Type.Union([Type.String(), Type.Null()], { description: "operand whose zeros were skipped" }),
    cycles: Cycles,
    breakdown: Breakdown,
    saved: SavedCycles,
    baselineCycles: count("all cycles of the baseline"),
    baselineComputeCycles: count("cycles in which the baseline's array works"),
    counterpartCycles: Type.Optional(
      count("all cycles of the machine's own dense counterpart; absent in results before 2.0 with another baseline"),
    ),
    counterpartComputeCycles: count("cycles in which the array of the own dense counterpart works"),
    noZerosComputeCycles: count("compute cycles of this machine on operands without a zero"),
    idealCycles: count("effectual MACs / multipliers, rounded up"),
    counters: byName("counts under the names of the machine's source"),
    seconds: seconds("cycles / clock"),
    baselineSeconds: seconds("of the baseline"),
    counterpartSeconds: Type.Optional(seconds("of the own dense counterpart; absent where its cycles are")),
    noZerosSeconds: seconds("of this machine on operands without a zero: it may skip padding only"),
    stalls: byPlace("cycles waited for `dram` or a level, for each operand, the output or latency"),
    traffic: byPlace(
      "bytes over the interface of `dram`, of each level with what is outside of it, and of the `array` or the vector unit with what it reads from, for each operand and the output, or read and written",
    ),
    outputTraffic: Type.Optional(
      Type.Record(OutputTraffic, {
        description: "`traffic` of the output by what it is, of ops that multiply; the three add up to it",
      }),
    ),
    meanTraffic: Type.Optional(
      Type.Record(Type.Array(Type.String()), {
        description:
          "compressed operands other than bitmaps, by boundary, some of whose elements move more often than others: their `traffic` takes every part to be as dense as the whole",
      }),
    ),
    dram: Type.Union([DramUse, Type.Null()], {
      description: "null where nothing goes over DRAM, or only its bandwidth is known",
    }),
    tiles: Type.Array(
      Type.Object(
        {
          level: Type.String(),
          ...{ images: count("N"), rows: count("rows"), columns: count("columns") },
          ...{ groups: count("groups"), filters: count("of a group"), channels: count("of a group") },
          order: Type.Array(Type.String(), { description: "loops over tiles, outermost first" }),
        },
        strict,
      ),
      { description: "Tiles of each level, outermost first." },
    ),
    validation: Type.Enum(["exact", "formula", "property"], { description: "How the compute cycles are validated." }),
    energy: Type.Optional(RowEnergy),
    sample: Type.Optional(RowSample),
  },
  strict,
);

/**
 * The contract between the simulator and one accelerator. An accelerator is one file in `accelerators/` that exports an
 * object of this type, plus one or more machines in `hw-configs/`. It models compute only: which multiplications happen
 * in which cycle. Memory time and energy are applied to its counts afterwards, by the same rules for every machine.
 */
import type { ObjectSchema, Static } from "../../core/input/schema.ts";
import type { Operand, Operation, Pass } from "../operation/operation.ts";
import type { LineDetail, LineResult } from "./line-detail.ts";

/** How one pass is laid out on the array, for the page of mappings. */
export interface Mapping {
  /** What the lanes of a processing element reduce over. */
  readonly lanes: string;
  /** What the rows and the columns of the array hold. */
  readonly rows: string;
  readonly columns: string;
  readonly stationary: string;
  /** Operand whose zeros may save time; "sparser" = the one with more zeros, chosen per operation. */
  readonly skipped: "none" | Operand | "sparser" | "both" | "sparser or both";
  /** What the compute cycles of the pass are validated against, and how: `exact: …`, `formula: …` or `property: …`. */
  readonly referee: string;
}

/**
 * Multiplier-cycles of an operation by what they were spent on. `occupied`: a value of an operand that the machine looks at
 * was multiplied, with whatever the other operand held, both inside the image. `imagePadding`: one of them lay outside
 * (inputGrad: outside outputGrad, or between strided gradients, were it zero-dilated; no shipped machine does that).
 * `redundant`: both exist, but not the output. The others did not multiply: lanes empty because the reduction is no multiple
 * of them (`lanePadding`), limits of lookahead and movement (`movement`), waiting for the slowest row, element or tile and
 * sets that are not full (`imbalance`), `conflicts`, and all that feeds and collects (`fillDrain`).
 * What a machine does not tell is the rest up to multipliers × cycles. Under `paddingAsNonzeros` padding may count as occupied.
 */
export interface MultiplierCycles {
  readonly occupied: number;
  readonly imagePadding?: number;
  readonly lanePadding?: number;
  readonly movement?: number;
  readonly imbalance?: number;
  readonly redundant?: number;
  readonly conflicts?: number;
  readonly fillDrain?: number;
}

/** What one operation costs in compute. All counts are integers. */
export interface ComputeResult {
  /** Cycles of the array. */
  readonly cycles: number;
  /** Cycles of the same array without zero skipping. */
  readonly baseCycles: number;
  /** Bound of this mapping: every set perfectly packed. At most `cycles`; equal to `baseCycles` for a machine that skips nothing. */
  readonly packedCycles: number;
  /** Cycles spent on making a static schedule, this operation's share of one top-k refresh (see `Operation.topKPeriod`). */
  readonly reschedulingCycles: number;
  /** The operand whose zeros were skipped, null when none was; when images choose on their own, the choice of the last one. */
  readonly scheduled: Operand | "both" | null;
  /** Further counters by name, as the machine's source names them (`scheduledPEs`, `bankReads` …). */
  readonly counters: Readonly<Record<string, number>>;
  /** Where the multiplier-cycles went; what a machine does not say is `other` in its breakdown. */
  readonly multiplierCycles?: MultiplierCycles;
  /** The same by its name of 0.1, which is still read. */
  readonly slots?: MultiplierCycles;
  /** Values that the array reads from and writes to its on-chip buffers. */
  readonly onChipReads: Readonly<Partial<Record<Operand, number>>>;
  readonly onChipWrites: number;
}

/** What a multiplication pays for the choice of its operands. Counts are of one multiplier, on average, and may be fractions. */
export interface SkippingHardware {
  /** Two-input multiplexers, as wide as an operand, that its operands come through, taken together. */
  readonly operandMuxes: number;
  /** Two-input multiplexers, as wide as a sum, that its product goes through. */
  readonly productMuxes: number;
  /** Bits that its scheduler looks at in a cycle; a scheduler that several multipliers share is divided among them. */
  readonly schedulerBits: number;
  /** Cycles in which schedulers work: with the array (dynamic), or when static schedules are made. */
  readonly schedules: "compute" | "rescheduling";
  /** Bits that say where an operand belongs, read with each of its values if it is one whose zeros are skipped. */
  readonly metadataBits: number;
}

/** Dimension along which an operation may be cut: N, C or K of its geometry. */
export type CutAxis = "images" | "inputChannels" | "outputChannels";

/** A way to cut an operation into parts whose counts add up to its own, for simulating some of them only. */
export interface Cut {
  readonly axis: CutAxis;
  /** Neighbours that stay together, counted from 0; the axis is a multiple of it. A part may hold any such units. */
  readonly size: number;
  /** What every part pays, although the whole operation pays it once: counts are then a constant and a sum over units. */
  readonly once: boolean;
  /** Cycles by which a part may differ for having been cut out: what its neighbours hand on to it is lost. */
  readonly edges: number;
}

/** A family of machines; `Schema` is the schema of its `params`, inferred and checked from one declaration. */
export interface Accelerator<Schema extends ObjectSchema = ObjectSchema> {
  /** The id used in hardware configs; equals the file name. */
  readonly id: string;
  /** Raised when counts change by design, so that recorded counts can tell a new model from a regression. */
  readonly modelVersion: number;
  /** Whether it is a bound that no machine reaches, so that it is shown beside machines and not ranked among them. */
  readonly isBound?: boolean;
  readonly params: Schema;
  /** What is wrong with parameters that fit the schema but not each other, one line each, beginning with a parameter's name. */
  paramFaults?(params: Static<Schema>): string[];
  readonly mappings: Readonly<Record<Pass, Mapping>>;
  /** Whether it reads plane after plane of an operand in every pass, as it holds one channel at a time; else what its lanes reduce over. */
  readonly readsPlanes?: boolean;
  /** Multipliers of the array: the most MACs it can do in one cycle. */
  multipliers(params: Static<Schema>): number;
  /** Parameters of the same array without zero skipping. */
  withoutSkipping(params: Static<Schema>): Static<Schema>;
  /** What skipping zeros takes beside the multipliers, for energy; null for an array that skips none. */
  skippingHardware(params: Static<Schema>): SkippingHardware | null;
  /** What the compute cycles of this operation are validated against: an independent simulator case by case, a closed form, or properties. */
  validation(operation: Operation, params: Static<Schema>): "exact" | "formula" | "property";
  /** What the machine would have to wait for and nobody charges, in words; nothing where not given. */
  notCharged?(params: Static<Schema>): readonly string[];
  /** @throws Error when the operation cannot be mapped; never for zero-size or odd shapes. */
  run(operation: Operation, params: Static<Schema>): ComputeResult;
  /**
   * Ways to cut an operation, the better ones first; none, and a machine without this member, where it is simulated whole even
   * in a sample: because its counts do not add up, or cost no time.
   */
  cuts?(operation: Operation, params: Static<Schema>): readonly Cut[];
  /** The same operation with on-chip buffers line by line; a machine without it cannot have `memory.detail` "line". */
  runLines?(operation: Operation, params: Static<Schema>, line: LineDetail): LineResult;
}

/** A result as an accelerator gave it, by today's names. */
export function withCurrentNames(result: ComputeResult): ComputeResult {
  if (result.slots === undefined) return result;
  const { slots, ...rest } = result;
  return { multiplierCycles: slots, ...rest };
}

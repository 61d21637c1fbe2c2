/**
 * Settings of the on-chip buffers of a lane array at the level of lines: the global buffer and its banks, the buffers of a
 * few lines beside the tiles, and what outputs pass through. Times are in cycles of the array; an address is the unit in
 * which banks are filled. Defaults are those of DNNsim 4748a600.
 */
import { type Static, Type } from "../../core/input/schema.ts";

const strict = { additionalProperties: false };
/** A part that may be left out: all its settings have defaults. */
const part = { ...strict, default: {} };
const count = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 65_536, default: value, description });
const cycles = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_536, default: value, description });
const rows = count(2, "Lines that fit");

/** One of the parts of the global buffer. */
const banked = <Key extends string>(banks: number, delay: Key, description: string) =>
  Type.Object(
    {
      banks: count(banks, "Banks"),
      bankBits: count(256, "Bits that one access of a bank moves"),
      ...({ [delay]: cycles(2, "Cycles of one access") } as Record<Key, ReturnType<typeof cycles>>),
    },
    { ...part, description },
  );

/** `inputs` values are taken together, in `cycles` cycles. */
const unit = (description: string) =>
  Type.Object(
    { inputs: count(256, "Values taken together"), cycles: cycles(1, "Cycles for them") },
    { ...part, description },
  );

/** Schema of `memory.line` of a hardware config. */
export const LineSettingsSchema = Type.Object(
  {
    addressBits: count(64, "Bits of one address of the global buffer; values do not straddle addresses"),
    activations: banked(16, "readCycles", "Part of the global buffer that feeds the columns"),
    weights: banked(256, "readCycles", "Part of the global buffer that feeds the rows"),
    outputs: banked(16, "writeCycles", "Part of the global buffer that takes the outputs"),
    activationBuffer: Type.Object(
      { rows, readCycles: cycles(1, "From the buffer to the array") },
      { ...part, description: "Lines waiting at the columns" },
    ),
    weightBuffer: Type.Object(
      { rows, readCycles: cycles(1, "From the buffer to the array") },
      { ...part, description: "Lines waiting at the rows" },
    ),
    outputBuffer: Type.Object(
      { rows: count(2, "Step groups whose outputs fit"), writeCycles: cycles(1, "From the composer to the buffer") },
      { ...part, description: "Outputs waiting for the global buffer" },
    ),
    composer: unit("Adder column of a tile that puts outputs together, in addresses"),
    postProcessing: unit("Unit that rounds and activates all outputs of an image, at its end"),
    outputWriters: Type.Enum(["all", "closing"], {
      default: "all",
      description:
        'Tiles whose outputs are written at the end of a step group: "all" that worked in it, or only those that work to its "closing" line, where a tile that is done earlier keeps its outputs',
    }),
  },
  strict,
);

/** Checked settings. */
export type LineSettings = Static<typeof LineSettingsSchema>;

/** Settings with the widths of the values that the buffers hold. */
export interface LineDetail extends LineSettings {
  /** Bits of a value at the columns, and of an output that is one. */
  readonly activationBits: number;
  /** Bits of a value at the rows. */
  readonly weightBits: number;
  /** Bits of a weight's gradient. */
  readonly sumBits: number;
}

/** What an operation takes at this level. */
export interface LineResult {
  /** Cycles from the first read to the last output, waiting included. */
  readonly cycles: number;
  /** Those in which the array works: `cycles` of its `ComputeResult`. */
  readonly computeCycles: number;
  /** Accesses of banks, and accesses that wait for another one of their request in their bank. */
  readonly counters: Readonly<Record<string, number>>;
}

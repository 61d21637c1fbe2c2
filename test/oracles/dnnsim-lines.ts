/**
 * DNNsim's on-chip pipeline, replayed on the line detail of our machines: its memory settings in ours, and the counters
 * that are compared. Half of its activation banks hold activations, half outputs. Of outputs, it writes those of the tiles
 * that work in the last item of a step group, which `outputWriters: "closing"` says.
 * Source: DNNsim 4748a600.
 */
import type { LineDetail, LineResult } from "../../src/sim/hardware/line-detail.ts";
import type { Tally } from "./oracle.ts";

type Settings = Readonly<Record<string, unknown>>;

/** DNNsim's defaults of its memory settings; bank widths in bits. */
const DEFAULTS = {
  gbuffer_act_banks: 32,
  gbuffer_act_bank_width: 256,
  gbuffer_act_read_delay: 2,
  gbuffer_act_write_delay: 2,
  gbuffer_wgt_banks: 256,
  gbuffer_wgt_bank_width: 256,
  gbuffer_wgt_read_delay: 2,
  abuffer_rows: 2,
  abuffer_read_delay: 1,
  wbuffer_rows: 2,
  wbuffer_read_delay: 1,
  obuffer_rows: 2,
  obuffer_write_delay: 1,
  composer_inputs: 256,
  composer_delay: 1,
  ppu_inputs: 256,
  ppu_delay: 1,
} as const;
/** Settings that no cycle and no compared counter depends on: what comes from DRAM is written, and outputs read, for free. */
const WITHOUT_EFFECT = ["gbuffer_wgt_write_delay", "abuffer_write_delay", "wbuffer_write_delay", "obuffer_read_delay"];
const KNOWN = new Set<string>([...Object.keys(DEFAULTS), ...WITHOUT_EFFECT]);
const ADDRESS_BITS = 64;

/** DNNsim's name and ours; those of activation banks depend on coordinates that it gets wrong where Ox ≠ Oy. */
const COMPARED: readonly (readonly [string, (result: LineResult) => number])[] = [
  ["gbuffer_act_reads.0", ({ counters }) => counters.activationBankReads],
  ["gbuffer_act_bank_conflicts.0", ({ counters }) => counters.activationBankConflicts],
  ["gbuffer_wgt_reads.0", ({ counters }) => counters.weightBankReads],
  ["gbuffer_wgt_bank_conflicts.0", ({ counters }) => counters.weightBankConflicts],
  ["gbuffer_out_writes.0", ({ counters }) => counters.outputBankWrites],
  ["gbuffer_out_bank_conflicts.0", ({ counters }) => counters.outputBankConflicts],
  // Sums stay in the array until they are outputs.
  ["gbuffer_psum_reads.0", () => 0],
  ["gbuffer_psum_bank_conflicts.0", () => 0],
  ["cycles", ({ cycles }) => cycles],
];
const DEPEND_ON_COORDINATES = new Set(["gbuffer_act_reads.0", "gbuffer_act_bank_conflicts.0", "cycles"]);

/** Our settings for DNNsim's `memory_overrides`, or why there are none. */
export function lineDetailOf(overrides: Settings, activationBits: number, weightBits: number): LineDetail | string {
  const unknown = Object.keys(overrides).filter((key) => !KNOWN.has(key));
  if (unknown.length > 0) return `unknown memory settings ${unknown.join(", ")}`;
  const number = (key: keyof typeof DEFAULTS) => Number(overrides[key] ?? DEFAULTS[key]);
  const halfOfBanks = {
    banks: Math.floor(number("gbuffer_act_banks") / 2),
    bankBits: number("gbuffer_act_bank_width"),
  };
  return {
    ...{ activationBits, weightBits, sumBits: activationBits, addressBits: ADDRESS_BITS },
    activations: { ...halfOfBanks, readCycles: number("gbuffer_act_read_delay") },
    outputs: { ...halfOfBanks, writeCycles: number("gbuffer_act_write_delay") },
    weights: {
      banks: number("gbuffer_wgt_banks"),
      bankBits: number("gbuffer_wgt_bank_width"),
      readCycles: number("gbuffer_wgt_read_delay"),
    },
    activationBuffer: { rows: number("abuffer_rows"), readCycles: number("abuffer_read_delay") },
    weightBuffer: { rows: number("wbuffer_rows"), readCycles: number("wbuffer_read_delay") },
    outputBuffer: { rows: number("obuffer_rows"), writeCycles: number("obuffer_write_delay") },
    composer: { inputs: number("composer_inputs"), cycles: number("composer_delay") },
    postProcessing: { inputs: number("ppu_inputs"), cycles: number("ppu_delay") },
    outputWriters: "closing",
  };
}

/** Compares what a run printed of the on-chip buffers; `coordinates` are right where they decide nothing, too. */
export function compareLines(
  result: LineResult,
  stats: Settings,
  {
    machine,
    where,
    dram,
    rightCoordinates,
  }: { machine: string; where: string; dram: string | null; rightCoordinates: boolean },
  tally: Tally,
): void {
  for (const [quantity, ours] of COMPARED) {
    const expected = stats[quantity];
    if (typeof expected !== "number") {
      tally.skip(quantity, where, "the run has no such count");
    } else if (!rightCoordinates && DEPEND_ON_COORDINATES.has(quantity)) {
      tally.skip(quantity, where, "bug: coordinates of windows are wrong where Ox ≠ Oy");
    } else if (quantity === "cycles" && dram !== "ideal") {
      tally.skip(quantity, where, "DRAM is not modelled transaction by transaction");
    } else {
      tally.compare(`${machine} ${quantity}`, where, expected, ours(result));
    }
  }
}

/**
 * DNNsim's SCNN runs, replayed on our machine of the same name. Beside the four counts that must be equal, those of its
 * buffers and idle multipliers are compared where its tile height is right. Source: DNNsim 4748a600.
 */
import type { ConvGeometry } from "../../src/core/geometry.ts";
import { type ScnnParams, scnn } from "../../src/sim/arrays/scnn.ts";
import type { ComputeResult } from "../../src/sim/hardware/accelerator.ts";
import type { Operation } from "../../src/sim/operation/operation.ts";
import type { Tally } from "./oracle.ts";

type Config = Readonly<Record<string, unknown>>;

/** Counts that we compare: DNNsim's name and ours. */
const COMPARED: readonly (readonly [string, (result: ComputeResult) => number | undefined])[] = [
  ["cycles", (result) => result.cycles],
  ["dense_cycles", (result) => result.baseCycles],
  ["mults", (result) => result.counters.mults],
  ["idle_conflicts", (result) => result.counters.idleConflicts],
  ["idle_bricks", (result) => result.counters.idleBricks],
  ["idle_pe", (result) => result.counters.idlePEs],
  ["idle_halo", (result) => result.counters.idleHalo],
  ["halo_transfers", (result) => result.counters.haloTransfers],
  ["weight_buff_reads", (result) => result.onChipReads.weight],
  ["act_buff_reads", (result) => result.onChipReads.input],
  ["i_loop", (result) => result.counters.activationChunks],
  ["f_loop", (result) => result.counters.chunkPairs],
  ["accumulator_updates", (result) => result.counters.mults],
  ["offchip_weight_reads", (result) => result.counters.offChipWeightReads],
];
/** DNNsim's counters are 32 bits wide. */
const COUNTER_RANGE = 2 ** 32;

/** DNNsim's defaults: 0 and absent mean the default. */
const DEFAULTS = { Wt: 8, Ht: 8, I: 4, F: 4, out_acc_size: 6144, banks: 32 } as const;
const KNOWN_KEYS = new Set<string>(["arch", ...Object.keys(DEFAULTS)]);

/** Why an SCNN run of a layer is not compared, if so. */
export function scnnExempt(config: Config, operation: Operation, type: string): string | undefined {
  const unknown = Object.keys(config).filter((key) => !KNOWN_KEYS.has(key));
  if (unknown.length > 0) return `unknown settings ${unknown.join(", ")}`;
  if (type !== "fc" && type !== "conv") return `layers of type ${type} are not modelled`;
  const { peRows, peColumns } = paramsOf(config);
  const { groups, stride, padding } = operation.geometry;
  if (groups > 1) return "grouped convolution, which DNNsim gets wrong";
  if (peRows !== peColumns) return "bug: the tile height of SCNN is taken from the array's width";
  if (padding[0] % stride[0] !== 0) return "bug: SCNN pairs strided queues by kernel position without the padding";
  return undefined;
}

/** Replays one run of one layer. */
export function replayScnn(config: Config, stats: Config, operation: Operation, where: string, tally: Tally): void {
  const { geometry } = operation;
  // SCNN folds no strided first layer, so that none is padded to whole blocks.
  const [padding] = geometry.padding;
  const square = { ...geometry, padding: [padding, padding, padding, padding] } as const;
  const result = scnn.run({ ...operation, geometry: square }, paramsOf(config));
  for (const [quantity, ours] of COMPARED) {
    const expected = stats[quantity];
    const actual = ours(result);
    if (typeof expected !== "number" || actual === undefined) {
      tally.skip(`SCNN ${quantity}`, where, "the run has no such count");
    } else if (quantity === "halo_transfers" && hasNegativeHalo(geometry)) {
      tally.skip(
        `SCNN ${quantity}`,
        where,
        "bug: a halo of negative width is added where the padding exceeds kernel − 1",
      );
    } else {
      tally.compare(`SCNN ${quantity}`, where, expected, quantity.endsWith("cycles") ? actual : actual % COUNTER_RANGE);
    }
  }
}

/** The width of a halo is R − 1 − padding on one side of a tile; the greatest of all halos, which costs cycles, is not. */
function hasNegativeHalo({ R, S, padding: [padding] }: ConvGeometry): boolean {
  return padding > R - 1 || padding > S - 1;
}

function paramsOf(config: Config): ScnnParams {
  const number = (key: keyof typeof DEFAULTS) => Number(config[key] ?? 0) || DEFAULTS[key];
  return {
    peRows: number("Ht"),
    peColumns: number("Wt"),
    activations: number("I"),
    weights: number("F"),
    accumulators: number("out_acc_size"),
    banks: number("banks"),
    batch: "image",
    foldLinear: true,
    skipping: true,
  };
}

/**
 * STONNE's runs of its SIGMA-like sparse array and its TPU-like mesh, replayed on our machines `sigma` and `mesh`. MK · KN is a
 * fully connected layer: MK its weights [M, K, 1, 1], KN transposed its inputs [N, K, 1, 1]; the dataflow says which of
 * them is stationary. Source: STONNE 22634b8b.
 */
import { join } from "node:path";
import { type BitMask, onesMask, setBit, zerosMask } from "../../src/core/bit-mask.ts";
import { linearGeometry } from "../../src/core/geometry.ts";
import { mesh } from "../../src/sim/arrays/mesh.ts";
import { sigma } from "../../src/sim/arrays/sigma.ts";
import type { ComputeResult } from "../../src/sim/hardware/accelerator.ts";
import type { Operation, OperationOf } from "../../src/sim/operation/operation.ts";
import { readBits, readCase } from "./case-files.ts";
import type { Oracle, Tally } from "./oracle.ts";

interface Config {
  readonly kind: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly num_ms: number;
  readonly dn_bw: number;
  readonly rn_bw: number;
  readonly dataflow?: string;
  readonly rows?: number;
  readonly cols?: number;
  readonly T_M?: number;
  readonly T_N?: number;
}

interface Case {
  readonly id: string;
  readonly config: Config;
  readonly result: Readonly<Record<string, unknown>>;
  readonly bitmaps?: { readonly mk: string; readonly kn: string };
}

/** STONNE's rules of the networks around the array. */
const RULES = { bus: "hashed", drain: "half", overlap: false, batch: "fold" } as const;
const STATIONARY: Readonly<Record<string, "weight" | "input">> = { MK_STA_KN_STR: "weight", MK_STR_KN_STA: "input" };

/** Counts that we compare: STONNE's name and ours. */
const COMPARED: readonly (readonly [string, (result: ComputeResult) => number])[] = [
  ["cycles", (result) => result.cycles],
  ["macs_multiplications", (result) => result.counters.multiplications],
  ["sram_reads", readsOf],
  ["sram_writes", (result) => result.onChipWrites],
];

/** Adapter of STONNE's golden cases. */
export const stonne: Oracle = {
  id: "stonne",
  async replay(dir, entry, _index, tally) {
    const golden = await readCase<Case>(dir, entry);
    const result = await simulate(dir, golden, tally);
    if (result === undefined) return;
    for (const [quantity, ours] of COMPARED) {
      const expected = golden.result[quantity];
      const what = `${golden.config.kind} ${quantity}`;
      if (typeof expected === "number") tally.compare(what, golden.id, expected, ours(result));
      else tally.skip(what, golden.id, "the case has no such count");
    }
  },
};

async function simulate(dir: string, golden: Case, tally: Tally): Promise<ComputeResult | undefined> {
  const { config } = golden;
  const { M, N, K, dn_bw: distributionBandwidth, rn_bw: reductionBandwidth } = config;
  const networks = { ...RULES, distributionBandwidth, reductionBandwidth };
  if (config.kind === "tpu") {
    const { rows = 0, cols = 0, T_M = 0, T_N = 0 } = config;
    const array = { rows, columns: cols, tileRows: T_M, tileColumns: T_N };
    const masks = { weight: onesMask([M, K, 1, 1]), input: onesMask([N, K, 1, 1]) };
    return mesh.run(forwardOf(golden, masks), { ...networks, ...array });
  }
  const stationary = STATIONARY[config.dataflow ?? ""];
  if (config.kind !== "sparse" || stationary === undefined) {
    tally.skip(
      "all counts",
      golden.id,
      `runs of kind ${config.kind} with dataflow ${config.dataflow} are not modelled`,
    );
    return undefined;
  }
  if (golden.bitmaps === undefined) throw new Error("the case names no bitmaps");
  const mk = await readBits(join(dir, golden.bitmaps.mk), M * K);
  const kn = await readBits(join(dir, golden.bitmaps.kn), K * N);
  const masks = {
    weight: maskOf(M, K, (m, k) => bitOf(mk, m * K + k)),
    input: maskOf(N, K, (n, k) => bitOf(kn, k * N + n)),
  };
  return sigma.run(forwardOf(golden, masks), {
    ...networks,
    multipliers: config.num_ms,
    partialSums: "first",
    stationary: { forward: stationary, inputGrad: "weight", weightGrad: "sparser" },
    skipping: true,
  });
}

function forwardOf({ id, config }: Case, masks: OperationOf<"forward">["masks"]): Operation {
  return { pass: "forward", layer: id, geometry: linearGeometry(config.N, config.K, config.M), masks, topKPeriod: 1 };
}

function readsOf({ onChipReads, counters }: ComputeResult): number {
  const operands = Object.values(onChipReads).reduce((sum, reads) => sum + reads, 0);
  return operands + (counters.psumReads ?? 0);
}

/** [vectors, length, 1, 1] of single bits. */
function maskOf(vectors: number, length: number, bit: (vector: number, index: number) => boolean): BitMask {
  const mask = zerosMask([vectors, length, 1, 1]);
  for (let vector = 0; vector < vectors; vector++) {
    for (let i = 0; i < length; i++) if (bit(vector, i)) setBit(mask, vector, i);
  }
  return mask;
}

/** Element `index` of a bitmap, least significant bit first. */
function bitOf(bytes: Uint8Array, index: number): boolean {
  return ((bytes[index >> 3] >> (index & 7)) & 1) === 1;
}

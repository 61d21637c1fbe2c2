/**
 * What the weights of an operation take in a sparse format: values, and the metadata that says where they belong.
 *
 *     ellpack   every slot, empty or not      ⌈log2 m⌉ bits a slot
 *     csr       nonzeros                      an index a nonzero, k + 1 row pointers
 *     csc       nonzeros                      an index a nonzero, n + 1 column pointers
 *
 * A count only: it feeds back neither into cycles nor into traffic.
 * Source: SCALE-Sim v3 fab89b7 (Samajdar et al.), which counts metadata in words of 32 bits.
 */
import type { GemmJob } from "./gemm-jobs.ts";
import { keptSlots, type NOfM } from "./n-of-m.ts";

/** Formats. */
export type SparseFormat = "ellpack" | "csr" | "csc";

/** Bits of an index or a pointer of csr and csc. */
const INDEX_BITS = 32;

/** Values and metadata of stored weights. */
export interface StoredWeights {
  readonly storedWeights: number;
  readonly metadataBits: number;
}

/** Storage of the right matrices of `jobs`, one for each group, that have `nonzeros` together. */
export function sparseStorage(
  format: SparseFormat,
  jobs: readonly GemmJob[],
  groups: number,
  nonzeros: number,
  pattern: NOfM,
): StoredWeights {
  if (format === "ellpack") {
    const storedWeights = sumOf(jobs, ({ n, k }) => groups * n * keptSlots(k, pattern));
    return { storedWeights, metadataBits: storedWeights * Math.ceil(Math.log2(pattern.m)) };
  }
  const pointers = sumOf(jobs, ({ n, k }) => groups * ((format === "csr" ? k : n) + 1));
  return { storedWeights: nonzeros, metadataBits: (nonzeros + pointers) * INDEX_BITS };
}

/** Storage of the same weights without a format. */
export function denseStorage(jobs: readonly GemmJob[], groups: number): StoredWeights {
  return { storedWeights: sumOf(jobs, ({ n, k }) => groups * n * k), metadataBits: 0 };
}

function sumOf(jobs: readonly GemmJob[], count: (job: GemmJob) => number): number {
  return jobs.reduce((sum, job) => sum + count(job), 0);
}

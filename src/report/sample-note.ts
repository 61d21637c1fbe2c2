/** What a reader of estimates must know: how much was drawn, of how many ops, and how sure the numbers are. */
import type { SimulationResult } from "../sim/result/result.ts";
import { share } from "./numbers.ts";
import { multiplies } from "./workloads.ts";

/** A sentence for a result that was sampled; null for an exact one. */
export function sampleNote({ sample, machines }: SimulationResult): string | null {
  if (sample === undefined) return null;
  const asked = `Asked for a sample of ${share(sample.share)}`;
  const rows = machines.flatMap((machine) => machine.rows.filter(multiplies));
  const shares = rows.flatMap(({ sample }) => (sample === undefined ? [] : [sample.drawn / sample.of]));
  if (shares.length === 0) return `${asked}: no op is worth one, all numbers are exact.`;
  const range = [Math.min(...shares), Math.max(...shares)].map(share).join(" to ");
  const mean = share(shares.reduce((a, b) => a + b, 0) / shares.length);
  return `${asked}: ${range} (mean ${mean}) of the images or channels of ${shares.length} of ${rows.length} ops were simulated, the other ops whole. Estimates, ±: 95 % confidence.`;
}

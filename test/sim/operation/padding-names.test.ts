/** Accelerators of users that were written for 0.1 read `solidPadding`; what they find must be what ours find. */
import { expect, test } from "vitest";
import { readTrace } from "../../../src/api/open.ts";
import { prepareOperation } from "../../../src/sim/operation/ablations.ts";
import { isMacOp } from "../../../src/trace/manifest.ts";

test("an op whose image padding counts as nonzeros says so by both names", async () => {
  const { trace } = await readTrace("traces/resnet8-swat-u90.safetensors");
  const ops = trace.manifest.ops.filter(isMacOp);
  const prepared = await Promise.all(ops.map((op) => prepareOperation(trace, op)));
  const padded = prepared.filter(({ solid }) => solid.paddingAsNonzeros);
  expect(padded).not.toHaveLength(0);
  for (const { solid } of prepared) expect(solid.solidPadding).toBe(solid.paddingAsNonzeros);
  for (const { actual } of prepared) expect(actual.solidPadding).toBeUndefined();
});

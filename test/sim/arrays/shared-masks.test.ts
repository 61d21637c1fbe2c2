/** What is made of a mask once is made for all machines: none of them may count otherwise for it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { operations } from "../../support/random-operation.ts";

const changes = [
  {},
  { lanes: 4 },
  { rows: 2 },
  { columns: 2 },
  { lookahead: 1 },
  { lookahead: 2, lookaside: 2 },
  { lookahead: 0 },
];
const machines = (
  await loadMachines(["bit-tactical", "tensordash", "tensordash-two-sided-4096", "two-sided", "weight-queue", "sigma"])
).flatMap(({ name, config, accelerator }) =>
  changes
    .filter((change) => Object.keys(change).every((key) => key in accelerator.params.properties))
    .map((change) => resolveMachine({ ...config, params: { ...config.params, ...change } }, name, accelerators)),
);

test("an operation gives on every machine what it gives on fresh masks, whichever machines came before", () => {
  const order = fc.shuffledSubarray(machines, { minLength: 4, maxLength: 12 });
  fc.assert(
    fc.property(operations, order, fc.boolean(), (operation, chosen, paddingAsNonzeros) => {
      for (const { accelerator, params } of chosen) {
        for (const solid of [paddingAsNonzeros, !paddingAsNonzeros]) {
          const shared = { ...operation, paddingAsNonzeros: solid };
          expect(accelerator.run(shared, params)).toEqual(accelerator.run(structuredClone(shared), params));
        }
      }
    }),
    { numRuns: 60 },
  );
});

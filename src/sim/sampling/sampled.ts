/** What is worked out from the counts of an operation, with intervals where machines count a sample of it. */

import type { Run } from "../hardware/run.ts";
import type { ResultRow } from "../result/result.ts";
import { drawnShare } from "./draw.ts";
import { type Bound, Estimates, type Variation } from "./estimates.ts";
import { halfWidths } from "./intervals.ts";
import { numbersIn } from "./number-paths.ts";
import type { SampledOperation } from "./sampled-operation.ts";

/** How much to simulate. */
export interface Sample {
  /** Share of the images or channels, 0 < share ≤ 1; 1 is everything, exactly. */
  readonly share: number;
  /** Another seed draws another sample. */
  readonly seed: string;
}

/** Whether anything is left out; a sample of all images is a full simulation. */
export function isSampled(sample: Sample | undefined): sample is Sample {
  return sample !== undefined && sample.share < 1;
}

/** `derive` on what machines count of an operation: of all of it where `parts` is null, else of those parts. */
export function sampled<T extends object>(
  parts: SampledOperation | null,
  derive: (run?: Run) => T,
): T & Pick<ResultRow, "sample"> {
  if (parts === null) return derive();
  const estimates = new Estimates(parts);
  const estimate = derive((machine, operation) => estimates.run(machine, operation));
  const plans = estimates.plans();
  if (plans.length === 0) return estimate;
  const varied = (variation: Variation) =>
    numbersIn(derive((machine, operation) => estimates.run(machine, operation, variation)));
  const replicates = plans.map((plan) => ({
    plan,
    // One of which everything was drawn adds no error.
    without: plan.strata.map((each, stratum) =>
      drawnShare(each) < 1 ? each.groups.map((_, group) => varied({ plan, without: { stratum, group } })) : [],
    ),
  }));
  const shifts = (bound: Bound) => estimates.shifts(bound).map(varied);
  const [{ axis, size, work, drawn }] = plans;
  return {
    ...estimate,
    sample: {
      axis,
      drawn: drawn * size,
      of: work.length * size,
      ...halfWidths(numbersIn(estimate), varied("fractions"), replicates, {
        edges: shifts("edges"),
        unseen: shifts("unseen"),
      }),
    },
  };
}

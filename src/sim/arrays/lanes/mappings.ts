/** How the lane arrays whose rows hold filters lay out each pass. */
import type { Pass } from "../../../core/passes.ts";
import type { Mapping } from "../../hardware/accelerator.ts";

/** The three mappings; of the weight gradient no zero is skipped. */
export function filterMappings(
  skipped: Mapping["skipped"],
  referees: Readonly<Record<Pass, string>>,
): Readonly<Record<Pass, Mapping>> {
  const mapping = (pass: Pass, lanes: string, rows: string, columns: string): Mapping => ({
    ...{ lanes, rows, columns, stationary: "output" },
    skipped: pass === "weightGrad" ? "none" : skipped,
    referee: referees[pass],
  });
  return {
    forward: mapping("forward", "input channels", "filters", "windows"),
    inputGrad: mapping(
      "inputGrad",
      "output channels",
      "input channels",
      "windows of outputGrad, one stride phase at a time",
    ),
    weightGrad: mapping(
      "weightGrad",
      "output positions",
      "output channels",
      "input channels, one kernel position at a time",
    ),
  };
}

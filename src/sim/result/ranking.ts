/** The order of machines in results, tables, cards and charts: what may be compared comes first, the fastest at its head. */
import type { MachineResult } from "./result.ts";

/** Where a machine is listed: among its equals, as a bound that none reaches, or apart, with other terms. */
export type Standing = "ranked" | "bound" | "apart";

const STANDINGS: readonly Standing[] = ["ranked", "bound", "apart"];

/** A machine is ranked where it is compared with the common baseline on equal terms. */
export function standingOf({ isBound, baseline }: Pick<MachineResult, "isBound" | "baseline">): Standing {
  if (baseline.isCounterpart || baseline.differences.length > 0) return "apart";
  return isBound ? "bound" : "ranked";
}

/** Machines by standing; those that are ranked, and bounds, by time of the step, the others in their order. */
export function rankedMachines<Ranked extends Pick<MachineResult, "isBound" | "baseline" | "totals">>(
  machines: readonly Ranked[],
): Ranked[] {
  return STANDINGS.flatMap((standing) => {
    const alike = machines.filter((machine) => standingOf(machine) === standing);
    if (standing === "apart") return alike;
    return alike.sort((a, b) => a.totals.training.seconds - b.totals.training.seconds);
  });
}

/**
 * Oracle `methods`: PyTorch in float64 trains with N:M (SR-STE, transposable), RigL and Top-KAST; and selections by
 * themselves. Counts and masks must be equal, losses and weights within rounding, on every build of our kernels.
 */

import { unknownName } from "../../src/io/faults.ts";
import type { Backend } from "../../src/kernels/backend.ts";
import { createBackend, isSupported } from "../../src/kernels/index.ts";
import { BUILD_NAMES, type BuildName } from "../../src/kernels/kernels.ts";
import { isSelection, runSelection, type SelectionCase } from "./methods-selections.ts";
import { type MethodTrajectory, runMethodTrajectory } from "./methods-trajectory.ts";
import type { CaseEntry, Oracle, OracleIndex, Tally } from "./oracle.ts";
import type { TrajectoryData } from "./swat-trajectory.ts";

/** The adapter on every build that runs here. */
export const methods: Oracle = methodsOn(BUILD_NAMES.filter(isSupported));

/** The adapter on some builds. */
export function methodsOn(names: readonly BuildName[]): Oracle {
  let backends: readonly Backend[] | undefined;
  return {
    id: "methods",
    async replay(dir, entry, index, tally) {
      backends ??= names.map((name) => createBackend(name));
      await runCase({ dir, entry, index }, backends, tally);
    },
  };
}

interface Replay {
  readonly dir: string;
  readonly entry: CaseEntry;
  readonly index: OracleIndex;
}

async function runCase({ dir, entry, index }: Replay, backends: readonly Backend[], tally: Tally): Promise<void> {
  const kind = String(entry.kind);
  if (kind === "traj_data") return;
  if (isSelection(kind)) return runSelection(dir, kind, entry as unknown as SelectionCase, tally);
  if (kind !== "trajectory")
    throw new Error(
      unknownName("kind of case", kind, ["trajectory", "select_nm", "select_topkast", "rigl_update", "rigl_erk"]),
    );
  const one = entry as unknown as MethodTrajectory;
  const data = index.cases.find((other) => other.kind === "traj_data" && other.file === one.data);
  if (data === undefined) throw new Error(`no traj_data of file ${one.data} in the index`);
  for (const backend of backends) {
    await tally.attempt(`${one.name} (${backend.name})`, () =>
      runMethodTrajectory(dir, { one, shape: data.params as TrajectoryData }, backend, tally),
    );
  }
}

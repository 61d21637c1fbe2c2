/**
 * Whether machines and traces may be compared: a baseline of the same peak, clock, datatype, memory and rules that skips
 * nothing, steps of one network, and dense-training steps that did the same work.
 */
import { InputError } from "../../io/faults.ts";
import { isMacOp } from "../../trace/manifest.ts";
import type { IdentifiedTrace } from "../../trace/trace.ts";
import type { Machine } from "../hardware/machine.ts";

/** Rules by which work is laid out, each with its best choice: a baseline may have that or the machine's, and nothing worse. */
const RULES = { batch: "fold", dealing: "sets" } as const;

/** Terms in which a machine differs from a baseline, skipping aside: none where a comparison of the two is fair. */
export function differencesFrom(baseline: Machine, machine: Machine): string[] {
  const others = termsOf(baseline);
  const terms = Object.entries(termsOf(machine)).filter(([term, value]) => others[term] !== value);
  const rules = Object.entries(RULES).flatMap(([rule, best]) => {
    const [own, other] = [machine, baseline].map(({ params }) => (params as Record<string, unknown>)[rule]);
    return own === undefined || other === undefined || other === own || other === best ? [] : [[rule, own, other]];
  });
  return [...terms.map(([term, value]) => [term, value, others[term]]), ...rules].map(
    ([term, own, other]) => `${term} ${own} against ${other}`,
  );
}

/** @throws InputError with a line for each machine that is not equal to the baseline in everything that is not skipping. */
export function checkEqualTerms(machines: readonly Machine[], baseline: Machine): void {
  const faults = machines.flatMap((machine) => {
    const differences = differencesFrom(baseline, machine);
    if (differences.length === 0) return [];
    const what = `${machine.name}: is not comparable with baseline ${baseline.name}: ${differences.join(", ")}`;
    return [`${what}; valid: a baseline that is equal in these, or allowUnequal`];
  });
  if (!skipsNothing(baseline)) {
    faults.push(
      `${baseline.name}: is not a dense baseline: it skips zeros itself; valid: a machine that does not, or allowUnequal`,
    );
  }
  if (faults.length > 0) throw new InputError(faults);
}

/** Whether a machine is its own array without skipping: what it takes for an op depends on the shape alone. */
export function skipsNothing({ accelerator, params }: Pick<Machine, "accelerator" | "params">): boolean {
  return JSON.stringify(accelerator.withoutSkipping(params)) === JSON.stringify(params);
}

function termsOf({ peakMacsPerSecond, clockHz, vectorLanes, memory, config, line }: Machine): Record<string, string> {
  return {
    "peak (MAC/s)": String(peakMacsPerSecond),
    "clock (Hz)": String(clockHz),
    datatype: `${config.datatype.multiply}/${config.datatype.accumulate}`,
    "vector lanes": String(vectorLanes),
    "on-chip memory (bytes)": memory.levels.map(({ bytes }) => bytes).join(" + "),
    "on-chip bandwidth (bytes/cycle)": memory.levels.map(({ bytesPerCycle }) => bytesPerCycle).join(", "),
    "DRAM bandwidth (bytes/cycle)": String(memory.dramBytesPerCycle),
    "DRAM part": JSON.stringify(memory.device?.config ?? "any"),
    "on-chip buffers": line === null ? "not modelled" : JSON.stringify(config.memory.line),
  };
}

/** Steps of one network add up to a training; those of several would be weighed by chance. @throws Error */
export function checkOneNetwork(traces: readonly IdentifiedTrace[]): void {
  const [first] = traces;
  for (const { trace } of traces) {
    const { network } = trace.manifest;
    if (network !== first.trace.manifest.network) {
      throw new InputError([
        `${trace.name}: steps of different networks do not add up, got "${network}" after "${first.trace.manifest.network}"; simulate them one by one`,
      ]);
    }
  }
}

/** @throws Error where a step of `dense` is not dense, or the steps differ in layers, passes or geometries. */
export function checkSameWork(traces: readonly IdentifiedTrace[], dense: readonly IdentifiedTrace[]): void {
  for (const { trace } of dense) {
    const sparse = trace.manifest.tensors.find(({ role, mask }) => role === "weight" && mask !== undefined);
    if (sparse !== undefined) {
      throw new InputError([`${trace.name}: is not a step of dense training: weight "${sparse.id}" has zeros`]);
    }
  }
  const expected = workOf(traces[0]);
  for (const other of [...traces, ...dense]) {
    if (workOf(other) !== expected) {
      throw new InputError([
        `${other.trace.name}: is not comparable with ${traces[0].trace.name}: layers, passes or geometries (batch size included) differ`,
      ]);
    }
  }
}

function workOf({ trace }: IdentifiedTrace): string {
  const ops = trace.manifest.ops.filter(isMacOp);
  return JSON.stringify(ops.map(({ layer, pass, geometry }) => [layer, pass, Object.entries(geometry).sort()]));
}

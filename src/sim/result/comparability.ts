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
/** These in the words of messages. */
const TERMS: Readonly<Record<string, string>> = {
  batch: "layout of batches (params.batch)",
  dealing: "dispatch of tiles (params.dealing)",
};
const MOST_VALUE_CHARACTERS = 60;

/** Terms in which a machine differs from a baseline, skipping aside: none where a comparison of the two is fair. */
export function differencesFrom(baseline: Machine, machine: Machine): string[] {
  return differingTerms(baseline, machine).map(([term, own, other]) => `${term} ${own} against ${other}`);
}

/** With the value of the machine and that of the baseline. */
type Term = readonly [term: string, own: string, other: string];

/** Each term with the value of the machine and that of the baseline. */
function differingTerms(baseline: Machine, machine: Machine): Term[] {
  const others = termsOf(baseline);
  const terms = Object.entries(termsOf(machine)).filter(([term, value]) => others[term] !== value);
  const rules = Object.entries(RULES).flatMap(([rule, best]): Term[] => {
    const [own, other] = [machine, baseline].map(({ params }) => (params as Record<string, unknown>)[rule]);
    return own === undefined || other === undefined || other === own || other === best
      ? []
      : [[rule, String(own), String(other)]];
  });
  return [...terms.map(([term, value]): Term => [term, value, others[term]]), ...rules];
}

/** @throws InputError with one line for all machines that are not equal to the baseline in everything that is not skipping. */
export function checkEqualTerms(machines: readonly Machine[], baseline: Machine): void {
  const faults: string[] = [];
  const unequal = machines.flatMap((machine) => {
    const terms = differingTerms(baseline, machine);
    return terms.length === 0 ? [] : [{ name: machine.name, terms }];
  });
  if (unequal.length > 0) {
    const names = unequal.map(({ name }) => name).join(", ");
    const differences = joint(unequal.map(({ terms }) => terms));
    const what = `${baseline.name} is not comparable with ${names}, ${unequal.length > 1 ? "which differ" : "which differs"} in ${differences}`;
    faults.push(`baseline: ${what}; valid: a baseline that is equal in these, or allowUnequal`);
  }
  if (!skipsNothing(baseline)) {
    faults.push(
      `baseline: ${baseline.name} is not a dense baseline: it skips zeros itself; valid: one that does not, or allowUnequal`,
    );
  }
  if (faults.length > 0) throw new InputError(faults);
}

/** All terms in which machines differ, with the values where these are short and the same for all of the machines. */
function joint(terms: readonly (readonly Term[])[]): string {
  const byTerm = new Map<string, Set<string>>();
  for (const [term, own, other] of terms.flat())
    byTerm.set(term, (byTerm.get(term) ?? new Set()).add(`${own} instead of ${other}`));
  return [...byTerm]
    .map(([term, values]) => {
      const [only] = values;
      const isShown = values.size === 1 && only.length <= MOST_VALUE_CHARACTERS;
      return `${TERMS[term] ?? term}${isShown ? ` ${only}` : ""}`;
    })
    .join(", ");
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

/** Figures are means over the traces, in which a trace given twice would count twice. @throws InputError */
export function checkEachOnce(traces: readonly IdentifiedTrace[]): void {
  const seen = new Map<string, string>();
  const faults = traces.flatMap(({ trace: { name }, sha256 }) => {
    const first = seen.get(sha256);
    seen.set(sha256, first ?? name);
    if (first === undefined) return [];
    return [`${name}: ${first === name ? "is given twice" : `is the same trace as ${first}`}; valid: each trace once`];
  });
  if (faults.length > 0) throw new InputError([...new Set(faults)]);
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

/**
 * Whether machines and traces may be compared: a baseline of the same peak, clock, datatype, memory and rules that skips
 * nothing, steps of one network, and dense-training steps that did the same work.
 */
import { InputError } from "../io/faults.ts";
import { isMacOp } from "../trace/manifest.ts";
import type { IdentifiedTrace } from "../trace/trace.ts";
import type { Machine } from "./machine.ts";

/** Parameters that are rules of the comparison, not properties of the array. */
const RULES = ["batch", "dealing"] as const;

/** @throws InputError with a line for each machine that is not equal to the baseline in everything that is not skipping. */
export function checkEqualTerms(machines: readonly Machine[], baseline: Machine): void {
  const faults = machines.flatMap((machine) => {
    const differences = Object.entries(termsOf(machine)).flatMap(([term, value]) => {
      const other = termsOf(baseline)[term];
      return other === undefined || other === value ? [] : [`${term} ${value} against ${other}`];
    });
    if (differences.length === 0) return [];
    const what = `${machine.name}: is not comparable with baseline ${baseline.name}: ${differences.join(", ")}`;
    return [`${what}; take a baseline that is equal in these, or --allow-unequal`];
  });
  const { accelerator, params } = baseline;
  if (JSON.stringify(accelerator.withoutSkipping(params)) !== JSON.stringify(params)) {
    faults.push(
      `${baseline.name}: is no dense baseline: it skips zeros itself; take a machine that does not, or --allow-unequal`,
    );
  }
  if (faults.length > 0) throw new InputError(faults);
}

function termsOf({
  peakMacsPerSecond,
  clockHz,
  vectorLanes,
  memory,
  config,
  params,
  line,
}: Machine): Record<string, string> {
  const rules = params as Record<string, unknown>;
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
    ...Object.fromEntries(RULES.filter((rule) => rule in rules).map((rule) => [rule, String(rules[rule])])),
  };
}

/** Steps of one network add up to a training; those of several would be weighed by chance. @throws Error */
export function checkOneNetwork(traces: readonly IdentifiedTrace[]): void {
  const [first] = traces;
  for (const { trace } of traces) {
    const { network } = trace.manifest;
    if (network !== first.trace.manifest.network) {
      throw new Error(
        `${trace.name}: steps of different networks do not add up, got "${network}" after "${first.trace.manifest.network}"; simulate them one by one`,
      );
    }
  }
}

/** @throws Error where a step of `dense` is not dense, or the steps differ in layers, passes or geometries. */
export function checkSameWork(traces: readonly IdentifiedTrace[], dense: readonly IdentifiedTrace[]): void {
  for (const { trace } of dense) {
    const sparse = trace.manifest.tensors.find(({ role, mask }) => role === "weight" && mask !== undefined);
    if (sparse !== undefined) {
      throw new Error(`${trace.name}: is not a step of dense training: weight "${sparse.id}" has zeros`);
    }
  }
  const expected = workOf(traces[0]);
  for (const other of [...traces, ...dense]) {
    if (workOf(other) !== expected) {
      throw new Error(
        `${other.trace.name}: is not comparable with ${traces[0].trace.name}: layers, passes or geometries (batch size included) differ`,
      );
    }
  }
}

function workOf({ trace }: IdentifiedTrace): string {
  const ops = trace.manifest.ops.filter(isMacOp);
  return JSON.stringify(ops.map(({ layer, pass, geometry }) => [layer, pass, Object.entries(geometry).sort()]));
}

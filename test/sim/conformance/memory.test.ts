/** Bytes are conserved on every shipped machine: what is read was in DRAM or was written on chip, and nothing outruns its bytes. */
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { conservationFaults, residenceFaults, rowFaults } from "../../../src/sim/conformance/memory.ts";
import type { Machine } from "../../../src/sim/hardware/machine.ts";
import { planStep, type StepPlan } from "../../../src/sim/memory/placement.ts";
import type { Residence, Touch } from "../../../src/sim/memory/residence.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { type StepOp, stepOps, tensorsOf } from "../../../src/step/method-overheads.ts";
import { importScalesim } from "../../../src/trace/import/scalesim.ts";
import { encodeTrace, type IdentifiedTrace, openTrace, type Trace } from "../../../src/trace/trace.ts";
import { CONV, DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../../support/make-trace.ts";

const machines = await loadMachines(["all"]);
const named = (name: string) => machines.find((machine) => machine.name === name) as Machine;

async function importedTrace(topology: string, batch = 1): Promise<Trace> {
  const { manifest, masks } = importScalesim(topology, "topology.csv", { batch, network: "net" });
  return openTrace(memorySource("imported.safetensors", encodeTrace(manifest, masks)));
}
const identified = (trace: Trace): IdentifiedTrace => ({ trace, name: trace.name, sha256: "" });

const swat = await makeTrace(SWAT_DENSITIES);
const { ops } = swat.trace.manifest;
const withoutUpdate = ops.filter(({ kind }) => kind !== "optimizer");

/** Steps whose weights come from somewhere else: selected, stored, imported, pruned, and of layers that skip rows of the image. */
const traces: Readonly<Record<string, Trace>> = {
  "a step of SWAT": swat.trace,
  "a dense step": (await makeTrace(DENSE_DENSITIES, "dense")).trace,
  "a step of SWAT without its update": (await makeTrace(SWAT_DENSITIES, "swat", { ops: withoutUpdate })).trace,
  "a pruned step": (await makeTrace(SWAT_DENSITIES, "pruned", { method: { name: "custom" } })).trace,
  "imported layers": await importedTrace(
    "name, sizes\nfirst, 9, 9, 3, 3, 5, 12, 2, 2:4,\nshortcut, 9, 8, 1, 1, 12, 9, 3, 1:2,\nDP, 6, 6, 3, 3, 4, 1, 1,\nfc, 3, 20, 33, 2:4,",
    2,
  ),
};

describe("bytes", () => {
  it.each(Object.entries(traces))("of %s are conserved on every machine and level", async (_name, trace) => {
    for (const machine of machines) {
      expect(await conservationFaults(trace, machine), machine.name).toEqual([]);
    }
  });

  const relu = (reads: string[], writes: string[]): StepOp => ({
    ...{ kind: "relu", pass: "forward", layer: "layer", reads, writes },
  });
  const planOf = (steps: readonly StepOp[], residence: readonly Partial<Record<keyof Residence, string[]>>[]) =>
    ({
      tensors: (at) => steps[at] as Touch,
      residence: (at) => ({ reads: new Set(residence[at]?.reads), writes: new Set(residence[at]?.writes) }),
      bytesOf: () => 10,
    }) as Pick<StepPlan, "tensors" | "residence" | "bytesOf"> as StepPlan;
  const faultsOf = (
    steps: readonly StepOp[],
    residence: readonly Partial<Record<keyof Residence, string[]>>[],
    room = 10,
  ) => residenceFaults(steps, planOf(steps, residence), room).join("\n");

  it("that are made of nothing, appear on chip, vanish before DRAM or have no room are caught", () => {
    const chain = [relu(["a"], ["b"]), relu(["b"], ["c"]), relu(["c"], ["d"])];
    expect(faultsOf(chain, [{ writes: ["b"] }, { reads: ["b"], writes: ["c"] }, { reads: ["c"] }])).toBe("");
    expect(faultsOf([relu([], ["w"])], [])).toMatch(/writes w without reading anything/);
    expect(faultsOf(chain, [{ reads: ["a"] }])).toMatch(/reads a on chip, where nothing put it/);
    expect(faultsOf(chain, [{ writes: ["b"] }])).toMatch(/reads b from DRAM, where no op wrote it/);
    const both = [relu(["a"], ["b", "c"]), relu(["b", "c"], ["d"])];
    const kept = [{ writes: ["b", "c"] }, { reads: ["b", "c"] }];
    expect(faultsOf(both, kept, 20)).toBe("");
    expect(faultsOf(both, kept, 19)).toMatch(/20 bytes stay on chip afterwards, where 19 have room/);
  });

  it("that do not cross a level, or faster than its bandwidth, are caught", async () => {
    const machine = named("ideal-4096");
    const { trace } = swat;
    const plan = await planStep(trace, machine, true);
    const { rows } = (await simulate({ traces: [swat], machines: [machine] })).machines[0];
    const at = stepOps(trace.manifest).findIndex(({ kind }) => kind === "conv");
    const row = rows.find(({ kind }) => kind === "conv") as (typeof rows)[number];
    const faults = async (change: Partial<typeof row>) =>
      (await rowFaults(trace, stepOps(trace.manifest)[at], { ...row, ...change }, { machine, plan, at })).join("\n");
    expect(await faults({})).toBe("");
    const input = CONV.N * CONV.C * CONV.H * CONV.W;
    const level = { ...row.traffic["global buffer"], input: input / 8 };
    expect(await faults({ traffic: { ...row.traffic, "global buffer": level } })).toMatch(
      /bytes of input cross global buffer, fewer than/,
    );
    expect(await faults({ traffic: { ...row.traffic, dram: { ...row.traffic.dram, input: 1e9 } } })).toMatch(
      /bytes cross DRAM in \d+ cycles, fewer than/,
    );
  });

  it("whose cycles, multiplier-cycles or stalls do not add up, or are negative, are caught", async () => {
    const machine = named("tensordash-4096");
    const { trace } = swat;
    const plan = await planStep(trace, machine, true);
    const { rows } = (await simulate({ traces: [swat], machines: [machine] })).machines[0];
    const op = stepOps(trace.manifest)[0];
    const [row] = rows;
    const { cycles, breakdown } = row;
    const faults = async (change: Partial<typeof row>) =>
      (await rowFaults(trace, op, { ...row, ...change }, { machine, plan, at: 0 })).join("\n");
    expect(await faults({})).toBe("");
    expect(await faults({ cycles: { ...cycles, vector: cycles.vector + 1 } })).toMatch(/^cycles: the parts are \d+ /);
    const moved = { ...breakdown, effectual: breakdown.effectual + breakdown.memory + 1, memory: -1 };
    expect(await faults({ breakdown: moved })).toBe("breakdown: memory is -1");
    expect(await faults({ breakdown: { ...breakdown, movement: 1e6 } })).toMatch(/^breakdown: the parts are \d+ /);
    expect(await faults({ stalls: { dram: { input: cycles.memoryStall + 1 } } })).toMatch(
      /^stalls: the parts are \d+ /,
    );
  });
});

describe("weights that no op of the trace writes", () => {
  /** Every machine of the common design point multiplies bf16. */
  const equal = machines.filter(({ name }) => name.endsWith("-4096"));
  /** 1,024 × 1,024 weights of 2 bytes: half of the values, and a bit an element with a bitmap or 2 of 4. */
  const DENSE_BYTES = 1024 * 1024 * 2;
  const STORED_BYTES = DENSE_BYTES / 2 + (1024 * 1024) / 8;

  it("come from DRAM in their stored format: 2:4 weights gain at most 16/9 from memory, and 2 from the array", async () => {
    const trace = await importedTrace("Layer,M,N,K,Sparsity,\nfc,1,1024,1024,2:4,\n");
    const result = await simulate({ traces: [identified(trace)], machines: equal });
    for (const { name, config, rows, totals } of result.machines) {
      const isDense = config.memory.storage.weight === "dense";
      const stored = isDense ? DENSE_BYTES : STORED_BYTES;
      const [row, ...others] = rows;
      expect(others, name).toEqual([]);
      // What the bytes allow, or, where the array is slower than DRAM, what the zeros do.
      const isFed = row.cycles.memoryStall > 0.5 * row.cycles.total;
      const most = isFed ? DENSE_BYTES / stored : 2;
      expect(row.traffic.dram.weight, name).toBeGreaterThanOrEqual(stored);
      expect(row.cycles.total, name).toBeGreaterThanOrEqual(Math.floor(stored / named(name).memory.dramBytesPerCycle));
      expect(totals.matmul.speedup, name).toBeLessThanOrEqual(most);
    }
    const [ideal] = result.machines.filter(({ name }) => name === "ideal-4096");
    expect(ideal.rows[0].traffic.dram).toMatchObject({ weight: STORED_BYTES, output: 1024 * 2 });
    expect(ideal.totals.matmul.speedup).toBeGreaterThan(1.7);
  });

  it("are not selected, neither in imported or pruned steps nor where the update is missing", async () => {
    for (const name of ["imported layers", "a pruned step", "a step of SWAT without its update"]) {
      const selections = stepOps(traces[name].manifest).filter(({ kind }) => kind === "select");
      // The input names the tensor that it was selected from.
      expect(
        selections.flatMap((op) => tensorsOf(op).writes),
        name,
      ).toEqual(name === "imported layers" ? [] : ["saved"]);
    }
  });

  it("are selected by a method of one's own whose threshold period the trace gives, and by SWAT's", async () => {
    for (const method of [{ name: "mine", topKPeriod: 3 }, { name: "swat-erk" }]) {
      const { trace } = await makeTrace(SWAT_DENSITIES, "mine", { method });
      const [first] = stepOps(trace.manifest);
      expect(first).toMatchObject({ kind: "select", reads: ["master"], writes: ["w"] });
    }
  });

  it("are written by the update of a pruned step as they are stored: compressed beside the master copy", async () => {
    const pruned = await makeTrace(SWAT_DENSITIES, "pruned", { method: { name: "custom" } });
    const size = CONV.K * CONV.C * CONV.R * CONV.S;
    const { nonzeros } = pruned.trace.tensor("w");
    const { rows } = (await simulate({ traces: [pruned], machines: [named("ideal-4096")] })).machines[0];
    const update = rows.find(({ kind }) => kind === "optimizer");
    expect(update?.traffic.dram.written).toBe(size * (4 + 4) + 2 * nonzeros + Math.ceil(size / 8));
  });
});

import { describe, expect, it } from "vitest";
import { loadMachines } from "../../src/api/open.ts";
import { checkSchema } from "../../src/io/faults.ts";
import { resultCsv } from "../../src/report/csv.ts";
import { resultTable } from "../../src/report/tables/result-table.ts";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { randomOperation } from "../../src/sim/conformance/cases.ts";
import { operationFaults } from "../../src/sim/conformance/operation.ts";
import { type Machine, resolveMachine } from "../../src/sim/hardware/machine.ts";
import { ResultSchema, type SimulationResult } from "../../src/sim/result/result.ts";
import { type SimulationInput, simulate } from "../../src/sim/simulate.ts";
import { CONV, DENSE_DENSITIES, makeTrace, SWAT_DENSITIES } from "../support/make-trace.ts";
import { bruteForceMacs } from "../support/random-operation.ts";

const machines = await loadMachines(["all"]);
const swat = await makeTrace(SWAT_DENSITIES);
const dense = await makeTrace(DENSE_DENSITIES, "dense");
const ordinary = await simulate({ traces: [swat], machines });
/** What is simulated without any change is simulated once. */
const run = async (input?: Partial<SimulationInput>) =>
  input === undefined ? ordinary : simulate({ traces: [swat], machines, ...input });

describe("a simulation", () => {
  it("gives the same result for the same input, and one that keeps its schema", async () => {
    const result = await run();
    expect(JSON.stringify(await run({}))).toBe(JSON.stringify(result));
    expect(() => checkSchema(ResultSchema, result, "result")).not.toThrow();
  });

  it("has a row for every op of the trace, in its order, and for what the method costs", async () => {
    for (const { name, config, rows } of (await run()).machines) {
      // The two operands that a pass reads in another order than they were compressed in, where they are.
      const transposes = rows.filter(({ kind }) => kind === "transpose").map(({ pass }) => pass);
      const isDense = Object.values(config.memory.storage).every((storage) => storage === "dense");
      if (name === "tensordash-4096") expect(transposes).toEqual(["inputGrad", "weightGrad"]);
      if (isDense || config.accelerator === "procrustes") expect(transposes).toEqual([]);
      expect(rows.filter(({ kind }) => kind !== "transpose").map(({ kind, pass }) => `${kind} ${pass}`)).toEqual([
        "select forward",
        "conv forward",
        "select forward",
        "relu forward",
        "conv inputGrad",
        "conv weightGrad",
        "optimizer update",
      ]);
    }
    for (const { rows } of (await run({ traces: [dense] })).machines) {
      expect(rows.map(({ kind }) => kind)).toEqual(["conv", "relu", "conv", "conv", "optimizer"]);
    }
  });

  it("charges a selection a sweep each step and the search of its threshold two each period, and nobody else", async () => {
    const { rows } = (await run()).machines[0];
    const [weights, inputs] = rows.filter(({ kind }) => kind === "select");
    const { vectorLanes } = machines[0];
    // Thresholds live for four steps.
    expect(weights.cycles.vector).toBe(Math.ceil((24 * 20 * 9 * 1.5) / vectorLanes));
    expect(inputs.cycles.vector).toBe(Math.ceil((2 * 20 * 36 * 1.5) / vectorLanes));
    for (const row of [weights, inputs]) {
      expect(row).toMatchObject({ baselineSeconds: 0, noZerosSeconds: 0, idealCycles: 0 });
    }
  });

  it("transposes what is compressed in dense training, too, so that a trace is neither faster nor slower than itself", async () => {
    const natural = await makeTrace({ ...DENSE_DENSITIES, input: 0.5, outputGrad: 0.5 }, "natural");
    const nearlyDense = await makeTrace({ ...DENSE_DENSITIES, input: 0.99, outputGrad: 0.5 }, "nearly dense");
    const transposed = ({ machines }: SimulationResult) =>
      machines.flatMap(({ name, rows }) =>
        rows.filter(({ kind }) => kind === "transpose").map(({ pass }) => `${name} ${pass}`),
      );
    const result = await run({ traces: [natural], baselineTraces: [natural] });
    expect(transposed(result)).toContain("tensordash-4096 weightGrad");
    for (const { name, totals } of result.machines) {
      for (const total of Object.values(totals)) expect(total.speedupOverDenseTraining ?? 1, name).toBeCloseTo(1, 12);
    }
    // A bit an element is more than dropping a hundredth of the values saves.
    expect(transposed(await run({ traces: [nearlyDense] }))).toEqual([]);
  });

  it("rounds weights for narrow multipliers in the update, unless a selection does", async () => {
    const size = CONV.K * CONV.C * CONV.R * CONV.S;
    const { config } = machines.find(({ name }) => name === "dadiannao-4096") as Machine;
    const datatype = { multiply: "fp32", accumulate: "fp32" };
    const written = async (trace: typeof swat, machine: Machine) => {
      const { rows } = (await run({ traces: [trace], machines: [machine] })).machines[0];
      return rows.find(({ kind }) => kind === "optimizer")?.traffic.dram.written;
    };
    const narrow = resolveMachine(config, "narrow", accelerators);
    const wide = resolveMachine({ ...config, datatype }, "wide", accelerators);
    // Master copies and momenta, and weights of two bytes.
    expect(await written(dense, narrow)).toBe(size * (4 + 4 + 2));
    expect(await written(dense, wide)).toBe(size * (4 + 4));
    expect(await written(swat, narrow)).toBe(size * (4 + 4));
  });

  it("stores weights that fit 2 of 4 in that format on sparse-tensor-core, in what is selected, transposed and multiplied", async () => {
    const { config } = machines.find(({ name }) => name === "sparse-tensor-core-4096") as Machine;
    const machine = resolveMachine({ ...config, memory: { ...config.memory, resident: 0 } }, "mine", accelerators);
    const rowsOf = async (weight: number) => {
      const trace = await makeTrace({ ...SWAT_DENSITIES, weight }, "few weights");
      const { rows } = (await run({ traces: [trace], machines: [machine] })).machines[0];
      const row = (wanted: string, pass: string) => rows.find((row) => row.kind === wanted && row.pass === pass);
      return {
        selected: row("select", "forward")?.traffic.dram.written,
        forward: row("conv", "forward")?.traffic.dram.weight,
        transposed: row("transpose", "inputGrad")?.traffic.dram.written,
        inputGrad: row("conv", "inputGrad")?.traffic.dram.weight,
      };
    };
    const size = CONV.K * CONV.C * CONV.R * CONV.S;
    // Half of the values, two bits each, and two sets of 16 filters, packed or not.
    const packed = size + size / 8 + 1;
    expect(await rowsOf(0.01)).toEqual({ selected: packed, forward: packed, transposed: packed, inputGrad: packed });
    // Where some sets are packed, what is multiplied is what was written, in whichever order.
    for (const density of [0.02, 0.04, 0.06, 0.08]) {
      const { selected, forward, transposed, inputGrad } = await rowsOf(density);
      expect([forward, inputGrad]).toEqual([selected, transposed ?? selected]);
    }
    const plain = 2 * size;
    expect(await rowsOf(0.5)).toEqual({ selected: plain, forward: plain, transposed: undefined, inputGrad: plain });
  });

  it("splits all cycles by cause, and all skipped ones of the array", async () => {
    for (const machine of (await run()).machines) {
      for (const { cycles, saved, baselineComputeCycles, macs, idealCycles, kind } of machine.rows) {
        const { bufferStall = 0, compute, vector, rescheduling, memoryStall } = cycles;
        expect(compute + vector + rescheduling + bufferStall + memoryStall).toBe(cycles.total);
        const skipped = saved.topK + saved.natural + saved.imagePadding + saved.lanePadding;
        expect(cycles.compute + skipped).toBe(baselineComputeCycles);
        expect(macs.effectual + macs.topK + macs.natural).toBe(macs.dense);
        if (kind === "conv") expect(idealCycles).toBeLessThanOrEqual(cycles.compute);
      }
    }
  });

  it("breaks every multiplier-cycle of every shipped machine down by cause, none of them negative or untold", async () => {
    for (const { name, rows, peakMacsPerSecond } of (await run()).machines) {
      const machine = machines.find((candidate) => candidate.name === name) as Machine;
      expect(peakMacsPerSecond).toBe(machine.multipliers * machine.clockHz);
      for (const { breakdown, cycles, layer, pass, macs } of rows) {
        const where = `${name} ${layer} ${pass}`;
        const sum = Object.values(breakdown).reduce((total, count) => total + count, 0);
        expect(sum, where).toBe(machine.multipliers * cycles.total);
        for (const [cause, count] of Object.entries(breakdown))
          expect(count, `${where} ${cause}`).toBeGreaterThanOrEqual(0);
        expect(breakdown, where).not.toHaveProperty("other");
        expect(breakdown.imagePadding, where).toBeLessThanOrEqual(macs.imagePadding);
      }
    }
  });

  it("adds the wait for on-chip buffers where they are modelled, also to the array without skipping, before DRAM overlaps", async () => {
    const named = (name: string) => machines.find((machine) => machine.name === name) as Machine;
    const withLines = named("bit-tactical-lines");
    // Without a limit of DRAM, cycles are those of the buffers; the same array without skipping is DaDianNao.
    const unlimited = { ...withLines, memory: { ...withLines.memory, dramBytesPerCycle: Number.POSITIVE_INFINITY } };
    const {
      lookahead: _h,
      lookaside: _d,
      shape: _s,
      reschedulingCyclesPerLine: _r,
      ...array
    } = withLines.config.params;
    const dadiannao = resolveMachine(
      { ...withLines.config, name: "dense", accelerator: "dadiannao", params: array },
      "dense",
      accelerators,
    );
    const [own, free, plain, dense] = (
      await run({ machines: [withLines, unlimited, named("bit-tactical"), dadiannao] })
    ).machines.map(({ rows }) => rows.filter(({ kind }) => kind === "conv"));
    expect(own).toHaveLength(3);
    own.forEach(({ cycles, breakdown, counters }, i) => {
      const { bufferStall = 0 } = cycles;
      expect(bufferStall).toBeGreaterThan(0);
      expect(breakdown.buffers).toBe(bufferStall * withLines.multipliers);
      expect(counters.weightBankReads).toBeGreaterThan(0);
      expect(cycles.compute).toBe(plain[i].cycles.compute);
      expect(plain[i].cycles).not.toHaveProperty("bufferStall");
      expect(cycles.memoryStall).toBeLessThanOrEqual(plain[i].cycles.memoryStall);
      expect(free[i].cycles).toMatchObject({ bufferStall, memoryStall: 0 });
      const { compute, bufferStall: denseStall = 0 } = dense[i].cycles;
      expect(free[i].baselineCycles).toBe(compute + denseStall);
    });
  });

  it("tells zeros of operands from those around the image: a dense array multiplies all of both", async () => {
    const result = await run();
    const rowsOf = (name: string) =>
      result.machines.find((machine) => machine.name === name)?.rows.filter(({ kind }) => kind === "conv") ?? [];
    // Of 3 taps at each of 6 positions on an axis, 2 lie outside.
    const outside = 2 * 20 * 24 * ((3 * 6) ** 2 - (3 * 6 - 2) ** 2);
    expect(rowsOf("dadiannao")).toHaveLength(3);
    for (const { breakdown, macs } of rowsOf("dadiannao")) {
      expect(breakdown.imagePadding).toBe(outside);
      expect(breakdown.unseen).toBe(macs.dense - macs.effectual);
    }
    for (const { breakdown } of rowsOf("activation-queue")) expect(breakdown.imagePadding).toBe(0);
    for (const { breakdown } of rowsOf("two-sided")) expect(breakdown.imagePadding + breakdown.unseen).toBe(0);
  });

  it("calls what a machine does not tell other causes", async () => {
    const [machine] = machines.filter(({ name }) => name === "dadiannao");
    const silent = {
      ...machine.accelerator,
      run: (...args: Parameters<typeof machine.accelerator.run>) => {
        const { multiplierCycles: _told, ...rest } = machine.accelerator.run(...args);
        return rest;
      },
    };
    const result = await run({ machines: [{ ...machine, accelerator: silent }] });
    expect(() => checkSchema(ResultSchema, result, "result")).not.toThrow();
    for (const { breakdown, cycles, macs, kind } of result.machines[0].rows) {
      if (kind !== "conv") continue;
      const other = machine.multipliers * cycles.compute - macs.effectual;
      expect(breakdown).toMatchObject({ effectual: macs.effectual, unseen: 0, imagePadding: 0, other });
    }
  });

  it("reads the multiplier-cycles of a machine by the name that they had in 0.1, whole and sampled", async () => {
    const [machine] = machines.filter(({ name }) => name === "two-sided");
    const old = {
      ...machine.accelerator,
      run: (...args: Parameters<typeof machine.accelerator.run>) => {
        const { multiplierCycles, ...rest } = machine.accelerator.run(...args);
        return { ...rest, ...(multiplierCycles === undefined ? {} : { slots: multiplierCycles }) };
      },
    };
    for (const sample of [undefined, { share: 0.5, seed: "1" }]) {
      const [today] = (await run({ machines: [machine], sample })).machines;
      const [before] = (await run({ machines: [{ ...machine, accelerator: old }], sample })).machines;
      expect(before.rows).toEqual(today.rows);
      expect(today.rows.some(({ breakdown }) => breakdown.imbalance > 0)).toBe(true);
    }
    const operation = randomOperation("forward", CONV, 0.5);
    expect(operationFaults(old, machine.params, operation)).toEqual([]);
  });

  it("counts MACs as one multiplication at a time does, activation zeros before those of top-k", async () => {
    const { trace } = swat;
    const [row] = (await run()).machines[0].rows.filter(({ kind, pass }) => kind === "conv" && pass === "weightGrad");
    const masks = { outputGrad: await trace.mask("g"), input: await trace.mask("saved") };
    const operation = { pass: "weightGrad", layer: "", geometry: CONV, topKPeriod: 1 } as const;
    const all = bruteForceMacs({ ...operation, masks });
    const natural = bruteForceMacs({ ...operation, masks: { ...masks, input: await trace.mask("x") } });
    expect(row.macs).toMatchObject({
      dense: all.dense,
      effectual: all.effectual,
      topK: natural.effectual - all.effectual,
      natural: all.dense - natural.effectual,
    });
  });

  it("adds rows up by pass; speed-ups are ratios of those sums", async () => {
    for (const { rows, totals } of (await run()).machines) {
      const sum = (of: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + of(row), 0);
      expect(totals.training.cycles).toBe(sum(({ cycles }) => cycles.total));
      expect(totals.forward.cycles + totals.inputGrad.cycles + totals.weightGrad.cycles).toBe(totals.matmul.cycles);
      expect(totals.matmul.cycles + totals.other.cycles).toBe(totals.training.cycles);
      expect(totals.training.seconds).toBeCloseTo(
        sum(({ seconds }) => seconds),
        15,
      );
      for (const total of Object.values(totals)) {
        expect(total.speedup).toBeCloseTo(total.baselineSeconds / total.seconds, 12);
      }
    }
  });

  it("gives a dense machine no speed-up, and a dense trace no gain from zeros on any machine", async () => {
    const sparse = await run();
    const unstructured = ["bit-tactical", "tensordash", "weight-queue", "two-sided", "scnn", "ideal"];
    for (const { config, mappings, totals } of sparse.machines) {
      if (Object.values(mappings).every(({ skipped }) => skipped === "none"))
        expect(totals.matmul.compute.speedup).toBe(1);
      if (unstructured.includes(config.accelerator)) {
        expect(totals.forward.compute.speedupFromZeros, config.name).toBeGreaterThan(1.5);
      }
    }
    for (const { rows, totals } of (await run({ traces: [dense] })).machines) {
      expect(totals.matmul.compute.speedupFromZeros).toBe(1);
      for (const { saved } of rows) expect(saved.topK + saved.natural).toBe(0);
    }
  });

  it("charges ops without MACs a lane and cycle an element, and bytes over bandwidth where tensors are off chip", async () => {
    const { config } = machines.find(({ name }) => name === "tensordash-4096") as Machine;
    const rowsWith = async (resident: number) => {
      const machine = resolveMachine(
        { ...config, memory: { ...config.memory, resident, dram: { bandwidth: "256 GB/s" } } },
        config.name,
        accelerators,
      );
      return (await run({ machines: [machine] })).machines[0].rows;
    };
    const rows = await rowsWith(0);
    const relu = rows.find(({ layer }) => layer === "relu1");
    const elements = 2 * 24 * 6 * 6;
    expect(relu?.traffic.dram).toEqual({ read: elements * 2, written: elements * 2 });
    // 256 lanes; 256 GB/s at 1 GHz: 256 bytes a cycle.
    const total = Math.ceil((elements * 4) / 256);
    expect(relu?.cycles).toMatchObject({ total, vector: Math.ceil(elements / 256) });
    const update = rows.find(({ pass }) => pass === "update");
    expect(update?.traffic.dram).toEqual({ read: 3 * 4 * 24 * 180, written: 2 * 4 * 24 * 180 });

    const onChip = (await rowsWith(0.5)).find(({ layer }) => layer === "relu1");
    expect(onChip?.traffic.dram.read).toBeLessThan(elements * 2);
    expect(onChip?.cycles.total).toBeLessThan(total);
  });

  it("leaves on chip only what the outermost level holds, and moves the rest through the level that does", async () => {
    const { config } = machines.find(({ name }) => name === "tensordash-4096") as Machine;
    const levels = [
      { name: "activations", size: "2 MiB", holds: ["input", "outputGrad", "output"] },
      { name: "weights", size: "1 MiB", holds: ["weight"] },
    ];
    const memory = { ...config.memory, levels };
    const machine = resolveMachine({ ...config, memory }, config.name, accelerators);
    const { rows } = (await run({ machines: [machine] })).machines[0];
    const forward = rows.find(({ kind, pass }) => kind === "conv" && pass === "forward");
    const select = rows.find(({ kind, layer }) => kind === "select" && layer === forward?.layer);
    // The selected weights have no place to stay: they are written to DRAM and read from there.
    expect(select?.traffic.dram.written).toBe(forward?.traffic.dram.weight);
    expect(select?.traffic.weights).toEqual(select?.traffic.dram);
    expect(forward?.traffic.dram.weight).toBeGreaterThan(0);
    expect(forward?.dram).not.toBeNull();
    // Activations have one.
    const relu = rows.find(({ layer }) => layer === "relu1");
    expect([relu?.traffic.dram.read, relu?.traffic.activations.read]).toEqual([0, 0]);
    expect(relu?.traffic.array.read).toBeGreaterThan(0);
  });

  it("refuses levels without room for the smallest tiles, with the size that is enough for all ops", async () => {
    const { config } = machines.find(({ name }) => name === "tensordash-4096") as Machine;
    const withLevels = (first: string, second: string) => {
      const levels = [
        { name: "buffer", size: first },
        { name: "local", size: second },
      ];
      return resolveMachine({ ...config, memory: { ...config.memory, levels } }, config.name, accelerators);
    };
    const started = run({ machines: [withLevels("64 B", "16 B")] });
    const { message } = await started.then(
      () => ({ message: "" }),
      (error: Error) => error,
    );
    const asked = [...message.matchAll(/^(.*), got .*; valid: at least (\d+) B$/gm)];
    expect(asked.map(([, fault]) => fault)).toEqual([
      expect.stringMatching(
        /^tensordash-4096: memory.levels.0.size: is too small for \S+ (forward|inputGrad|weightGrad)$/,
      ),
      expect.stringMatching(/^tensordash-4096: memory.levels.1.size: is too small for /),
    ]);
    const [first, second] = asked.map(([, , bytes]) => Number(bytes));
    await expect(run({ machines: [withLevels(`${first} B`, `${second - 1} B`)] })).rejects.toThrow("levels.1.size");
    await expect(run({ machines: [withLevels(`${first} B`, `${second} B`)] })).resolves.toHaveProperty("machines");
  });

  it("charges a static schedule its share of one refresh to forward and inputGrad", async () => {
    const { rows } = (await run()).machines.find(({ name }) => name === "bit-tactical-4096") as {
      rows: { kind: string; pass: string; cycles: { rescheduling: number } }[];
    };
    const cost = (pass: string) => rows.find((row) => row.kind === "conv" && row.pass === pass)?.cycles.rescheduling;
    // One line a cycle, one tile: 2 filter sets of 9 taps × 2 channel blocks, over a period of 4 steps; as many the other way round.
    expect(cost("forward")).toBe(Math.ceil((2 * 9 * 2) / 4));
    expect(cost("inputGrad")).toBe(Math.ceil((2 * 9 * 2) / 4));
    expect(cost("weightGrad")).toBe(0);
  });
});

describe("more bandwidth", () => {
  it("never costs cycles, and without limit leaves compute and rescheduling only", async () => {
    for (const { config } of machines) {
      const withMemory = async (change: object) => {
        const memory = { ...config.memory, ...change };
        const machine = resolveMachine({ ...config, memory }, config.name, accelerators);
        return (await run({ machines: [machine] })).machines[0];
      };
      const slow = await withMemory({ dram: { bandwidth: "10 GB/s" } });
      const fast = await withMemory({ dram: { bandwidth: "20 GB/s" } });
      expect(fast.totals.training.cycles).toBeLessThanOrEqual(slow.totals.training.cycles);
      const free = { levels: undefined, onChip: "1 TiB", dram: { bandwidth: "1e18 GB/s" } };
      for (const { kind, cycles, stalls } of (await withMemory(free)).rows) {
        if (kind !== "conv") continue;
        expect(cycles.total).toBe(cycles.compute + cycles.rescheduling + (cycles.bufferStall ?? 0));
        expect(stalls).toEqual({});
      }
    }
  });
});

describe("reports", () => {
  it("print one line a machine, and CSV one line for each machine and op", async () => {
    const result = await run();
    const table = resultTable(result);
    for (const { name } of machines) expect(table).toContain(name);
    const lines = resultCsv(result).trim().split("\n");
    expect(lines).toHaveLength(1 + result.machines.reduce((sum, { rows }) => sum + rows.length, 0));
  });
});

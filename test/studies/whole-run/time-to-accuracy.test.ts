/** Studies of whole runs: those that they train, and the same from runs that were made elsewhere. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { simulateFiles } from "../../../src/api/workers/simulate-threads.ts";
import { ACCOUNTS, type StudyResult, type StudyRun } from "../../../src/report/whole-run/result.ts";
import { timeToAccuracy } from "../../../src/studies/whole-run/time-to-accuracy.ts";
import { faultsOf, temporaryFolder } from "../../support/folder.ts";

const MACHINES = ["dadiannao-4096", "tensordash-4096"];
const TRAIN = {
  ...{ network: "resnet8", data: "generated:8x8x1", limit: 16, testLimit: 20, record: "every:1" },
  ...{ methods: ["dense", "swat-u"], sparsities: [0.8], seeds: [1, 2] },
  settings: { epochs: 3, batchSize: 8, topKPeriod: 2 },
};
const SPEC = { machines: MACHINES, train: TRAIN };
const RESULTS = ["time-to-accuracy.json", "time-to-accuracy.csv", "curves.csv", "time-to-accuracy.md", "report.html"];

let out: string;
let result: StudyResult;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), "swat-sim-study-"));
  result = (await timeToAccuracy({ spec: SPEC, out })).result as StudyResult;
});
afterAll(() => rm(out, { recursive: true }));

const resultsIn = (folder: string) => Promise.all(RESULTS.map((name) => readFile(join(folder, name), "utf8")));
const runNamed = (name: string, { runs } = result) => runs.find((run) => run.name === name) as StudyRun;
const on = (run: StudyRun, machine: string) =>
  run.machines.find((each) => each.machine === machine) as StudyRun["machines"][number];
const tracesIn = async (run: string) =>
  (await readdir(join(out, "runs", run)))
    .filter((name) => name.startsWith("step-"))
    .map((name) => join(out, "runs", run, name));

describe("a study", () => {
  it("sums up what simulations of all recorded steps say, exactly, in three accounts", async () => {
    for (const run of result.runs) {
      const { machines } = await simulateFiles({ traces: await tracesIn(run.name), hw: MACHINES, ownRefreshes: true });
      for (const { name, rows } of machines) {
        const sums = { array: 0, memory: 0, step: 0 };
        for (let trace = 0; trace < 6; trace++) {
          const all = rows.filter((row) => row.trace === trace);
          const multiplying = all.filter(({ kind }) => kind === "conv" || kind === "linear");
          sums.array += multiplying.reduce((sum, { cycles }) => sum + cycles.compute, 0) / 1e9;
          sums.memory += multiplying.reduce((sum, { seconds }) => sum + seconds, 0);
          sums.step += all.reduce((sum, { seconds }) => sum + seconds, 0);
        }
        for (const account of ACCOUNTS) {
          expect(on(run, name).seconds[account], `${run.name} ${name} ${account}`).toEqual({
            value: sums[account],
            ci95: 0,
          });
        }
        // The last evaluation comes after the last step.
        expect(on(run, name).curve.at(-1)).toMatchObject({ step: 6, seconds: sums });
      }
    }
  });

  it("finds no speed-up on a machine that skips nothing and does no op of SWAT", async () => {
    const swat = result.methods.find(({ label }) => label === "swat-u 80 %");
    const machine = swat?.machines.find(({ machine }) => machine === "dadiannao-4096");
    expect(machine?.speedup.array).toEqual({ value: 1, ci95: 0 });
    // What a step of SWAT takes on the dense array that selects nothing is the baseline of its rows.
    const { machines } = await simulateFiles({ traces: await tracesIn("swat-u_0.8_seed1"), hw: ["dadiannao-4096"] });
    const sum = machines[0].totals.training.baselineSeconds * 6;
    expect(on(runNamed("dense_seed1"), "dadiannao-4096").seconds.step.value / sum).toBeCloseTo(1, 12);
  });

  it("charges a search of thresholds to the steps that search", async () => {
    const traces = await tracesIn("swat-u_0.8_seed1");
    const seconds = async (ownRefreshes: boolean) => {
      const all = await Promise.all(
        traces.map((trace) => simulateFiles({ traces: [trace], hw: ["dadiannao-4096"], ownRefreshes })),
      );
      return all.map(({ machines }) => machines[0].totals.training.selectionSeconds);
    };
    const [shared, own] = [await seconds(false), await seconds(true)];
    // Two steps an epoch, of which the first searches: 3 sweeps and 1, or 2 in both.
    for (let step = 0; step < 6; step++) {
      if (step % 2 === 0) expect(own[step]).toBeGreaterThan(shared[step]);
      else expect(own[step]).toBeLessThan(shared[step]);
    }
  });

  it("lists evaluation apart, and the accuracy of the log", () => {
    for (const run of result.runs) {
      expect(run.strata?.reduce((sum, { steps }) => sum + steps, 0)).toBe(6);
      const { evaluation, curve, seconds } = on(run, "tensordash-4096");
      expect(evaluation).toMatchObject({ evaluations: 3, images: 20 });
      expect(evaluation?.seconds.array).toBeGreaterThan(0);
      expect(curve.map(({ step }) => step)).toEqual([2, 4, 6]);
      expect(curve.at(-1)?.accuracy).toBe(run.finalAccuracy);
      expect(curve.at(-1)?.seconds.step).toBe(seconds.step.value);
    }
  });

  it("takes the median over the seeds that reach an accuracy, and no time where none does", () => {
    const dense = result.methods[0];
    expect(dense).toMatchObject({ label: "dense", seeds: [1, 2] });
    const finals = ["dense_seed1", "dense_seed2"].map((name) => runNamed(name).finalAccuracy as number);
    expect(dense.finalAccuracy).toBeCloseTo((finals[0] + finals[1]) / 2, 12);
    for (const { machines, seeds } of result.methods) {
      for (const { toAccuracy } of machines) {
        expect(toAccuracy.map(({ margin }) => margin)).toEqual([0, 0.005, 0.01, 0.02]);
        for (const { reached, seconds, speedup } of toAccuracy) {
          expect(reached).toBeLessThanOrEqual(seeds.length);
          expect(seconds.step === null).toBe(reached === 0);
          if (reached === 0) expect(speedup).toEqual({ array: null, memory: null, step: null });
        }
      }
    }
  });

  it("that is interrupted gives the same bytes when it is run again, and does only what is missing", async () => {
    const folder = await temporaryFolder();
    const abort = new AbortController();
    const onProgress = (_done: number, _of: number, what: string) => {
      if (what === "swat-u_0.8_seed1: trains, step 3 of 6") abort.abort();
    };
    const stopped = await timeToAccuracy({ spec: SPEC, out: folder }, { signal: abort.signal, onProgress });
    expect(stopped).toMatchObject({ done: 2, of: 4, result: undefined });
    const trained: string[] = [];
    await timeToAccuracy({ spec: SPEC, out: folder }, { onProgress: (_done, _of, what) => trained.push(what) });
    expect(trained.filter((what) => /trains/.test(what))).toEqual([
      ...[4, 5, 6].map((step) => `swat-u_0.8_seed1: trains, step ${step} of 6`),
      ...[1, 2, 3, 4, 5, 6].map((step) => `swat-u_0.8_seed2: trains, step ${step} of 6`),
    ]);
    expect(await resultsIn(folder)).toEqual(await resultsIn(out));
  });

  it("in shards leaves what the whole study then needs", async () => {
    const folder = await temporaryFolder();
    for (const part of [1, 2]) {
      expect(await timeToAccuracy({ spec: SPEC, out: folder, shard: { part, of: 2 } })).toMatchObject({
        done: 2,
        of: 2,
        files: [],
      });
    }
    const trained: string[] = [];
    await timeToAccuracy({ spec: SPEC, out: folder }, { onProgress: (_done, _of, what) => trained.push(what) });
    expect(trained.filter((what) => /trains/.test(what))).toEqual([]);
    expect(await resultsIn(folder)).toEqual(await resultsIn(out));
  });

  it("takes methods with settings of their own, and sparsities that follow from them", async () => {
    const folder = await temporaryFolder();
    const methods = [
      "dense",
      { method: "nm", name: "two of four", settings: { pruning: "2:4" } },
      { method: "rigl", sparsities: [0.5] },
    ];
    const train = { ...TRAIN, methods, seeds: [1], record: "stratified:2", settings: { epochs: 3, batchSize: 8 } };
    const study = await timeToAccuracy({ spec: { machines: ["dadiannao-4096"], train }, out: folder });
    expect(study.result?.methods.map(({ label }) => label)).toEqual(["dense", "two of four 50 %", "rigl 50 %"]);
    expect((await readdir(join(folder, "runs"))).sort()).toEqual([
      "dense_seed1",
      "rigl_0.5_seed1",
      "two-of-four_0.5_seed1",
    ]);
  });

  it("has one owner, and keeps runs with other settings", async () => {
    const folder = await temporaryFolder();
    await cp(join(out, "runs"), join(folder, "runs"), { recursive: true });
    let first: Promise<unknown> = Promise.resolve();
    await new Promise<void>((holdsLock) => {
      first = timeToAccuracy({ spec: SPEC, out: folder }, { onProgress: () => holdsLock() });
    });
    expect(await faultsOf(() => timeToAccuracy({ spec: SPEC, out: folder }))).toEqual([
      expect.stringContaining(`${folder}: in use by process ${process.pid}`),
    ]);
    await first;
    const other = { ...SPEC, train: { ...TRAIN, settings: { ...TRAIN.settings, momentum: 0.5 } } };
    expect(await faultsOf(() => timeToAccuracy({ spec: other, out: folder }))).toEqual([
      `${join(folder, "runs/dense_seed1/checkpoint.safetensors")}: is of a run with other settings than the study asks for; valid: another folder, or remove it`,
    ]);
  });

  it("says where training diverged, and takes it for a run that reaches nothing", async () => {
    const folder = await temporaryFolder();
    const schedule = [{ epoch: 0, rate: 1e30 }];
    const train = { ...TRAIN, methods: ["dense"], seeds: [1], settings: { ...TRAIN.settings, schedule } };
    await cp(join(out, "runs"), join(folder, "elsewhere"), { recursive: true });
    const runs = [{ traces: join(folder, "elsewhere/swat-u_0.8_seed1") }];
    const study = { spec: { machines: ["dadiannao-4096"], train, runs }, out: folder };
    const { result: first } = await timeToAccuracy(study);
    expect(
      first?.methods.map(({ label, diverged, finalAccuracy }) => [label, diverged, finalAccuracy === null]),
    ).toEqual([
      ["dense", 1, true],
      ["swat-u 80 %", 0, false],
    ]);
    expect(first?.methods[1].machines[0].toAccuracy).toEqual([]);
    expect((await timeToAccuracy(study)).result).toEqual(first);
  });
});

describe("runs made elsewhere", () => {
  const folderOf = async (run: string, folder: string) => {
    for (const trace of await tracesIn(run)) await cp(trace, join(folder, run, trace.split("/").at(-1) as string));
    return join(folder, run);
  };
  const csvOf = async (run: string, folder: string) => {
    const path = join(folder, `${run}.csv`);
    const lines = on(runNamed(run), MACHINES[0]).curve.map(({ step, accuracy }) => `${step},${accuracy}`);
    await writeFile(path, `step,accuracy\n${lines.join("\n")}\n`);
    return path;
  };

  it("give what the study that trained them gave, from traces and a CSV of accuracies", async () => {
    const folder = await temporaryFolder();
    const runs = [];
    for (const { name, strata = [], seed } of result.runs) {
      const spread = { from: 0, to: 6 };
      const own = strata.map(({ recorded: _, ...each }) => ({ ...each, ...phaseExtent(each.phase, spread) }));
      runs.push({ traces: await folderOf(name, folder), accuracy: await csvOf(name, folder), strata: own, seed });
    }
    const { result: again } = await timeToAccuracy({ spec: { machines: MACHINES, runs }, out: join(folder, "out") });
    const { notCharged, methods } = again as StudyResult;
    expect(notCharged).toEqual(result.notCharged);
    expect(methods).toEqual(result.methods);
  });

  /** The default schedule changes the rate after two of three epochs. */
  const phaseExtent = (phase: number, { to }: { to: number }) => (phase === 0 ? { from: 0, to: 4 } : { from: 4, to });

  it("are refused without what counts their steps", async () => {
    const folder = await temporaryFolder();
    const traces = await folderOf("swat-u_0.8_seed1", folder);
    const accuracy = await csvOf("swat-u_0.8_seed1", folder);
    const faults = async (runs: object[]) =>
      faultsOf(() => timeToAccuracy({ spec: { machines: ["dadiannao-4096"], runs }, out: join(folder, "out") }));
    expect(await faults([{ traces }])).toEqual([
      `${traces}: has no log.jsonl that counts its steps; valid: one, or the key "accuracy" with a CSV`,
    ]);
    expect(await faults([{ traces, accuracy }])).toEqual([
      `${traces}: strata: are needed for steps of several phases or kinds, got phase 0, refresh; phase 0, reuse; phase 1, refresh; phase 1, reuse`,
    ]);
    await writeFile(accuracy, "step,accuracy\n2,0.5\n2,80\n");
    expect(await faults([{ traces, accuracy }])).toEqual([`${accuracy}: line 3: accuracy: got 80; valid: 0 to 1`]);
    await writeFile(accuracy, "step,accuracy\n2,0.5\n2,0.8\n");
    expect(await faults([{ traces, accuracy }])).toEqual([
      `${accuracy}: line 3: step: got 2; valid: more than 2, that of the line before`,
    ]);
    await writeFile(accuracy, "steps,accuracy\n2,0.5\n");
    expect(await faults([{ traces, accuracy }])).toEqual([`${accuracy}: line 2: missing key "step"`]);
  });
});

describe("a spec", () => {
  it("is refused without runs, sparsities that a method needs, or with names that are none", async () => {
    const faults = (spec: unknown) => faultsOf(() => timeToAccuracy({ spec, where: "study.json", out: "unused" }));
    expect(await faults({})).toEqual(['study.json: missing key "train" or "runs"']);
    const { sparsities: _, ...train } = TRAIN;
    expect(await faults({ train })).toEqual(['study.json: train: missing key "sparsities", of swat-u']);
    expect(await faults({ train: { ...TRAIN, record: "often" } })).toEqual([
      expect.stringMatching(/^study.json: train: record: unknown selection/),
    ]);
    expect(await faults({ train: { ...TRAIN, network: "resnet9" } })).toEqual([
      expect.stringMatching(/^study.json: train.network: unknown network, got "resnet9"; did you mean "resnet8"\?/),
    ]);
    expect(await faults({ train: { ...TRAIN, data: "genrated" } })).toEqual([
      expect.stringMatching(/^study.json: train: data: unknown data set, got "genrated"; did you mean "generated"\?/),
    ]);
    expect(await faults({ train: { ...TRAIN, methods: ["dense", "swat-v"] } })).toEqual([
      expect.stringMatching(/^study.json: train.methods.1: settings: method: unknown method, got "swat-v"/),
    ]);
    expect(await faults({ train: TRAIN, machines: ["two-side-4096"] })).toEqual([
      expect.stringMatching(/^study.json: machines: unknown machine, got "two-side-4096"/),
    ]);
    expect(await faults({ train: { ...TRAIN, methods: ["dense", { method: "dense" }] } })).toEqual([
      "study.json: runs: two are named dense_seed1; valid: methods and folders with different names",
    ]);
    expect(await faults({ train: { ...TRAIN, settings: { epoch: 3 } } })).toEqual([
      expect.stringMatching(/^study.json: train.settings: unknown key, got "epoch"; did you mean "epochs"\?/),
    ]);
  });
});

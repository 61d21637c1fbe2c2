import { writeFileSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { loadCommonBaseline, loadEnergyTables, loadMachines, openTraces } from "../../../src/api/open.ts";
import { accelerators } from "../../../src/sim/arrays/index.ts";
import { resolveMachine } from "../../../src/sim/hardware/machine.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { withFields } from "../../../src/studies/sweep/fields.ts";
import { mergedPoints, readSweep } from "../../../src/studies/sweep/points-file.ts";
import { runSweep } from "../../../src/studies/sweep/run-sweep.ts";
import { faultsOf, temporaryFolder } from "../../support/folder.ts";
import { DENSE_DENSITIES, SWAT_DENSITIES, traceBytes } from "../../support/make-trace.ts";

let folder = "";
let traces: string[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  traces = ["swat", "dense"].map((name) => join(folder, `${name}.safetensors`));
  await writeFile(traces[0], traceBytes(SWAT_DENSITIES));
  await writeFile(traces[1], traceBytes(DENSE_DENSITIES));
});

const GRID = {
  "params.rows": [1, 3],
  datatype: [
    { multiply: "bf16", accumulate: "fp32" },
    { multiply: "int8", accumulate: "int32" },
  ],
  "memory.storage.input": ["coordinates", "rle"],
  "memory.dram": [{ preset: "HBM2" }, { bandwidth: "1 GB/s" }],
};
const spec = (change: object = {}) => ({ machines: ["tensordash-4096"], traces, grid: GRID, ...change });
const plan = (change: object = {}) => ({ spec: spec(change), where: "s.json", out: join(folder, "out") });

describe("the result of a sweep", () => {
  const point = { point: {}, machine: "m", trace: "t", error: "no" };
  const read = async (text: string) => {
    const path = join(folder, "sweep.jsonl");
    await writeFile(path, text);
    return readSweep(path);
  };

  it("is read to its last line, with or without an end, and without empty ones", async () => {
    const line = JSON.stringify(point);
    expect(await read(`${line}\n\n${line}`)).toEqual([point, point]);
  });

  it("is refused where a line is not finished or a point has no place, all faults at once, and where it is empty", async () => {
    expect(await faultsOf(() => read('{"machine":"m","point":{}}\n{"unfin'))).toEqual([
      expect.stringMatching(/line 1: missing key "trace"$/),
      expect.stringMatching(/line 2: is not JSON: /),
    ]);
    const { out } = plan();
    await runSweep(plan({ grid: { clock: ["1 GHz"] } }));
    expect(await faultsOf(() => readSweep(join(out, "points.jsonl")))).toEqual([
      expect.stringMatching(/points\.jsonl: holds points as they came; valid: sweep\.jsonl/),
    ]);
    expect(await faultsOf(() => read("\n"))).toEqual([expect.stringMatching(/sweep\.jsonl: has no point$/)]);
  });
});

describe("a sweep", () => {
  it("gives for every point what simulating its config on its own gives", async () => {
    const { file, done } = await runSweep(plan());
    const points = await readSweep(file);
    expect(done).toBe(2 * 2 ** 4);
    expect(points).toHaveLength(done);
    const [base] = await loadMachines(["tensordash-4096"]);
    for (const { point, trace, metrics, error } of points) {
      const opened = await openTraces(traces.filter((path) => path.endsWith(trace)));
      const alone = async () => {
        const machines = [resolveMachine(withFields(base.config, point), base.name, accelerators)];
        const commonBaseline = await loadCommonBaseline();
        return simulate({ traces: opened, machines, commonBaseline, energy: await loadEnergyTables(machines) });
      };
      if (metrics === undefined) {
        expect(error).toBe((await faultsOf(alone)).join("; "));
        continue;
      }
      const [{ totals, rows }] = (await alone()).machines;
      const sum = (values: Record<string, number> = {}) =>
        Object.values(values).reduce((total, value) => total + value, 0);
      expect(metrics).toEqual({
        cycles: totals.training.cycles,
        seconds: totals.training.seconds,
        ownSkippingGain: totals.training.ownSkippingGain,
        speedup: totals.training.speedup,
        speedupFromZeros: totals.training.speedupFromZeros,
        matmulSpeedup: totals.matmul.speedup,
        computeSpeedup: totals.matmul.compute.speedup,
        energyPicojoules: totals.training.energy?.picojoules,
        dramBytes: rows.reduce((total, { traffic }) => total + sum(traffic.dram), 0),
        onChipBytes: 48 * 2 ** 20,
        multipliers: 16 * (point["params.rows"] as number) * 4 * 16,
      });
    }
    expect(points.some(({ metrics }) => metrics !== undefined)).toBe(true);
  });

  it("pays by the energy table of each point, refuses unknown ones, and does not go on where one has changed", async () => {
    const table = JSON.parse(await readFile("hw-configs/energy/7nm.json", "utf8"));
    const path = join(folder, "mine.json");
    await writeFile(path, JSON.stringify({ ...table, name: "mine" }));
    const own = { traces: [traces[0]], grid: { energy: ["45nm", "7nm", path, "none"] } };
    const [of45, of7, mine, none] = await readSweep((await runSweep(plan(own))).file);
    expect(of7.metrics?.energyPicojoules).toBeLessThan(of45.metrics?.energyPicojoules as number);
    expect(mine.metrics).toEqual(of7.metrics);
    expect(none.error).toMatch(/unknown energy table, got "none"/);
    await writeFile(path, JSON.stringify({ ...table, name: "mine", node: "another" }));
    expect(await faultsOf(() => runSweep(plan(own)))).toEqual([expect.stringContaining("is of another sweep")]);
  });

  it("records why a config is refused, and goes on", async () => {
    const { file } = await runSweep(plan({ grid: { "params.rows": [0, 2], clock: ["1 GHz", "1 B"] } }));
    const points = await readSweep(file);
    expect(points.map(({ error }) => error !== undefined)).toEqual([true, true, false, true, true, true, false, true]);
    expect(points[1].error).toMatch(/^tensordash-4096: params\.rows: .*; tensordash-4096: clock: is not a frequency/);
  });

  it("takes accelerators of one's own, and goes on only with the same model of them", async () => {
    // An instance of a class, whose methods are not its own.
    const literal = /export default (\{[\s\S]*\});/;
    const source = (await readFile("examples/broadcast.js", "utf8")).replace(
      literal,
      "export default Object.create($1);",
    );
    expect(source).toContain("Object.create");
    const module = join(folder, "broadcast.js");
    await writeFile(module, source);
    const own = {
      machines: ["examples/broadcast-4096.json"],
      modules: [module],
      grid: { clock: ["1 GHz", "500 MHz"] },
    };
    const { file } = await runSweep(plan(own));
    const seconds = (await readSweep(file)).map(({ metrics }) => metrics?.seconds as number);
    expect(seconds).toHaveLength(2 * 2);
    expect(seconds[1]).toBeGreaterThan(seconds[0]);
    const elsewhere = async (name: string, text: string) => {
      await writeFile(join(folder, name), text);
      return plan({ ...own, modules: [join(folder, name)] });
    };
    expect(await runSweep(await elsewhere("moved.js", source))).toMatchObject({ done: 4, file });
    const changed = await elsewhere("changed.js", `${source}// Another model.`);
    expect(await faultsOf(() => runSweep(changed))).toEqual([expect.stringContaining("is of another sweep")]);
    expect(await faultsOf(() => runSweep(plan({ ...own, modules: [] })))).toEqual([
      expect.stringMatching(/accelerator: unknown accelerator, got "broadcast"/),
    ]);
  });

  it("whose folder another process has taken over writes nothing more there", async () => {
    const sweep = plan({ grid: { clock: ["1 GHz", "2 GHz"] } });
    const owner = { process: 1, host: "elsewhere", since: "then", key: "another" };
    const onProgress = () => writeFileSync(join(sweep.out, "points.jsonl.lock"), JSON.stringify(owner));
    expect(await faultsOf(() => runSweep(sweep, { onProgress }))).toEqual([
      `${sweep.out}: was taken over by process 1 on elsewhere at then`,
    ]);
    expect(await readdir(sweep.out)).toEqual(["points.jsonl", "points.jsonl.lock"]);
    expect((await readFile(join(sweep.out, "points.jsonl"), "utf8")).split("\n")).toHaveLength(2);
  });

  it("whose folder is taken over when all points are done leaves the result to the new owner", async () => {
    const sweep = plan({ grid: { clock: ["1 GHz"] } });
    await runSweep(sweep);
    await rm(join(sweep.out, "sweep.jsonl"));
    const owner = { process: 1, host: "elsewhere", since: "then", key: "another" };
    const onProgress = () => writeFileSync(join(sweep.out, "points.jsonl.lock"), JSON.stringify(owner));
    expect(await faultsOf(() => runSweep(sweep, { onProgress }))).toEqual([
      `${sweep.out}: was taken over by process 1 on elsewhere at then`,
    ]);
    expect(await readdir(sweep.out)).toEqual(["points.jsonl", "points.jsonl.lock"]);
  });

  it("goes on with what is on the disk, and leaves the same bytes", async () => {
    const { file, of } = await runSweep(plan());
    const result = await readFile(file);
    const points = join(folder, "out/points.jsonl");
    const text = await readFile(points, "utf8");
    for (const length of [0, 10, text.indexOf("\n") + 1, text.length >> 1, text.length - 1]) {
      await writeFile(points, text.slice(0, length));
      const counts: number[] = [];
      await runSweep(plan(), { onProgress: (done) => counts.push(done) });
      expect(counts.at(0)).toBe(Math.max(0, text.slice(0, length).split("\n").length - 2));
      expect(counts.at(-1)).toBe(of);
      expect(await readFile(file)).toEqual(result);
    }
  });

  it("refuses points of another spec, or of a trace that has changed, and damaged ones", async () => {
    await runSweep(plan());
    const points = join(folder, "out/points.jsonl");
    const other = `${points}: is of another sweep: its spec, configs, traces or models differ; valid: another folder, or remove it`;
    expect(await faultsOf(() => runSweep(plan({ grid: { "params.rows": [1] } })))).toEqual([other]);
    await writeFile(traces[0], traceBytes(SWAT_DENSITIES, "other"));
    expect(await faultsOf(() => runSweep(plan()))).toEqual([other]);
    await writeFile(traces[0], traceBytes(SWAT_DENSITIES));
    await writeFile(points, (await readFile(points, "utf8")).replace('{"index":', '{"index";'));
    expect(await faultsOf(() => runSweep(plan()))).toEqual([expect.stringContaining(`${points}: line 2: is not JSON`)]);
  });

  it("is not merged while points are missing, nor with another sweep", async () => {
    const out = (name: string) => join(folder, name);
    const shard = (part: number, name: string) => runSweep({ ...plan(), out: out(name), shard: { part, of: 2 } });
    const { file } = await runSweep(plan());
    await shard(1, "a");
    expect(await faultsOf(() => mergedPoints([out("a")]))).toEqual([
      expect.stringContaining("16 of 32 points are missing"),
    ]);
    await shard(2, "b");
    expect(`${(await mergedPoints([out("b"), out("a")])).join("\n")}\n`).toBe(await readFile(file, "utf8"));
    await runSweep({ ...plan({ grid: { "params.rows": [1] } }), out: out("c") });
    expect(await faultsOf(() => mergedPoints([out("a"), out("c")]))).toEqual([
      expect.stringContaining("is of another sweep than"),
    ]);
    expect(await faultsOf(() => mergedPoints([folder]))).toEqual([expect.stringContaining("no points of a sweep")]);
  });
});

describe("fields", () => {
  it("are changed in a copy, outer ones first, and null takes one out", () => {
    const config = { a: { b: 1, c: [{ d: 2 }] }, e: 3 };
    const values = { "a.c.0.d": 5, "a.b": null, "f.g": 6, "a.c": [{ d: 4 }, { d: 4 }] };
    expect(withFields(config, values)).toEqual({ a: { c: [{ d: 5 }, { d: 4 }] }, e: 3, f: { g: 6 } });
    expect(config).toEqual({ a: { b: 1, c: [{ d: 2 }] }, e: 3 });
  });

  it("of lists are entries that are there", () => {
    expect(() => withFields({ a: [1] }, { "a.1": 2 })).toThrow("a.1: no such entry, got 1; valid: less than 1");
    expect(() => withFields({ a: [{}] }, { "a.4294967294.b": 2 })).toThrow("no such entry");
  });
});

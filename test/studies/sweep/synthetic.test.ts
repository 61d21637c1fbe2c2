/** Sweeps of synthetic traces against the traces themselves, written to files and simulated one by one. */
import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadMachines, writeTrace } from "../../../src/api/open.ts";
import { simulate } from "../../../src/api/simulate.ts";
import { synthesizeTrace } from "../../../src/api/synthesize.ts";
import { SETTING_OPTIONS } from "../../../src/cli/options/synthetic-options.ts";
import { sha256OfFile } from "../../../src/io/file-source.ts";
import type { FixedMethod } from "../../../src/sparsity/methods.ts";
import { pointsOf } from "../../../src/studies/sweep/points.ts";
import { mergedPoints, readSweep } from "../../../src/studies/sweep/points-file.ts";
import { runSweep } from "../../../src/studies/sweep/run-sweep.ts";
import { checkSweepSpec } from "../../../src/studies/sweep/spec.ts";
import { faultsOf, temporaryFolder } from "../../support/folder.ts";

const machines = await loadMachines(["tensordash-4096", "weight-queue-4096"]);
const SMALL = { network: "lenet5", images: "12x12x1", batch: 1, seed: 3 };
const METHODS = { "synthetic.method": ["swat-u", "dense", "swat-erk"], "synthetic.sparsity": [0.5, 0.9] };
/** Of METHODS, in order: a dense step knows no sparsity. */
const STEPS: readonly (readonly [FixedMethod, number])[] = [
  ["swat-u", 0.5],
  ["swat-u", 0.9],
  ["dense", 0],
  ["swat-erk", 0.5],
  ["swat-erk", 0.9],
];
const spec = (change: object = {}) => ({ machines: ["tensordash-4096"], synthetic: SMALL, grid: METHODS, ...change });
const points = (change: object) => {
  const checked = checkSweepSpec(spec(change), "s.json");
  return pointsOf(checked, machines.slice(0, checked.machines.length), "s.json");
};

describe("a sweep of synthetic traces", () => {
  it("gives for every point what simulating its trace from a file gives", async () => {
    const folder = await temporaryFolder();
    const own = { correlation: 0.2, gradDensity: 0.7 };
    const swept = spec({ machines: ["tensordash-4096", "weight-queue-4096"], synthetic: { ...SMALL, ...own } });
    const found = await readSweep((await runSweep({ spec: swept, where: "s.json", out: folder })).file);
    expect(found).toHaveLength(2 * STEPS.length);
    for (const [index, [method, sparsity]] of STEPS.entries()) {
      const order = { network: "lenet5", batch: 1, seed: 3, images: [1, 12, 12] as const };
      const path = join(folder, "step.safetensors");
      await writeTrace(path, synthesizeTrace({ ...order, method, sparsity, settings: own }));
      const alone = await simulate({ traces: [path], machines: swept.machines });
      for (const { name, totals } of alone.machines) {
        const point = found[swept.machines.indexOf(name) * STEPS.length + index];
        expect(point).toMatchObject({
          point: { "synthetic.method": method, "synthetic.sparsity": sparsity },
          machine: name,
          trace: method === "dense" ? "lenet5 dense" : `lenet5 ${method} ${sparsity}`,
          sha256: await sha256OfFile(path),
          synthetic: { ...SMALL, ...own, method, sparsity, pruning: "unstructured", classes: 10, position: "late" },
          metrics: {
            cycles: totals.training.cycles,
            speedup: totals.training.speedup,
            speedupFromZeros: totals.training.speedupFromZeros,
            matmulSpeedup: totals.matmul.speedup,
            computeSpeedup: totals.matmul.compute.speedup,
            energyPicojoules: totals.training.energy?.picojoules,
          },
        });
      }
    }
  });

  it("leaves the same bytes interrupted or in shards", async () => {
    const folder = await temporaryFolder();
    const plan = { spec: spec(), where: "s.json", out: join(folder, "whole") };
    const { file } = await runSweep(plan);
    const whole = await readFile(file, "utf8");
    const finished = join(plan.out, "points.jsonl");
    await truncate(finished, (await readFile(finished)).length >> 1);
    await runSweep(plan);
    expect(await readFile(file, "utf8")).toBe(whole);
    const out = join(folder, "shards");
    for (const part of [3, 1, 2]) await runSweep({ ...plan, out, shard: { part, of: 3 } });
    expect(`${(await mergedPoints([out])).join("\n")}\n`).toBe(whole);
  });

  it.each([{ seed: 4 }, { correlation: 0.1 }])("is another one with %j", async (change) => {
    const out = await temporaryFolder();
    const grid = { "synthetic.method": ["dense"] };
    await runSweep({ spec: spec({ grid }), where: "s.json", out });
    const other = spec({ grid, synthetic: { ...SMALL, ...change } });
    expect(await faultsOf(() => runSweep({ spec: other, where: "s.json", out }))).toEqual([
      expect.stringContaining("is of another sweep"),
    ]);
  });
});

describe("points of synthetic traces", () => {
  it("are all combinations that meet the constraints, those of a dense step once, each trace by a name of its own", () => {
    const axes = {
      method: ["dense", "swat-u", "swat-er", "swat-erk"],
      sparsity: [0, 0.25, 0.5, 0.9],
      pruning: ["unstructured", "channel"],
      batch: [1, 2, 16],
    };
    const values = <T>(all: readonly T[]) => fc.uniqueArray(fc.constantFrom(...all), { minLength: 1 });
    const drawn = fc.record({
      method: values(axes.method),
      sparsity: values(axes.sparsity),
      pruning: values(axes.pruning),
      batch: values(axes.batch),
    });
    fc.assert(
      fc.property(drawn, fc.constantFrom(...axes.sparsity), ({ method, sparsity, pruning, batch }, least) => {
        const seen = new Set<string>();
        const expected = method.flatMap((method) =>
          sparsity.flatMap((s) =>
            pruning.flatMap((p) =>
              batch.flatMap((batch) => {
                const step = method === "dense" ? [method, 0, "unstructured", batch] : [method, s, p, batch];
                const isNew = !seen.has(JSON.stringify(step));
                seen.add(JSON.stringify(step));
                return isNew && ((step[1] as number) >= least || batch > 1) ? [step] : [];
              }),
            ),
          ),
        );
        const grid = Object.fromEntries(
          Object.entries({ method, sparsity, pruning, batch }).map(([name, all]) => [`synthetic.${name}`, all]),
        );
        const constraints = [`sparsity >= ${least} or batch > 1`];
        if (expected.length === 0) {
          expect(() => points({ grid, constraints })).toThrow("no combination meets");
          return;
        }
        const found = points({ grid, constraints });
        expect(found.map(({ values }) => Object.values(values))).toEqual(expected);
        expect(found.map(({ synthetic: s }) => [s?.method, s?.sparsity, s?.pruning, s?.batch])).toEqual(expected);
        expect(new Set(found.map(({ trace }) => trace)).size).toBe(found.length);
      }),
    );
  });

  it("may come from the list, with a network each, and change the settings of the spec", () => {
    const list = [{ "synthetic.network": "resnet20" }, { "synthetic.network": "wrn10-1", "synthetic.seed": 9 }];
    const found = points({ synthetic: { batch: 2 }, list, grid: { "params.rows": [1, 2] } });
    expect(found.map(({ trace, values }) => [trace, values["params.rows"]])).toEqual([
      ["resnet20 swat-u 0.9 seed=1", 1],
      ["resnet20 swat-u 0.9 seed=1", 2],
      ["wrn10-1 swat-u 0.9 seed=9", 1],
      ["wrn10-1 swat-u 0.9 seed=9", 2],
    ]);
    expect(found[3].synthetic).toMatchObject({ images: "32x32x3", classes: 10, batch: 2 });
  });

  it.each<[string, object, string[]]>([
    [
      "values that cannot be",
      {
        synthetic: { ...SMALL, batch: 0, images: "16x16" },
        grid: { "synthetic.sparsity": [0.5, 1, -0.1], "synthetic.method": ["swat-e"] },
        list: [{ "synthetic.seed": 1.5 }],
      },
      [
        "synthetic.batch: must be >= 1, got 0",
        'synthetic.images: must match pattern "^([1-9]\\d*)x([1-9]\\d*)x([1-9]\\d*)$", got "16x16"',
        'grid.synthetic.method.0: unknown value, got "swat-e"; did you mean "swat-u"? known: dense, swat-u, swat-er, swat-erk',
        "grid.synthetic.sparsity.1: must be < 1, got 1",
        "grid.synthetic.sparsity.2: must be >= 0, got -0.1",
        "list.0.synthetic.seed: must be integer, got 1.5",
      ],
    ],
    ["a setting", { synthetic: { ...SMALL, sparsty: 0.5 } }, ['synthetic: unknown key, got "sparsty"; did you mean']],
    [
      "networks",
      { synthetic: { network: "resnet9" }, list: [{ "synthetic.network": "lenet" }, { "synthetic.batch": 1 }] },
      [
        'synthetic.network: unknown network, got "resnet9"; did you mean "resnet8"?',
        'list.0.synthetic.network: unknown network, got "lenet"; did you mean "lenet5"?',
      ],
    ],
    ["no network", { synthetic: { batch: 1 } }, ['synthetic: missing key "network"; valid: there, or']],
    [
      "a short name",
      { grid: { sparsity: [0.5], method: ["dense"] } },
      [
        'sparsity: unknown field, got "sparsity"; did you mean "synthetic.sparsity"?',
        'method: unknown field, got "method"; did you mean "synthetic.method"?',
      ],
    ],
    [
      "an unknown field",
      { grid: { "synthetic.sparsty": [0.5], synthetic: [SMALL] } },
      [
        'synthetic.sparsty: unknown field, got "synthetic.sparsty"; did you mean "synthetic.sparsity"?',
        'synthetic: unknown field, got "synthetic"; did you mean',
      ],
    ],
    ["traces, too", { traces: ["a"] }, ['needs "traces", or the field "trace" in the grid or in every entry of the']],
    ["a field and traces", { synthetic: undefined, traces: ["a"] }, ['needs "traces", or the field "trace"']],
    [
      "images that are too small",
      { grid: { "synthetic.images": ["12x12x1", "2x2x1"], "synthetic.sparsity": [0.1, 0.2] } },
      ["synthetic: network lenet5: images are too small for conv2, got 2×2 (height × width)"],
    ],
    [
      "a word in a constraint",
      { constraints: ["method == 1"] },
      ['constraints.0: "method == 1": method must be a number, got "swat-u" in synthetic.method'],
    ],
    [
      "two numbers of one name",
      { grid: { "params.batch": [1], "synthetic.batch": [1] }, constraints: ["batch == 1"] },
      ['constraints.0: "batch == 1": batch may be several fields; valid: params_batch, synthetic_batch'],
    ],
  ])("are refused: %s", async (_, change, messages) => {
    const faults = await faultsOf(() => points(change));
    expect(faults).toHaveLength(messages.length);
    for (const message of messages) {
      expect(
        faults.some((fault) => fault.startsWith(`s.json: ${message}`)),
        message,
      ).toBe(true);
    }
  });

  it("have the settings that the options of trace synth allow", async () => {
    for (const { setting, parse } of SETTING_OPTIONS) {
      for (const value of [-0.1, 0, 1e-9, 0.5, 1, 1.5]) {
        const isOption = attempt(() => parse(String(value)));
        const isField = attempt(() => points({ grid: { [`synthetic.${setting}`]: [value] } }));
        expect([setting, value, isField]).toEqual([setting, value, isOption]);
      }
    }
  });
});

function attempt(action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}

describe("the example", () => {
  it("is a spec", async () => {
    const checked = checkSweepSpec(JSON.parse(await readFile("examples/sweep-sparsity.json", "utf8")), "example");
    const found = pointsOf(checked, await loadMachines(checked.machines), "example");
    expect(new Set(found.map(({ trace }) => trace)).size).toBe(7);
  });
});

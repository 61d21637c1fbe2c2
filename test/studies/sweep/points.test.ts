import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadMachines } from "../../../src/api/open.ts";
import { inSharingOrder, pointsOf, shardOf } from "../../../src/studies/sweep/points.ts";
import { checkSweepSpec, type SweepSpec } from "../../../src/studies/sweep/spec.ts";
import { faultsOf } from "../../support/folder.ts";

const machines = await loadMachines(["tensordash-4096", "scnn-4096"]);
const BASE = { machines: ["tensordash-4096"], traces: ["a.safetensors"] };
const points = (spec: Partial<SweepSpec>) => {
  const checked = checkSweepSpec({ ...BASE, ...spec }, "s.json");
  return pointsOf(checked, machines.slice(0, checked.machines.length), "s.json");
};

describe("points of a sweep", () => {
  it("are all combinations, the last field fastest, each entry of the list with the whole grid", () => {
    const all = points({
      traces: ["a", "b"],
      list: [{ clock: "1 GHz", "params.lanes": 16 }, { clock: "2 GHz" }],
      grid: { "params.rows": [1, 2], "params.tiles": [1, 2, 3] },
    });
    expect(all.map(({ index }) => index)).toEqual(Array.from({ length: 2 * 2 * 2 * 3 }, (_, i) => i));
    expect(all[4]).toEqual({
      index: 4,
      machine: 0,
      trace: "a",
      values: { clock: "1 GHz", "params.lanes": 16, "params.rows": 2, "params.tiles": 2 },
    });
    expect(all[23].values).toEqual({ clock: "2 GHz", "params.rows": 2, "params.tiles": 3 });
    expect(all[23].trace).toBe("b");
  });

  it("may take their traces from the grid", () => {
    const { traces: _, ...spec } = BASE;
    const checked = checkSweepSpec({ ...spec, grid: { trace: ["a", "b"], "params.rows": [1, 2] } }, "s.json");
    expect(pointsOf(checked, machines.slice(0, 1), "s.json").map(({ trace }) => trace)).toEqual(["a", "a", "b", "b"]);
  });

  it("meet the constraints, which know swept fields and parameters of the config", () => {
    const values = [1, 2, 4, 8, 16, 32, 64];
    const all = points({
      grid: { "params.rows": values, "params.columns": values, "params.tiles": values },
      constraints: ["lanes * rows * columns * tiles == 4096", "params_rows <= columns"],
    });
    // 2^8 as an ordered product of three powers up to 2^6, of which the first is at most the second.
    const expected = values.flatMap((rows) =>
      values.flatMap((columns) =>
        values
          .filter((tiles) => rows * columns * tiles === 256 && rows <= columns)
          .map((tiles) => [rows, columns, tiles]),
      ),
    );
    expect(all.map(({ values }) => Object.values(values))).toEqual(expected);
  });

  it.each<[string, object, string]>([
    ["unknown key", { girds: {} }, 'unknown key, got "girds"; did you mean "grid"?'],
    ["unknown field", { grid: { "params.rosw": [1] } }, 'params.rosw: unknown field, got "rosw"; did you mean "rows"?'],
    ["unknown place", { grid: { "memory.dram.channel": [1] } }, 'did you mean "channels"?'],
    ["prototype", { list: [{ "__proto__.rows": 1 }] }, 'unknown field, got "__proto__"'],
    ["empty values", { grid: { "params.rows": [] } }, "must have at least 1 item"],
    ["a value twice", { grid: { "params.rows": [1, 1] } }, "must NOT have duplicate items"],
    ["grid and list", { grid: { clock: ["1 GHz"] }, list: [{ clock: "2 GHz" }] }, "grid.clock: is also in the list"],
    ["no trace", { traces: undefined }, 'needs "traces", or the field "trace"'],
    ["trace twice", { grid: { trace: ["a"] } }, 'needs "traces", or the field "trace"'],
    ["no path", { traces: undefined, grid: { trace: [1] } }, "trace: must be a path, got 1"],
    ["nothing left", { constraints: ["rows == 0"] }, "no combination meets the constraints"],
    [
      "unknown name",
      { constraints: ["rosw == 1"] },
      'constraints.0: "rosw == 1": unknown name, got "rosw"; did you mean "rows"?',
    ],
    ["function", { constraints: ["import(1) == 1"] }, "is not allowed in a formula, got the function import()"],
    ["not a number", { constraints: ["batch == 1"] }, 'batch must be a number, got "fold" in params.batch'],
    ["no condition", { constraints: ["rows + 1"] }, "must be true or false, got 5"],
    [
      "ambiguous name",
      { grid: { "memory.levels.0.banks": [1, 2] }, constraints: ["banks == 1"] },
      "banks may be several fields; valid: memory_levels_0_banks, params_banks",
    ],
    [
      "too many",
      {
        grid: Object.fromEntries(
          ["rows", "columns", "tiles"].map((name) => [`params.${name}`, [...Array(300).keys()]]),
        ),
      },
      "too many combinations, got 27000000",
    ],
    [
      "too many constraints",
      { grid: { "params.rows": [...Array(1000).keys()] }, constraints: Array(1001).fill("rows > 0") },
      "constraints: too many for 1000 combinations, got 1001; valid: up to 1000000 tests of a combination",
    ],
  ])("refuses a spec: %s", async (_, spec, message) => {
    const faults = await faultsOf(() => points(spec as Partial<SweepSpec>));
    expect(faults.every((fault) => fault.startsWith("s.json: "))).toBe(true);
    expect(faults.join("\n")).toContain(message);
  });

  it("a field is known if one of the machines may have it", () => {
    expect(points({ machines: ["tensordash-4096", "scnn-4096"], grid: { "params.lookahead": [1, 2] } })).toHaveLength(
      4,
    );
  });
});

describe("shards", () => {
  it("have every point once, and none over one more than another", () => {
    const all = points({
      grid: { "params.rows": [1, 2, 3], "memory.dram.channels": [1, 2, 4, 8], clock: ["1 GHz", "2 GHz"] },
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (of) => {
        const shards = Array.from({ length: of }, (_, i) => shardOf(all, { part: i + 1, of }));
        const indices = shards.flat().map(({ index }) => index);
        expect(indices.toSorted((a, b) => a - b)).toEqual(all.map(({ index }) => index));
        const sizes = shards.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("are made of points that share their parameters", () => {
    const all = points({ grid: { "memory.dram.channels": [1, 2], "params.rows": [1, 2] } });
    expect(inSharingOrder(all).map((group) => group.map(({ index }) => index))).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadCommonBaseline } from "../../../src/api/open.ts";
import type { Chart } from "../../../src/report/charts/chart.ts";
import { standaloneSvg } from "../../../src/report/charts/chart.ts";
import { chartsOf } from "../../../src/report/charts/index.ts";
import { reportPage } from "../../../src/report/html/page.ts";
import { tableCsv } from "../../../src/report/html/table.ts";
import { escapeHtml, html } from "../../../src/report/html/template.ts";
import { grouped, joules, time, withUnit } from "../../../src/report/numbers.ts";
import { costOf, paretoFront } from "../../../src/report/sweep/sweep-front.ts";
import { cellsOf, geometricMean } from "../../../src/report/workloads.ts";
import type { SimulationResult } from "../../../src/sim/result/result.ts";
import { EVIL, named, resultOf, sweepPoint, valuesOf } from "../../support/report-input.ts";

const result = await resultOf({ 4: 0.2, 8: 0.1 });
const other = await resultOf({ 4: 0.3 }, "other");
const input = { results: [named(result), named(other, "other.json")], points: [] };
const page = await reportPage(input);

/** Rows of the CSV of a table, by the names of its columns; the tables of these tests have no quotes. */
function csvOf(page: string, id: string): Record<string, string>[] {
  const [, base64] = page.match(new RegExp(`base64,([A-Za-z0-9+/=]*)" download="${id}.csv"`)) ?? [];
  const [head, ...lines] = Buffer.from(base64, "base64")
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  return lines.map((line) => Object.fromEntries(head.map((name, index) => [name, line[index]])));
}

const chart = (id: string, charts = chartsOf(input)) => charts.find((chart) => chart.id === id) as Chart;

/** The first card of a page: its number, and what it means. */
const CARD = /class="cards"><li><b>([^<]*)<\/b><span>([^<]*)/;

describe("the page", () => {
  it("is the same every time, and asks for nothing from outside", async () => {
    expect(await reportPage(input)).toBe(page);
    expect(page).not.toMatch(/(src|href)="(?!#|data:)/);
    expect(page).not.toMatch(/url\(|@import|<link|<iframe/);
  });

  it("allows its own script by hash and no other", () => {
    expect(page).toMatch(/content="default-src 'none'; [^"]*script-src 'sha256-[A-Za-z0-9+/]{43}=';/);
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).not.toMatch(/ on[a-z]+=/);
  });

  it("has the simulator's own totals in its summary", () => {
    const rows = csvOf(page, "summary-table");
    expect(rows).toHaveLength(4);
    for (const [index, { name, totals }] of [...result.machines, ...other.machines].entries()) {
      const row = rows[index];
      expect(row.machine).toBe(name);
      for (const pass of ["forward", "inputGrad", "weightGrad"] as const) {
        expect(Number(row[`${pass}_array_speedup`])).toBeCloseTo(totals[pass].compute.speedup ?? Number.NaN, 10);
      }
      const { compute } = totals.matmul;
      expect(Number(row.array_speedup)).toBeCloseTo(compute.speedup ?? Number.NaN, 10);
      expect(Number(row.own_skipping_gain)).toBeCloseTo(compute.ownSkippingGain ?? Number.NaN, 10);
      expect(Number(row.own_gain_from_zeros)).toBeCloseTo(compute.speedupFromZeros ?? Number.NaN, 10);
      expect(Number(row.share_of_ideal)).toBeCloseTo(compute.idealCycles / compute.cycles, 10);
      expect(Number(row.passes_speedup)).toBeCloseTo(totals.matmul.speedup ?? Number.NaN, 10);
      expect(Number(row.step_speedup)).toBeCloseTo(totals.training.speedup ?? Number.NaN, 10);
    }
  });

  it("begins with the speed-up of the machine that takes least time over the common baseline", async () => {
    const common = await resultOf({ 4: 0.2 }, "common", { commonBaseline: await loadCommonBaseline() });
    const [fastest] = [...common.machines].sort((a, b) => a.totals.training.seconds - b.totals.training.seconds);
    const { speedup } = fastest.totals.training;
    const [, value, meaning] = (await reportPage({ results: [named(common)], points: [] })).match(CARD) ?? [];
    expect(Number.parseFloat(value)).toBeCloseTo(speedup ?? Number.NaN, 1);
    expect(meaning).toContain(`faster than dadiannao-4096 training densely: ${fastest.name}, `);
  });

  it("has geometric means over networks: √(a b) for two", () => {
    for (const row of csvOf(page, "speedup-table")) {
      const product = Number(row.small_speedup) * Number(row.other_speedup);
      expect(Number(row.geometric_mean_speedup)).toBeCloseTo(Math.sqrt(product), 10);
    }
    expect(geometricMean([2, 8])).toBeCloseTo(4, 12);
  });

  it("says where everything comes from", () => {
    for (const { traces, machines } of [result, other]) {
      for (const { sha256, name } of traces) for (const text of [sha256, name]) expect(page).toContain(text);
      for (const { config } of machines) {
        expect(page).toContain(escapeHtml(config.source));
        expect(page).toContain(escapeHtml(JSON.stringify(config, null, 2)));
      }
    }
  });

  it("says what is an estimate, of which share, and how sure its numbers are", async () => {
    const [machine] = result.machines;
    const first = machine.rows.findIndex(({ macs }) => macs.dense > 0);
    const rows = machine.rows.map((row, index) =>
      index !== first
        ? row
        : {
            ...row,
            sample: {
              ...{ axis: "images" as const, drawn: 12, of: 48 },
              ...{ ci95: { "cycles.total": row.cycles.total, "cycles.compute": row.cycles.compute }, bounds: {} },
            },
          },
    );
    const estimated = { ...result, sample: { share: 0.2, seed: "1" }, machines: [{ ...machine, rows }] };
    const text = await reportPage({ results: [named(estimated)], points: [] });
    expect(text).toContain("Asked for a sample of 20.0 %: 25.0 % to 25.0 % (mean 25.0 %)");
    expect(text).toMatch(/<td class="n" data-v="[\d.]+">[\d.]+ ±[\d.]+<\/td>/);
    const exact = await reportPage({ results: [named(result)], points: [] });
    expect(exact).not.toContain("±");
    expect(exact).not.toContain('class="estimates"');
  });

  it("shows names of files as text, in tables and in charts", async () => {
    const evil: SimulationResult = structuredClone(other);
    evil.traces[0].network = EVIL;
    evil.traces[0].name = EVIL;
    for (const machine of evil.machines) {
      machine.name = EVIL;
      for (const row of machine.rows) row.layer = EVIL;
    }
    const points = [sweepPoint(1, 2, { machine: EVIL, trace: EVIL, point: { [EVIL]: EVIL } }), sweepPoint(2, 3)];
    const text = await reportPage({ results: [{ ...named(evil), file: EVIL }], points });
    expect(text).toContain(escapeHtml(EVIL));
    expect(text).not.toContain("<img");
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text.match(/<\/script/g)).toHaveLength(1);
    const csv = [...text.matchAll(/base64,([A-Za-z0-9+/=]*)"/g)].map(([, base64]) => Buffer.from(base64, "base64"));
    for (const table of csv.map(String)) expect(table).not.toMatch(/(^|,)"?=/m);
  });
});

describe("charts", () => {
  it.each(["gain", "cycles"])("%s: the pieces of every bar are the whole", (id) => {
    const sums = new Map<string, number>();
    for (const { panel, bar, value } of valuesOf(chart(id))) {
      sums.set(`${panel} ${bar}`, (sums.get(`${panel} ${bar}`) ?? 0) + Number(value));
    }
    expect(sums.size).toBe(4);
    for (const sum of sums.values()) expect(sum).toBeCloseTo(1, 10);
  });

  it("roofline: what is effectual is never above the roof", () => {
    const values = valuesOf(chart("roofline"));
    const effectual = values.filter(({ kind }) => kind === "effectual MACs");
    expect(effectual.length).toBeGreaterThan(0);
    for (const { rate, intensity, peak, bandwidth } of effectual.map((value) => value as Record<string, number>)) {
      expect(rate).toBeLessThanOrEqual(Math.min(peak, bandwidth * intensity) * (1 + 1e-9));
    }
  });

  it("over training: a point for each step of each machine, only where there are several steps", () => {
    const points = valuesOf(chart("speedup-over-training"));
    expect(points.map(({ workload, series, step }) => `${workload} ${series} ${step}`)).toEqual(
      ["tensordash-4096", "scnn-4096"].flatMap((name) =>
        [4, 8].map((step) => `${cellsOf(input.results)[0].workload} ${name} ${step}`),
      ),
    );
    const weights = valuesOf(chart("density-over-training")).filter(({ series }) => series === "weight");
    expect(weights).toHaveLength(2);
    expect(Number(weights[0].value)).toBeGreaterThan(Number(weights[1].value));
    const single = chartsOf({ results: [named(other)], points: [] }).map(({ id }) => id);
    expect(single).not.toContain("speedup-over-training");
  });

  it("energy: shown where the result has it, mean of the steps", async () => {
    expect(chart("energy")).toBeUndefined();
    const withEnergy = structuredClone(result);
    for (const { rows } of withEnergy.machines)
      for (const row of rows) Object.assign(row, { energy: { components: { dram: 4e6, mac: 1e6 } } });
    const results = [named(withEnergy)];
    const count = withEnergy.machines[0].rows.length;
    const values = valuesOf(chart("energy", chartsOf({ results, points: [] })));
    expect(values.slice(0, 2).map(({ part, value }) => [part, value])).toEqual([
      ["dram", (4 * count) / 2],
      ["mac", count / 2],
    ]);
    const [row] = csvOf(await reportPage({ results, points: [] }), "summary-table");
    expect(Number(row.step_energy_pJ)).toBe((5e6 * count) / 2);
  });

  it("are files of their own, on white, with their title", async () => {
    for (const drawn of chartsOf({ ...input, points: [sweepPoint(1, 2), sweepPoint(2, 3)] })) {
      const svg = await standaloneSvg(drawn);
      expect(svg).toMatch(/^<svg [^>]*><rect width="\d+" height="\d+" fill="white"\/>/);
      expect(svg).toContain(`>${drawn.title}</text>`);
    }
  });
});

describe("results that do not fit together", () => {
  it("are refused where a trace would count twice on a machine", () => {
    const twice = () => cellsOf([named(other, "a.json"), named(other, "b.json")]);
    expect(twice).toThrow(`b.json: ${other.traces[0].name} on tensordash-4096 is counted twice, it is also in a.json`);
  });

  it("are told apart where machines of one name differ", () => {
    const changed = structuredClone(other);
    changed.machines[0].config.clock = "2 GHz";
    const names = cellsOf(
      [named(other, "a.json"), named(changed, "b.json")].slice(0, 2).map((one, index) => {
        if (index === 0) return one;
        return { ...one, result: { ...one.result, machines: [changed.machines[0]] } };
      }),
    ).map(({ machine }) => machine);
    expect(names).toEqual(["tensordash-4096", "scnn-4096", "tensordash-4096 (2)"]);
  });
});

describe("a sweep over sparsities", () => {
  const at = (method: string, sparsity: number, speedup: number) =>
    sweepPoint(speedup, 2, {
      point: { "synthetic.method": method, "synthetic.sparsity": sparsity },
      trace: `resnet20 ${method} ${sparsity}`,
      synthetic: { network: "resnet20", method, sparsity },
    });
  const points = [at("dense", 0, 1), at("swat-u", 0.5, 2), at("swat-u", 0.9, 3), sweepPoint(9, 2)];

  it("is drawn over them, a series for each machine and method, without points of recorded steps", () => {
    const values = valuesOf(chart("sparsity", chartsOf({ results: [], points })));
    expect(values.map(({ sparsity, speedup, series }) => [sparsity, speedup, series])).toEqual([
      [0, 1, "tensordash-4096 dense"],
      [0.5, 2, "tensordash-4096 swat-u"],
      [0.9, 3, "tensordash-4096 swat-u"],
    ]);
    expect(values[2].tip).toBe("tensordash-4096, synthetic.method swat-u, synthetic.sparsity 0.9: 3.00 ×");
  });

  it("is no chart where there is one sparsity, and a column of numbers in the table", async () => {
    const ids = (some: typeof points) => chartsOf({ results: [], points: some }).map(({ id }) => id);
    expect(ids(points.slice(1, 2))).toEqual(["pareto"]);
    expect(ids(points)).toEqual(["pareto", "sparsity"]);
    const rows = csvOf(await reportPage({ results: [], points: points.slice(0, 3) }), "pareto-table");
    expect(rows.map((row) => row["synthetic.sparsity"])).toEqual(["0", "0.5", "0.9"]);
  });
});

describe("the Pareto front", () => {
  const metric = fc.integer({ min: 1, max: 12 });

  it("has the points that no other point of their trace beats, and all of those", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(metric, metric, fc.boolean()), { maxLength: 30 }), (drawn) => {
        const points = drawn.map(([gain, cost, first]) => sweepPoint(gain, cost, { trace: first ? "a" : "b" }));
        const cost = { key: "energyPicojoules", label: "", unit: 1 } as const;
        const beats = (a: (typeof points)[0], b: (typeof points)[0]) => {
          const [gain, loss] = [
            (a.metrics.speedup ?? 0) - (b.metrics.speedup ?? 0),
            Number(a.metrics.energyPicojoules) - Number(b.metrics.energyPicojoules),
          ];
          return a.trace === b.trace && gain >= 0 && loss <= 0 && (gain > 0 || loss < 0);
        };
        const expected = points.filter((point) => !points.some((one) => beats(one, point)));
        expect(new Set(paretoFront(points, cost))).toEqual(new Set(expected));
        expect(paretoFront(points, cost).size).toBe(expected.length);
      }),
    );
  });

  it("is over energy where all points know it, else over what tells them apart", () => {
    expect(costOf([sweepPoint(1, 2), sweepPoint(1, 3)]).key).toBe("energyPicojoules");
    const larger = sweepPoint(1, null);
    const small = { ...larger, metrics: { ...larger.metrics, onChipBytes: 1 } };
    expect(costOf([larger, small]).key).toBe("onChipBytes");
    expect(costOf([larger, { ...larger, metrics: { ...larger.metrics, multipliers: 1 } }]).key).toBe("multipliers");
  });
});

describe("text", () => {
  it("put into a template is text again when a browser reads it", () => {
    const decode = (text: string) =>
      text.replace(
        /&(lt|gt|quot|#39|amp);/g,
        (_, name: string) => ({ lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" })[name] as string,
      );
    fc.assert(
      fc.property(fc.string(), (text) => {
        const markup = html`<b title="${text}">${[text, html`<i></i>`]}</b>`.text;
        const [, title, content] = markup.match(/^<b title="([^"<>]*)">([^<>]*)<i><\/i><\/b>$/) as string[];
        expect([decode(title), decode(content)]).toEqual([text, text]);
      }),
    );
  });

  it("that a spreadsheet would calculate begins with an apostrophe; numbers do not", () => {
    const columns = [
      { key: "a", head: "a", value: ([text]: [string, number]) => text },
      { key: "b", head: "b", value: ([, number]: [string, number]) => number, show: String },
    ];
    const rows: [string, number][] = [
      ["=1+1", -1],
      ["@x", 2],
      ["-y", 3],
      ["+z", 4],
      ["plain", 5],
    ];
    expect(tableCsv({ id: "", title: "", columns, rows })).toBe("a,b\n'=1+1,-1\n'@x,2\n'-y,3\n'+z,4\nplain,5\n");
  });

  it.each([
    [withUnit(4.096e12, "MAC/s"), "4.10 TMAC/s"],
    [withUnit(0, "B"), "0.00 B"],
    [withUnit(999, "B"), "999 B"],
    [joules(1_234_567), "1.23 µJ"],
    [joules(2e12), "2.00 J"],
    [time(0.0000412), "41.2 µs"],
    [time(12.3), "12.3 s"],
    [grouped(1_234_567), "1,234,567"],
  ])("of a number reads %s", (text, expected) => {
    expect(text).toBe(expected);
  });
});

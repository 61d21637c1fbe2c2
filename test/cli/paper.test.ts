import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import type { PaperComparison, PassGains } from "../../src/report/paper/paper-comparison.ts";
import type { ResultTotal, SimulationResult } from "../../src/sim/result/result.ts";
import { linesOf, swatSim } from "./program.ts";

const folder = await mkdtemp(join(tmpdir(), "swat-sim-paper-"));
afterAll(() => rm(folder, { recursive: true }));
const file = (name: string) => join(folder, name);
const HW = ["--hw", "tensordash-4096", "weight-queue-4096"];
const DRAWN = ["--batch", "1", "--seed", "3"];
const step = ["--network", "resnet8", ...DRAWN];
const json = async (...args: string[]) => JSON.parse((await swatSim([...args, "--json"])).stdout);

/** Results list machines by time, which differs from step to step. */
function named<T extends { readonly name: string }>(machines: readonly T[], name: string): T {
  return machines.find((machine) => machine.name === name) as T;
}

/** Gains of the backward pass, from the totals of its two halves. */
function together(halves: readonly ResultTotal[]): Omit<PassGains, "arraySpeedupOverDenseTraining"> {
  const sum = (of: (total: ResultTotal) => number) => halves.reduce((all, total) => all + of(total), 0);
  const cycles = sum(({ compute }) => compute.cycles);
  const seconds = sum((total) => total.seconds);
  return {
    arraySpeedup: sum(({ compute }) => compute.baselineCycles) / cycles,
    speedup: sum(({ baselineSeconds }) => baselineSeconds) / seconds,
    arrayGainFromZeros: sum(({ compute }) => (compute.speedupFromZeros as number) * compute.cycles) / cycles,
    arrayOwnSkippingGain: sum(({ compute }) => compute.counterpartCycles) / cycles,
    ownSkippingGain: sum(({ counterpartSeconds = 0 }) => counterpartSeconds) / seconds,
    speedupOverDenseTraining: sum((total) => total.denseTrainingSeconds as number) / seconds,
  };
}

describe("paper", () => {
  it.concurrent("says what simulate, flops and footprint say of the same steps", async ({ expect }) => {
    const out = file("comparison.json");
    const methods = [["--method", "dense"], ...["0.8", "0.9"].map((s) => ["--method", "swat-u", "--sparsity", s])];
    const traces = methods.map((_, i) => file(`${i}.safetensors`));
    await Promise.all(
      methods.map((method, i) =>
        swatSim(["trace", "synth", ...step, "--position", "early", ...method, "-o", traces[i]]),
      ),
    );
    const [comparison, flops, published, footprint, ...results] = (await Promise.all([
      json("paper", ...step, "--position", "late", "early", ...HW, "--out", out),
      json("flops", "--network", "resnet8", "--sparsity", "0.8"),
      json("flops", "--network", "resnet8", "--sparsity", "0.8", "--accounting", "published"),
      json("footprint", "--network", "resnet8", "--sparsity", "0.8", "--batch", "1"),
      ...traces.map((trace) => json("simulate", trace, ...HW, "--baseline-trace", traces[0])),
    ])) as [PaperComparison, ...unknown[]] as [
      PaperComparison,
      { trainingReduction: number },
      { trainingReduction: number },
      SimulationResult["footprint"][number],
      ...SimulationResult[],
    ];

    expect(JSON.parse(await readFile(out, "utf8"))).toEqual(comparison);
    results.forEach(({ machines }, at) => {
      machines.forEach(({ name, totals }) => {
        const { forward, inputGrad, weightGrad, matmul, training } = totals;
        const dense = named(results[0].machines, name).totals;
        const overDense = (of: (all: typeof totals) => number) => of(dense) / of(totals);
        const { points } = named(comparison.machines, name);
        // Late masks first, then early ones, which are those of the traces.
        const point = points[2 * at + 1];
        expect(point).toMatchObject({ sparsity: [0, 0.8, 0.9][at], position: "early" });
        const near = (got: Partial<PassGains>, want: Readonly<Record<string, number | null | undefined>>) => {
          for (const [gain, value] of Object.entries(want))
            expect(got[gain as keyof PassGains], `${name} ${gain}`).toBeCloseTo(value as number, 10);
        };
        for (const [pass, total] of [
          [point.forward, forward],
          [point.all, matmul],
        ] as const) {
          near(pass, {
            arraySpeedup: total.compute.speedup,
            speedup: total.speedup,
            arrayGainFromZeros: total.compute.speedupFromZeros,
            arrayOwnSkippingGain: total.compute.ownSkippingGain,
            ownSkippingGain: total.ownSkippingGain,
            speedupOverDenseTraining: total.speedupOverDenseTraining,
          });
        }
        const { speedup, ownSkippingGain, speedupOverDenseTraining } = training;
        near(point.step, { speedup, ownSkippingGain, speedupOverDenseTraining });
        near(point.forward, { arraySpeedupOverDenseTraining: overDense((all) => all.forward.compute.cycles) });
        near(point.backward, {
          ...together([inputGrad, weightGrad]),
          arraySpeedupOverDenseTraining: overDense(
            (all) => all.inputGrad.compute.cycles + all.weightGrad.compute.cycles,
          ),
        });
      });
    });
    expect(comparison.baseline).toBe("dadiannao-4096");

    const [none, at80] = comparison.saved;
    expect(Object.values(none).flatMap((part) => (typeof part === "number" ? [] : Object.values(part)))).toEqual(
      Array(7).fill(0),
    );
    expect(at80.flops).toEqual({ published: published.trainingReduction, exact: flops.trainingReduction });
    const { activations: kept, parts } = footprint;
    expect(at80.activations).toEqual({
      published: 1 - footprint.published.sparseBytes / footprint.published.denseBytes,
      values: 1 - kept.sparseBytes / kept.denseBytes,
      indexed: 1 - kept.sparseIndexedBytes / kept.denseBytes,
    });
    // The first layer is dense and has no copy: 3·3·3·16 values. 77,360 weights in all layers.
    const weights = 77_360;
    const copy = parts.find(({ part }) => part === "sparse copy of the weights");
    expect(at80.weights.values).toBeCloseTo(1 - ((copy?.sparseBytes ?? 0) / 4 + 432) / weights, 10);
    expect(at80.weights.values - at80.weights.indexed).toBeCloseTo((weights - 432) / weights / 32, 3);
  });

  it.concurrent("prints – where nothing was published, writes CSV and the tables' place on a page, and leaves no trace behind", async ({
    expect,
  }) => {
    const temporary = await mkdtemp(join(folder, "tmp-"));
    const [csv, page] = [file("numbers.csv"), file("page.md")];
    const begin = "<!-- written by swat-sim: begin -->";
    const end = "<!-- written by swat-sim: end -->";
    await writeFile(page, `# Ours\n\n${begin}\nold\n${end}\n\nWhat we think.\n`);
    const args = ["paper", "--network", "lenet5", ...DRAWN, ...HW, "--csv", csv, "--markdown", page];
    const { code, stdout, stderr } = await swatSim(args, { env: { TMPDIR: temporary } });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(await readdir(temporary)).toEqual([]);
    expect(stdout).toMatch(/^published( +–){6} *$/m);
    expect(stdout).toContain("they are not reproduced");
    const figure = String.raw`\d\.\d\d(–\d\.\d\d)?`;
    expect(stdout.match(new RegExp(`^tensordash-4096( +${figure}){6} *$`, "gm"))).toHaveLength(5);
    expect(stdout.match(new RegExp(`^tensordash-4096( +${figure}){5} *$`, "gm"))).toHaveLength(3);

    const lines = linesOf(await readFile(csv, "utf8"));
    expect(lines[0]).toBe("machine,sparsity,position,quantity,value,published");
    // Two machines at three sparsities and two positions, each with seven gains of three passes and three of the step; seven savings.
    expect(lines).toHaveLength(1 + 2 * 3 * 2 * 24 + 3 * 7);

    // The first table at 80 %, over the common baseline, by the names of the CSV: early masks, then late ones.
    const fields = lines.map((line) => line.split(","));
    const figures = new Map(fields.map((field) => [field.slice(0, 4).join(" "), Number(field[4]).toFixed(2)]));
    const columns = ["forward_array", "backward_array", "all_array", "forward", "backward", "step"];
    const cells = columns.map((column) => {
      const ends = ["early", "late"].map((at) => figures.get(`tensordash-4096 0.8 ${at} ${column}_speedup`));
      return [...new Set(ends)].join("–");
    });
    const table = stdout.slice(stdout.indexOf("Speed-up over dadiannao-4096 training densely, at 80 % sparsity"));
    const [row] = /^tensordash-4096 .*$/m.exec(table) ?? [];
    expect(row?.trim().split(/ +/).slice(1)).toEqual(cells);

    const text = await readFile(page, "utf8");
    const made = `${begin}\nWritten by \`swat-sim paper --network lenet5 --method swat-u --batch 1 --seed 3 --position early late ${HW.join(" ")}\`: `;
    expect(text.startsWith(`# Ours\n\n${made}`)).toBe(true);
    expect(text.endsWith(`${end}\n\nWhat we think.\n`)).toBe(true);
    expect(text).not.toContain("old");
    expect(text).toMatch(new RegExp(`^\\| tensordash-4096( \\| ${figure}){6} \\|$`, "m"));
  });

  it.concurrent("refuses a page without its marks before it simulates, and leaves it alone", async ({ expect }) => {
    const page = file("other.md");
    await writeFile(page, "# Something else\n");
    const { code, stdout, stderr } = await swatSim(["paper", "--markdown", page]);
    expect(stderr).toMatch(/^error: .*other\.md: must hold the marks/);
    expect([code, stdout, linesOf(stderr).length]).toEqual([1, "", 1]);
    expect(await readFile(page, "utf8")).toBe("# Something else\n");
  });

  const WRONG: Record<string, [args: string[], code: number, message: RegExp]> = {
    "an unknown network": [["--network", "resnet51"], 2, /'--network <name>' .*known: resnet8/],
    "dense training": [["--method", "dense"], 2, /'--method <name>' .*known: swat-u, swat-er, swat-erk/],
    "no images": [["--batch", "0"], 2, /valid: an integer of at least 1/],
    "an unknown position": [["--position", "later"], 2, /valid: early, middle, late, or a number of images/],
    "all machines and some": [["--all", "--hw", "scnn"], 2, /'--all' cannot be used with option '--hw <config...>'/],
    "an unknown machine": [["--network", "resnet8", "--hw", "tensordish"], 2, /--hw: .*"tensordish".*tensordash/],
  };
  for (const [what, [args, status, message]] of Object.entries(WRONG)) {
    it.concurrent(`refuses ${what} with one line and code ${status}`, async ({ expect }) => {
      const { code, stdout, stderr } = await swatSim(["paper", ...args]);
      expect(stderr).toMatch(message);
      expect(linesOf(stderr)).toHaveLength(1);
      expect([code, stdout]).toEqual([status, ""]);
    });
  }
});

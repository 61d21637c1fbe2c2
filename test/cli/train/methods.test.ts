/** Methods of masks on the command line: what they are called, what goes with what, and modules of users. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTrace } from "../../../src/api/open.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { ROOT, swatSim } from "../program.ts";

const TINY = ["--data", "generated:8x8x1", "--limit", "16", "--test-limit", "8", "--batch-size", "8", "--epochs", "1"];
const MODULE = ["--method-module", join(ROOT, "examples/prune-at.js")];

async function settingsOf(...args: string[]): Promise<Record<string, unknown>> {
  const cwd = await temporaryFolder();
  const { code, stderr } = await swatSim(["train", ...TINY, ...args, "--out", "run"], { cwd });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(await readFile(join(cwd, "run/training.json"), "utf8")).settings;
}

describe("train", () => {
  it("takes N:M pruning for N:M training, with every option in the summary", async () => {
    const given = ["--pruning", "1:4", "--method-option", "transposable=greedy", "lambda=0"];
    expect(await settingsOf(...given)).toMatchObject({
      method: "nm",
      pruning: "1:4",
      sparsity: 0.75,
      firstLayerDense: true,
      lastLayerDense: true,
      methodOptions: { transposable: "greedy", lambda: 0, period: 1 },
    });
  });

  it("lets rigl decide by its distribution whether the first layer is dense", async () => {
    expect(await settingsOf("--method", "rigl")).toMatchObject({ firstLayerDense: false });
    const uniform = ["--method", "rigl", "--method-option", "distribution=uniform"];
    expect(await settingsOf(...uniform)).toMatchObject({ firstLayerDense: true });
    expect(await settingsOf(...uniform, "--sparse-first-layer")).toMatchObject({ firstLayerDense: false });
  });

  it("takes the only method of a module, and resumes it with the module alone", async () => {
    const cwd = await temporaryFolder();
    const run = ["train", ...TINY, ...MODULE, "--method-option", "at=1", "--sparsity", "0.5", "--out", "run"];
    expect(await swatSim(run, { cwd })).toMatchObject({ code: 0, stderr: "" });
    const { settings } = JSON.parse(await readFile(join(cwd, "run/training.json"), "utf8"));
    expect(settings).toMatchObject({ method: "prune-at", methodOptions: { at: 1 }, sparsity: 0.5 });
    expect(await swatSim(["train", "--resume", "run", ...MODULE], { cwd })).toMatchObject({ code: 0, stderr: "" });
  });

  it.each<[string[], number, RegExp]>([
    [
      ["--method", "nope"],
      2,
      /'--method <name>' argument 'nope' is invalid. known: dense, .*topkast.*, or give its module/,
    ],
    [["--pruning", "4:2"], 2, /'--pruning <unit>' argument '4:2' is invalid.*N:M with N less than M, as 2:4/],
    [["--method", "rigl", "--method-option", "deltaT"], 2, /valid: key=value, as period=4/],
    [["--method", "rigl", "--topk-period", "4"], 2, /'--topk-period <steps>' cannot be used with method rigl/],
    [
      ["--method", "rigl", "--method-option", "delta=4"],
      1,
      /methodOptions: unknown key, got "delta"; did you mean "deltaT"/,
    ],
    [["--method", "rigl", "--method-option", "alpha=2"], 1, /methodOptions: alpha: must be <= 1, got 2/],
    [["--method", "nm", "--sparsity", "0.3"], 1, /sparsity: follows from pruning 2:4, got 0.3; valid: 0.5, or none/],
    [
      ["--method", "swat-u", "--pruning", "2:4"],
      1,
      /pruning: unknown pruning of swat-u, got "2:4".*any N:M with method nm/,
    ],
    [
      ["--method", "rigl", "--pruning", "channel"],
      1,
      /pruning: rigl keeps single weights, got "channel"; valid: unstructured/,
    ],
    [
      ["--method", "topkast", "--sparsity", "0.4"],
      1,
      /error: methodOptions: backwardSparsity: must not exceed the sparsity, got 0.5; valid: 0 to 0.4/,
    ],
    [
      ["--pruning", "2:8", "--method-option", "transposable=exact"],
      1,
      /error: methodOptions: transposable: exact tries all patterns, got m = 8/,
    ],
    [
      ["--method", "topkast", "--drop", "weights:forward"],
      1,
      /drop: topkast decides what is dropped, got weights:forward/,
    ],
    [["--method", "rigl", "--warmup", "1"], 1, /warmup: rigl has no thresholds, got 1; valid: 0/],
    [["--method", "nm", "--keep-filters"], 1, /keepFilters: nm keeps exact counts, got true/],
    [["--method", "nm", "--share-by", "mean"], 1, /shareBy: only swat-m shares weights, got mean with method nm/],
    [["--method-option", "at=1"], 1, /methodOptions: swat-u has none; valid: with method nm, rigl, topkast/],
    [["--method-module", "none.js"], 1, /none.js: cannot be loaded/],
  ])("refuses %j", async (args, code, message) => {
    const cwd = await temporaryFolder();
    const outcome = await swatSim(["train", ...TINY, ...args, "--out", "run"], { cwd });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(code);
  });
});

it("record takes the same methods", async () => {
  const cwd = await temporaryFolder();
  const args = ["record", "--network", "resnet8", "--data", "generated:8x8x1", "--batch", "2"];
  const outcome = await swatSim([...args, "--pruning", "2:4", "-o", "step.safetensors"], { cwd });
  expect(outcome).toMatchObject({ code: 0, stderr: "" });
  const { trace } = await readTrace(join(cwd, "step.safetensors"));
  expect(trace.manifest.method).toMatchObject({ name: "nm", sparsity: 0.5 });
  expect(trace.tensor("layer1.0.conv1:weight").pattern).toMatchObject({ n: 2, m: 4 });
});

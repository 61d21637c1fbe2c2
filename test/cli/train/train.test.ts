import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/folder.ts";
import { ended, linesOf, type Outcome, start, swatSim, swatSimProcess } from "../program.ts";

const TINY = ["--data", "generated:8x8x1", "--test-limit", "20", "--batch-size", "10", "--sparsity", "0.5"];
const RUN = ["train", ...TINY, "--limit", "40", "--epochs", "1", "--record", "steps:0,3", "--out", "run", "--json"];
const FIRST_TRACE = "step-000000.safetensors";
const FILES = [
  "run/step-000000.safetensors",
  "run/step-000003.safetensors",
  "run/weights.safetensors",
  "run/training.json",
  "run/log.jsonl",
  "run/checkpoint.safetensors",
];

let folders: string[] = [];
let runs: Outcome[] = [];

beforeAll(async () => {
  folders = await Promise.all([0, 1].map(() => mkdtemp(join(tmpdir(), "swat-sim-train-"))));
  runs = await Promise.all([swatSimProcess(RUN, { cwd: folders[0] }), swatSim(RUN, { cwd: folders[1] })]);
});
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

describe("train --json", () => {
  it("prints one JSON object on stdout and nothing else, and no progress bar into a pipe", () => {
    const [{ code, stdout, stderr }] = runs;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(linesOf(stdout)).toHaveLength(1);
    const answer = JSON.parse(stdout);
    expect(Object.keys(answer)).toEqual(["testAccuracy", "loss", "epochs", "seconds", "files"]);
    expect(answer).toMatchObject({ epochs: 1, files: FILES });
    // 20 test images: the accuracy is a multiple of 1/20.
    expect(answer.testAccuracy * 20).toBeCloseTo(Math.round(answer.testAccuracy * 20), 9);
    expect(answer.loss).toBeGreaterThan(0);
    expect(answer.seconds).toBeGreaterThan(0);
  });

  it("leaves the files that it names, and no other", async () => {
    expect((await readdir(join(folders[0], "run"))).map((name) => `run/${name}`)).toEqual([...FILES].sort());
    const summary = JSON.parse(await readFile(join(folders[0], "run/training.json"), "utf8"));
    expect(summary).not.toHaveProperty("interrupted");
  });

  it("twice gives the same files, byte for byte, but for the speeds in the log", async () => {
    const log = "run/log.jsonl";
    const logs = await Promise.all(folders.map((folder) => readFile(join(folder, log), "utf8")));
    const [one, two] = logs.map((text) => text.replaceAll(/"imagesPerSecond":[\d.]+/g, ""));
    expect(two).toBe(one);
    for (const file of FILES.filter((name) => name !== log)) {
      const [one, two] = await Promise.all(folders.map((folder) => readFile(join(folder, file))));
      expect(one.equals(two), file).toBe(true);
    }
  });
});

describe("a recorded trace", () => {
  const TRACES = FILES.slice(0, 2);

  it("verifies", async () => {
    const { code, stdout, stderr } = await swatSim(["trace", "verify", ...TRACES], { cwd: folders[0] });
    expect(stderr).toBe("");
    expect(linesOf(stdout).map((line) => line.replace(/\d+/g, "n"))).toEqual(
      TRACES.map((file) => `${file.replace(/\d+/g, "n")}: ok, n masks, n ops`),
    );
    expect(code).toBe(0);
  });

  it("can be inspected as JSON", async () => {
    const { code, stdout } = await swatSim(["trace", "inspect", "--json", ...TRACES], { cwd: folders[0] });
    expect(code).toBe(0);
    const reports = JSON.parse(stdout);
    expect(reports.map(({ step }: { step: number }) => step)).toEqual([0, 3]);
    for (const { network, dataset, method, densities } of reports) {
      expect({ network, dataset, method: method.name }).toEqual({
        network: "resnet8",
        dataset: "generated",
        method: "swat-u",
      });
      for (const { density } of Object.values<{ density: number }>(densities)) {
        expect(density).toBeGreaterThan(0);
        expect(density).toBeLessThanOrEqual(1);
      }
    }
  });

  it("can be inspected as a table that names every layer", async () => {
    const { stdout } = await swatSim(["trace", "inspect", TRACES[0]], { cwd: folders[0] });
    expect(stdout).toContain("network resnet8");
    for (const layer of ["conv1", "layer1.0.conv1", "layer3.0.conv2", "linear"])
      expect(stdout).toMatch(new RegExp(`^\\W*${layer} `, "m"));
  });

  it("is missing where no step of the run was selected, and train says so", async () => {
    const cwd = await temporaryFolder();
    const args = ["train", ...TINY, "--limit", "10", "--epochs", "1", "--record", "steps:1", "--out", "run"];
    const { code, stderr } = await swatSim(args, { cwd });
    expect(stderr).toBe("warning: --record names no step of this run: its steps are 0 to 0\n");
    expect(code).toBe(0);
  });
});

describe("--schedule with a file", () => {
  const SCHEDULE = `lr_schedule:
  - 0 : 0.1
  - 1 : 0.01
total_epoch : 2
train_batch_size : 20
weight_decay : 0.001
bn_weight_decay : False
nesterov : True
sparsity : 0.7
warmup : -5
num_conv_layer : 9
pruning_type : 'structured_channel'
pruning_mode : 'erdos_renyi_kernel'
sparsify_first_layer : True
`;
  const run = async (text: string, ...options: string[]) => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, "run.yaml"), text);
    const args = ["--data", "generated:8x8x1", "--limit", "40", "--test-limit", "20", "--out", "run"];
    const outcome = await swatSim(["train", "--schedule", "run.yaml", ...args, ...options], { cwd });
    const summary = join(cwd, "run/training.json");
    return { ...outcome, settings: outcome.code === 0 ? JSON.parse(await readFile(summary, "utf8")).settings : null };
  };

  it("takes its settings, but for those that the command line gives", async () => {
    const { settings, stderr } = await run(SCHEDULE, "--epochs", "1", "--no-nesterov", "--dense-first-layer");
    expect(stderr).toBe("");
    expect(settings).toMatchObject({
      method: "swat-erk",
      pruning: "channel",
      sparsity: 0.7,
      topKPeriod: 10,
      warmup: 0,
      firstLayerDense: true,
      lastLayerDense: false,
      epochs: 1,
      batchSize: 20,
      schedule: [
        { epoch: 0, rate: 0.1 },
        { epoch: 1, rate: 0.01 },
      ],
      nesterov: false,
      weightDecay: 0.001,
      batchNormDecay: false,
    });
  });

  it("says where the network is another one than the file was written for", async () => {
    const text = SCHEDULE.replace("num_conv_layer : 9", "num_conv_layer : 20");
    const { code, stderr } = await run(text, "--epochs", "1");
    expect(stderr).toBe("warning: run.yaml: num_conv_layer: network resnet8 has 9 convolutions, got 20\n");
    expect(code).toBe(0);
  });

  it("names everything that is wrong in it", async () => {
    const { code, stderr, stdout } = await run(SCHEDULE.replace("nesterov", "nestorov").replace("0.7", "1.5"));
    expect(linesOf(stderr)).toEqual([
      expect.stringMatching(
        /^error: run.yaml: unknown key, got "nestorov"; did you mean "nesterov"\? known: lr_schedule, /,
      ),
      "error: run.yaml: sparsity: must be < 1, got 1.5",
    ]);
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });
});

describe("options of swat-m", () => {
  const ARGS = ["train", ...TINY, "--limit", "20", "--epochs", "1", "--method", "swat-m", "--out", "run"];

  it("take a rule of sharing and single options in its place, from the command line or a file, and resume with them", async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, "run.yaml"), "sharing: stable\nshare_growth: 3\nshare_at: step\n");
    const args = [...ARGS, "--schedule", "run.yaml", "--share-growth", "1.5", "--evaluation", "authors"];
    expect(await swatSim([...args, "--log-csv"], { cwd })).toMatchObject({ code: 0 });
    const summary = JSON.parse(await readFile(join(cwd, "run/training.json"), "utf8"));
    const sharing = { shareBy: "size-weighted", shareGrowth: 1.5, shareAt: "step", keepFilters: true };
    expect(summary.settings).toMatchObject({ ...sharing, evaluation: "authors" });
    expect(summary.weightHealth.layers.map(({ layer }: { layer: string }) => layer)).toContain("layer3.0.conv2");
    const [header] = linesOf(await readFile(join(cwd, "run/log.csv"), "utf8"));
    expect(header).toContain("conv1_weight_density,conv1_saved_input_density,conv1_dead_filters,conv1_largest_weight");

    expect(await swatSim(["train", "--resume", "run", "--share-growth", "1.5"], { cwd })).toMatchObject({ code: 0 });
    const { code, stderr } = await swatSim(["train", "--resume", "run", "--sharing", "authors"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(": shareGrowth is 1.5 in run/checkpoint.safetensors, got nothing\n");
  });

  it("are off by default", async () => {
    const cwd = await temporaryFolder();
    expect(await swatSim(ARGS, { cwd })).toMatchObject({ code: 0 });
    const { settings } = JSON.parse(await readFile(join(cwd, "run/training.json"), "utf8"));
    expect(settings.evaluation).toBe("last-step");
    for (const key of ["shareBy", "shareGrowth", "shareAt", "keepFilters"]) expect(settings).not.toHaveProperty(key);
  });

  it.each([
    [["--share-growth", "1"], 2, "valid: a number of more than 1."],
    [["--share-at", "epoch"], 2, "known: step, refresh."],
    [["--sharing", "steady"], 2, "known: authors, stable."],
    [["--evaluation", "last"], 2, "known: last-step, authors."],
    [["--method", "swat-u", "--share-at", "step"], 1, "error: shareAt: only swat-m shares weights, got step"],
  ])("are refused as %o", async (options, status, message) => {
    const { code, stderr } = await swatSim([...ARGS, ...options], { cwd: await temporaryFolder() });
    expect(stderr).toContain(message);
    expect(code).toBe(status);
  });
});

describe("Ctrl-C", () => {
  it("during training keeps the weights so far, whole, and says how to go on", async () => {
    const cwd = await temporaryFolder();
    const args = ["train", ...TINY, "--limit", "1000", "--epochs", "1000", "--record", "steps:0", "--out", "run"];
    const child = start(args, { cwd });
    const outcome = ended(child);
    const present = async () => (await readdir(join(cwd, "run")).catch((): string[] => [])).includes(FIRST_TRACE);
    while (child.exitCode === null && !(await present())) await sleep(50);
    child.kill("SIGINT");
    const { code, stderr } = await outcome;
    expect(stderr).toMatch(/^interrupted after \d+ steps; resume with: swat-sim train --resume run\n$/);
    expect(code).toBe(130);
    expect(await readdir(join(cwd, "run"))).toEqual([
      "checkpoint.safetensors",
      "log.jsonl",
      FIRST_TRACE,
      "training.json",
      "weights.safetensors",
    ]);
    const summary = JSON.parse(await readFile(join(cwd, "run/training.json"), "utf8"));
    expect(summary.steps).toBe(100_000);
    expect(stderr).toContain(` ${summary.stepsDone} steps`);
    expect(summary.stepsDone).toBeLessThan(summary.steps);
    expect(summary.interrupted).toBe(true);
  });
});

function sleep(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

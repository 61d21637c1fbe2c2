/** Runs that are stopped and go on, as processes: by SIGKILL in the middle of an epoch, by Ctrl-C, by a loss that is no number. */
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileSource } from "../../../src/io/file-source.ts";
import { type Checkpoint, decodeCheckpoint } from "../../../src/swat/checkpoint.ts";
import { isMacOp, type TraceManifest, type TraceTensor } from "../../../src/trace/manifest.ts";
import { ended, linesOf, type Outcome, start, swatSim } from "../program.ts";

const STEPS_PER_EPOCH = 40;
const DATA = ["--data", "generated:8x8x1", "--limit", "400", "--test-limit", "20", "--batch-size", "10"];
/** A network with dropout, varied images, moving sparsities, and periods that do not divide each other. */
const RUN = [
  ...["train", ...DATA, "--network", "wrn10-1", "--augment", "crop,flip", "--method", "swat-m", "--topk-period", "7"],
  ...["--learning-rate", "0.02"],
  ...["--epochs", "2", "--record", "steps:5,33,63,79", "--checkpoint-every", "6", "--log-csv", "--out", "run"],
];
/** By then the checkpoint is that after 30 steps, or a few more. */
const AWAITED = "step-000033.safetensors";
/** The process would have to do 46 steps between two looks at its folder for one attempt to fail. */
const ATTEMPTS = 5;

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function folder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), "swat-sim-resume-")));
  return folders.at(-1) as string;
}

let whole: string;
beforeAll(async () => {
  whole = await folder();
  expect(await swatSim([...RUN, "--threads", "1"], { cwd: whole })).toMatchObject({ code: 0, stderr: "" });
});

const checkpointIn = async (cwd: string): Promise<Checkpoint> =>
  decodeCheckpoint(await fileSource(join(cwd, "run/checkpoint.safetensors")));

/** A folder with a run that a signal has stopped in the middle of an epoch, and what the process said. */
async function stopped(
  signal: "SIGKILL" | "SIGINT" | "SIGTERM",
): Promise<{ cwd: string; outcome: Outcome; checkpoint: Checkpoint }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const cwd = await folder();
    const child = start(RUN, { cwd });
    const end = ended(child);
    const present = async () => (await readdir(join(cwd, "run")).catch((): string[] => [])).includes(AWAITED);
    while (child.exitCode === null && !(await present())) await sleep(5);
    child.kill(signal);
    const outcome = await end;
    const checkpoint = await checkpointIn(cwd);
    const { stepsDone } = checkpoint.state;
    if (stepsDone < checkpoint.run.steps && stepsDone % STEPS_PER_EPOCH !== 0) return { cwd, outcome, checkpoint };
  }
  return expect.fail(`the run ended before the signal in ${ATTEMPTS} attempts`);
}

/** All files of a run by name; of the log without what is measured. */
async function filesOf(cwd: string): Promise<Record<string, string>> {
  const names = await readdir(join(cwd, "run"));
  const entries = names.map(async (name) => {
    const bytes = await readFile(join(cwd, "run", name));
    if (!name.startsWith("log.")) return [name, bytes.toString("base64")];
    return [name, bytes.toString().replaceAll(/,"imagesPerSecond":[\d.]+|(?<=^(?:[^,\n]*,){6})[\d.]+/gm, "")];
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function expectSameFiles(cwd: string): Promise<void> {
  const [got, expected] = [await filesOf(cwd), await filesOf(whole)];
  expect(Object.keys(got)).toEqual(Object.keys(expected));
  // One by one, because the difference of two files in one message helps nobody.
  for (const [name, content] of Object.entries(expected)) expect(got[name] === content, name).toBe(true);
  expect(got["log.jsonl"]).toBe(expected["log.jsonl"]);
}

describe("train --resume", () => {
  it("after SIGKILL in the middle of an epoch ends with the files of a run that was never stopped", async () => {
    const { cwd, outcome, checkpoint } = await stopped("SIGKILL");
    expect(outcome.code).toBeNull();
    expect(checkpoint.state.stepsDone % 6).toBe(0);
    // What a process leaves that is killed while it writes.
    await appendFile(join(cwd, "run/log.jsonl"), '{"event":"step","step":77}\n{"event":"st');
    await writeFile(join(cwd, "run/checkpoint.safetensors.4711.partial"), "half");

    const { code, stdout, stderr } = await swatSim(["train", "--resume", "run", "--threads", "3", "--json"], { cwd });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const names = ["step-000005", "step-000033", "step-000063", "step-000079"].map((name) => `${name}.safetensors`);
    const others = ["weights.safetensors", "training.json", "log.jsonl", "log.csv", "checkpoint.safetensors"];
    expect(JSON.parse(stdout).files).toEqual([...names, ...others].map((name) => `run/${name}`));
    await expectSameFiles(cwd);
  });

  it("after Ctrl-C goes on with the command that was printed; a new run there is refused, other options too", async () => {
    const { cwd, outcome, checkpoint } = await stopped("SIGINT");
    const { stepsDone } = checkpoint.state;
    expect(outcome.stderr).toBe(`interrupted after ${stepsDone} steps; resume with: swat-sim train --resume run\n`);
    expect(outcome.code).toBe(130);

    const changes = ["--network", "lenet5", "--epochs", "3", "--augment", "flip", "--seed", "1", "--limit", "40"];
    const contrary = ["train", "--resume", "run", ...changes, "--record", "last", "--out", "other"];
    const [anew, changed] = await Promise.all([
      swatSim(RUN, { cwd }),
      swatSim(contrary, { cwd, env: { SWAT_SIM_KERNELS: "reference" } }),
    ]);
    expect(anew.stderr).toBe(
      `error: run/checkpoint.safetensors: is of an unfinished run, got ${stepsDone} of 80 steps; ` +
        "valid: swat-sim train --resume run, another --out, or remove the file\n",
    );
    expect(anew.code).toBe(1);

    const prefix = "error: option '--resume <path>':";
    expect(linesOf(changed.stderr)).toEqual([
      `${prefix} network is "wrn10-1" in run/checkpoint.safetensors, got "lenet5"`,
      `${prefix} limit is 400 in run/checkpoint.safetensors, got 40`,
      `${prefix} record is "steps:5,33,63,79" in run/checkpoint.safetensors, got "last"`,
      `${prefix} out is "${join(cwd, "run")}" in run/checkpoint.safetensors, got "${join(cwd, "other")}"`,
      `${prefix} SWAT_SIM_KERNELS is "${checkpoint.run.kernels}" in run/checkpoint.safetensors, got "reference"`,
      `${prefix} epochs is 2 in run/checkpoint.safetensors, got 3`,
      `${prefix} augment is ["crop","flip"] in run/checkpoint.safetensors, got ["flip"]`,
    ]);
    expect(changed.code).toBe(2);

    const [command] = /train --resume .*/.exec(outcome.stderr) as RegExpExecArray;
    expect(await swatSim(command.split(" "), { cwd })).toMatchObject({ code: 0, stderr: "" });
    await expectSameFiles(cwd);
  });

  it("after SIGTERM goes on as after Ctrl-C", async () => {
    const { cwd, outcome } = await stopped("SIGTERM");
    expect(outcome.stderr).toMatch(/^interrupted after \d+ steps; resume with: swat-sim train --resume run\n$/);
    expect(outcome.code).toBe(143);
    expect(await swatSim(["train", "--resume", "run"], { cwd })).toMatchObject({ code: 0, stderr: "" });
    await expectSameFiles(cwd);
  });

  it("has no part in the demo, which SIGTERM ends with its weights so far", async () => {
    const cwd = await folder();
    const child = start(["demo", "--out", "demo"], { cwd });
    const end = ended(child);
    const hasBegun = async () =>
      (await readdir(join(cwd, "demo/swat-u")).catch((): string[] => [])).includes("log.jsonl");
    while (child.exitCode === null && !(await hasBegun())) await sleep(5);
    child.kill("SIGTERM");
    const { code, stderr } = await end;
    expect(stderr).toMatch(/^interrupted after \d+ steps of swat-u; demo\/swat-u has the weights so far\n$/);
    expect(code).toBe(143);
    expect(await readdir(join(cwd, "demo"))).toEqual(["swat-u"]);
  });

  it("and a new run are refused while another process trains in that folder, which ends as if alone", async () => {
    const cwd = await folder();
    const child = start(RUN, { cwd });
    const end = ended(child);
    const checkpoint = join(cwd, "run/checkpoint.safetensors");
    while (child.exitCode === null && (await fileSource(checkpoint).catch(() => undefined)) === undefined)
      await sleep(5);
    child.kill("SIGSTOP");
    const inUse = new RegExp(
      `^error: run: in use by process ${child.pid} since \\S+; valid: another folder, or wait .*\n$`,
    );
    for (const args of [RUN, ["train", "--resume", "run"], ["train", "--resume", "run/checkpoint.safetensors"]]) {
      const { code, stderr } = await swatSim(args, { cwd });
      expect(stderr).toMatch(inUse);
      expect(code).toBe(1);
    }
    child.kill("SIGCONT");
    expect(await end).toMatchObject({ code: 0, stderr: "" });
    await expectSameFiles(cwd);
  });

  it("of a finished run, with the options of that run, writes the same files again", async () => {
    await rm(join(whole, "run/weights.safetensors"));
    const before = await filesOf(whole);
    expect(await swatSim([...RUN, "--resume", "run/checkpoint.safetensors"], { cwd: whole })).toMatchObject({
      code: 0,
    });
    const { "weights.safetensors": weights, ...after } = await filesOf(whole);
    expect(after).toEqual(before);
    expect(weights).not.toBe("");
  });

  it("says what is wrong with the file", async () => {
    const cwd = await folder();
    await writeFile(
      join(cwd, "cut.safetensors"),
      (await readFile(join(whole, "run/checkpoint.safetensors"))).subarray(0, -9),
    );
    const cases: [string, RegExp][] = [
      [
        ".",
        /^error: checkpoint.safetensors: no such file; valid: the folder of a run, or the checkpoint.safetensors in it\n$/,
      ],
      ["cut.safetensors", /^error: cut.safetensors: file is cut: tensors end at byte \d+, got a file of \d+ bytes\n$/],
      [
        join(whole, "run/step-000005.safetensors"),
        /is not a checkpoint: __metadata__ has no "swat-sim-checkpoint" string\n$/,
      ],
    ];
    const outcomes = await Promise.all(cases.map(([path]) => swatSim(["train", "--resume", path], { cwd })));
    for (const [i, { code, stderr }] of outcomes.entries()) {
      expect(stderr).toMatch(cases[i][1]);
      expect(code).toBe(1);
    }
  });
});

it("a loss that is no number leaves the last checkpoint, and the message says which", async () => {
  const cwd = await folder();
  const args = ["--learning-rate", "1e30", "--checkpoint-every", "1", "--out", "run"];
  const { code, stderr } = await swatSim(["train", ...DATA, ...args], { cwd });
  expect(stderr).toMatch(
    /^error: step 1: layer .*: NaN or infinity .*; lower the learning rate; the state after 1 of 120 steps is in run\/checkpoint.safetensors\n$/,
  );
  expect(code).toBe(1);
  expect((await checkpointIn(cwd)).state.stepsDone).toBe(1);
});

describe("the log", () => {
  it("begins with the steps of the run, by phase and kind", async () => {
    const [line] = linesOf(await readFile(join(whole, "run/log.jsonl"), "utf8"));
    const strata = [
      { phase: 0, kind: "refresh", steps: 12, from: 0, to: 80 },
      { phase: 0, kind: "reuse", steps: 68, from: 0, to: 80 },
    ];
    expect(JSON.parse(line)).toMatchObject({ event: "run", steps: 80, strata });
  });

  it("has one line for each epoch and recorded step, with what a trace and training.json say of them", async () => {
    const [, ...lines] = linesOf(await readFile(join(whole, "run/log.jsonl"), "utf8"));
    const entries = lines.map((line) => JSON.parse(line));
    expect(entries.map(({ event, epoch, step }) => `${event} ${epoch} ${step}`)).toEqual([
      "step 0 5",
      "step 0 33",
      "epoch 0 39",
      "step 1 63",
      "step 1 79",
      "epoch 1 79",
    ]);
    const summary = JSON.parse(await readFile(join(whole, "run/training.json"), "utf8"));
    const epochs = entries.filter(({ event }) => event === "epoch");
    expect(epochs.map(({ loss }) => loss)).toEqual(summary.epochLosses);
    expect(epochs[1].testAccuracy).toBe(summary.testAccuracy);
    for (const { imagesPerSecond, learningRate } of entries) {
      expect(imagesPerSecond).toBeGreaterThan(0);
      expect(learningRate).toBe(0.02);
    }

    const trace = "run/step-000063.safetensors";
    const { stdout } = await swatSim(["trace", "inspect", "--json", trace], { cwd: whole });
    const [{ loss, ops, tensors }] = JSON.parse(stdout) as TraceManifest[];
    const density = (layer: string, pass: string, operand: "weight" | "input") => {
      const op = ops.filter(isMacOp).find((candidate) => candidate.layer === layer && candidate.pass === pass);
      const tensor = tensors.find(({ id }) => id === op?.operands[operand]) as TraceTensor;
      return tensor.nonzeros / tensor.shape.reduce((size, extent) => size * extent, 1);
    };
    expect(entries[3].loss).toBe(loss);
    expect(entries[3].layers).toHaveLength(10);
    for (const { layer, weightDensity, savedInputDensity } of entries[3].layers) {
      expect(weightDensity).toBe(density(layer, "forward", "weight"));
      expect(savedInputDensity).toBe(density(layer, "weightGrad", "input"));
    }
  });

  it("is a table with --log-csv, with the unit in the name of each column", async () => {
    const [header, ...lines] = linesOf(await readFile(join(whole, "run/log.csv"), "utf8")).map((line) =>
      line.split(","),
    );
    expect(header.slice(0, 9)).toEqual([
      ...["event", "epoch", "step", "loss_nats", "test_accuracy_fraction", "learning_rate", "images_per_s"],
      ...["conv1_weight_density", "conv1_saved_input_density"],
    ]);
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line).toHaveLength(header.length);
  });
});

function sleep(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** The verbs of the library beyond what the tests of the commands show: what may be given, progress, and stopping. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  InputError,
  loadMachines,
  readTrace,
  recordStep,
  resumeTraining,
  simulate,
  sweep,
  synthesizeTrace,
  train,
  verifyTrace,
  writeTrace,
} from "../src/index.ts";
import { faultsOf, temporaryFolder } from "./support/folder.ts";
import { packageFolder } from "./support/package.ts";

const TRACE = resolve(import.meta.dirname, "../traces/resnet8-swat-u90.safetensors");
const machines = await loadMachines(["ideal-4096"]);
const TINY = { data: "generated:8x8x1", limit: 40, testLimit: 20, record: "last", kernels: "js" };

describe("simulate", () => {
  it("gives the same for what is named and what is opened already", async () => {
    const named = await simulate({ traces: [TRACE], machines: ["ideal-4096"] });
    const opened = { traces: [await readTrace(TRACE)], machines };
    expect(await simulate(opened)).toEqual(named);
  });

  it("rejects with an AbortError between two ops, and does no further one", async () => {
    const stop = new AbortController();
    let last = 0;
    const onProgress = (done: number, of: number) => {
      last = done;
      expect(of).toBeGreaterThan(100);
      if (done === 7) stop.abort();
    };
    const running = simulate({ traces: [TRACE], machines: ["ideal-4096"], onProgress, signal: stop.signal });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(last).toBe(7);
  });

  it("lets a timer in that aborts it, and gives the reason that the timer gives", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("long enough")), 1);
    const steps = ["early", "middle", "late"].map((step) => `../traces/resnet20/swat-u90-${step}.safetensors`);
    const traces = steps.map((path) => resolve(import.meta.dirname, path));
    const running = simulate({ traces, signal: stop.signal, threads: 1 });
    await expect(running).rejects.toThrow("long enough");
  });

  it("on threads ends them all, when it is aborted as when it is done, and samples as on one", async () => {
    const { folder, remove } = await packageFolder();
    onTestFinished(remove);
    await writeFile(
      join(folder, "abort.js"),
      `import { simulate, synthesizeTrace, writeTrace } from "swat-sim";
const draw = (name, network, images, batch) => writeTrace(name, synthesizeTrace({ network, images, batch }));
await draw("small.safetensors", "lenet5", [1, 12, 12], 64);
await draw("step.safetensors", "resnet8", [3, 8, 8], 4);
const order = { traces: ["step.safetensors"], machines: ["tensordash-4096"], threads: 3 };
const sampled = (threads) =>
  simulate({ ...order, traces: ["small.safetensors"], machines: ["scnn"], threads, sample: { share: 0.25, seed: "1" } });
const ports = () => process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
const abort = new AbortController();
let during = 0;
const onProgress = (done) => {
  during = Math.max(during, ports());
  if (done === 3) abort.abort();
};
const name = await simulate({ ...order, onProgress, signal: abort.signal }).catch((error) => error.name);
const aborted = ports();
const result = await simulate(order);
const samples = (await Promise.all([1, 2].map(sampled))).map((sample) => JSON.stringify(sample));
const isSame = samples[0] === samples[1] && samples[0].includes("ci95");
console.log(JSON.stringify({ name, during, aborted, rows: result.machines[0].rows.length, isSame, done: ports() }));
`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "abort.js")], { cwd: folder });
    const { rows, during, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ name: "AbortError", aborted: 0, isSame: true, done: 0 });
    expect(rows).toBeGreaterThan(100);
    expect(during).toBeGreaterThan(0);
  });
});

describe("train", () => {
  it("stopped by a signal and resumed ends with the loss and trace of a run that never stopped", async () => {
    const folder = await temporaryFolder();
    const settings = { epochs: 2, batchSize: 10 };
    const whole = await train({ ...TINY, out: join(folder, "whole"), settings });
    const stop = new AbortController();
    const hooks = {
      signal: stop.signal,
      onProgress: ({ step }: { step: number }) => void (step === 3 && stop.abort()),
    };
    const half = await train({ ...TINY, out: join(folder, "half"), settings }, hooks);
    expect(half).toMatchObject({ interrupted: true, steps: 3, traces: [] });
    const rest = await resumeTraining(join(folder, "half"));
    expect(rest).toMatchObject({ interrupted: false, steps: 8, loss: whole.loss, testAccuracy: whole.testAccuracy });
    expect((await readTrace(rest.traces[0])).sha256).toBe((await readTrace(whole.traces[0])).sha256);
  });

  it("refuses settings that do not exist or cannot be, all at once", async () => {
    const out = await temporaryFolder();
    const settings = { epochs: 0, sparsity: 1, sparsty: 0.9 };
    // A key too many is seen by the compiler where it is written in place.
    const faults = await faultsOf(() => train({ ...TINY, out, settings }));
    expect(faults.sort()).toEqual([
      "settings: epochs: must be >= 1, got 0",
      "settings: sparsity: must be < 1, got 1",
      expect.stringMatching(/^settings: unknown key, got "sparsty"; did you mean "sparsity"\?/),
    ]);
  });
});

describe("traces", () => {
  it("that are made up are simulated without a file as with one", async () => {
    const path = join(await temporaryFolder(), "step.safetensors");
    const step = synthesizeTrace({ network: "lenet5", images: [1, 12, 12], batch: 1 });
    await writeTrace(path, step);
    const results = [step, path].map((trace) => simulate({ traces: [trace], machines: ["ideal-4096"] }));
    const [made, read] = await Promise.all(results);
    expect(made.traces).toEqual([{ ...read.traces[0], name: "lenet5 swat-u 0.9" }]);
    expect(made.machines).toEqual(read.machines);
  });

  it("of a recorded and of a made-up step are written, read and whole", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "synthetic.safetensors");
    await writeTrace(path, synthesizeTrace({ network: "resnet8", images: [1, 8, 8], batch: 2 }));
    const { trace } = await readTrace(path);
    expect(await verifyTrace(trace)).toEqual([]);

    const bytes = await recordStep({ network: "resnet8", data: "generated:8x8x1", batch: 2, kernels: "js" });
    const recorded = join(folder, "recorded.safetensors");
    await writeFile(recorded, bytes);
    const { trace: real } = await readTrace(recorded);
    const opsOf = ({ manifest }: typeof real) => manifest.ops.map(({ layer, kind, pass }) => [layer, kind, pass]);
    expect(opsOf(trace)).toEqual(opsOf(real));
  });

  it("recording stops with an AbortError", async () => {
    const stop = new AbortController();
    const order = { network: "resnet8", data: "generated:8x8x1", batch: 2, warmSteps: 5, kernels: "js" };
    const running = recordStep(order, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("an order", () => {
  /** As from JavaScript, where no compiler looks. */
  const refusal = (verb: (order: never) => unknown, order: unknown) => faultsOf(async () => verb(order as never));
  const share = (value: number) => ({ traces: [TRACE], sample: { share: value, seed: "1" } });

  it.each<[string, (order: never) => unknown, unknown, (string | RegExp)[]]>([
    ["no order", simulate, undefined, ["simulate: must be object, got nothing"]],
    ["no traces", simulate, { traces: [] }, ["simulate: traces: must have at least 1 item, got []"]],
    [
      "several faults at once",
      simulate,
      { traces: [1], machines: [], hw: ["ideal"], threads: 0, onProgress: 1, signal: {} },
      [
        "simulate: onProgress: must be a function, got number",
        "simulate: signal: must be an AbortSignal, got object",
        /^simulate: unknown key, got "hw"; did you mean/,
        "simulate: traces.0: must be string, got 1",
        "simulate: machines: must have at least 1 item, got []",
        "simulate: threads: must be >= 1, got 0",
      ],
    ],
    [
      "a machine in place of a trace",
      simulate,
      { traces: machines },
      [/^simulate: traces\.0: must be string, got \{"name":"ideal-4096"/],
    ],
    ["a share of 0", simulate, share(0), ["simulate: sample.share: must be > 0, got 0"]],
    ["a share of 2", simulate, share(2), ["simulate: sample.share: must be <= 1, got 2"]],
    ["a share that is no number", simulate, share(Number.NaN), [/^simulate: sample\.share: must be number/]],
    [
      "machines that nobody knows",
      simulate,
      { traces: [TRACE], machines: ["tensordsh"] },
      [/^machines: unknown machine, got "tensordsh"; did you mean "tensordash"\?/],
    ],
    [
      "an unknown baseline",
      simulate,
      { traces: [TRACE], machines: ["ideal-4096"], baseline: "dadianao" },
      [/^baseline: unknown machine/],
    ],
    [
      "settings of a synthetic step",
      synthesizeTrace,
      { network: "resnet8", batch: 1.5, method: "swat-x", sparsty: 0.9, settings: { correlation: 3, spread: 1 } },
      [
        /^synthesizeTrace: unknown key, got "sparsty"; did you mean "sparsity"\?/,
        /^synthesizeTrace: method: unknown value, got "swat-x"/,
        "synthesizeTrace: batch: must be integer, got 1.5",
        /^synthesizeTrace: settings: unknown key, got "spread"/,
        "synthesizeTrace: settings.correlation: must be < 1, got 3",
      ],
    ],
    ["an unknown network", synthesizeTrace, { network: "nope" }, [/^unknown network, got "nope"/]],
    ["images that are too small", synthesizeTrace, { network: "vgg16", images: [3, 8, 8] }, [/images are too small/]],
    [
      "a step of a method that is none",
      recordStep,
      { network: "resnet8", data: "generated", method: "swat", batch: 0 },
      [/^recordStep: method: unknown method, got "swat"/, "recordStep: batch: must be >= 1, got 0"],
    ],
    [
      "training nowhere",
      train,
      { settings: { epochs: 0 } },
      ['train: missing key "out"', "settings: epochs: must be >= 1, got 0"],
    ],
    ["a sweep of nothing", sweep, {}, ['sweep: missing key "spec"', 'sweep: missing key "out"']],
    [
      "a fourth of three parts",
      sweep,
      { spec: {}, out: "out", shard: { part: 4, of: 3 } },
      [/shard\.part: must be <= 3/],
    ],
    ["a sweep that is no object", sweep, { spec: 1, out: "out" }, ["spec: must be object, got 1"]],
    ["a file that is not there", readTrace, "nofile", ["nofile: no such file"]],
  ])("with %s is refused, and all that is wrong told", async (_, verb, order, expected) => {
    const faults = await refusal(verb, order);
    const matching = expected.map((fault) => (typeof fault === "string" ? fault : expect.stringMatching(fault)));
    for (const fault of matching) expect(faults).toContainEqual(fault);
    expect(faults).toHaveLength(expected.length);
    await expect((async () => verb(order as never))()).rejects.toBeInstanceOf(InputError);
  });
});

/** Wrong orders, which the compiler refuses: `npm run check` fails where one is not. */
const refused = [
  // @ts-expect-error: no traces
  () => simulate({ machines: ["ideal-4096"] }),
  // @ts-expect-error: a number is no machine
  () => simulate({ traces: [TRACE], machines: [1] }),
  // @ts-expect-error: no such option
  () => simulate({ traces: [TRACE], thread: 2 }),
  // @ts-expect-error: nowhere to leave the files
  () => train({ network: "resnet8" }),
  // @ts-expect-error: a number is no method
  () => train({ out: "out", settings: { method: 1 } }),
];
void refused;

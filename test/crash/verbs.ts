/** The commands that write files, on data so small that each takes about a second, and what may lie half done in their folders. */
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { npyFile } from "../support/npy-file.ts";

/** A command that is disturbed. */
export interface Verb {
  /** Of `INPUTS`, or of the files within one, those that it needs, and where. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** What a user enters after it was disturbed, where that is something else. */
  readonly again?: (folder: string) => Promise<readonly string[]>;
  /** Whether it has something to save when it is asked to end. */
  readonly saves?: boolean;
}

const DATA = ["--data", "generated:8x8x1", "--network", "wrn10-1", "--threads", "1"];
const RUN = [
  ...["train", ...DATA, "--limit", "40", "--test-limit", "10", "--batch-size", "10", "--epochs", "3", "--out", "run"],
  ...["--checkpoint-every", "2", "--log-csv", "--record", "every:3"],
];
const STUDY = [
  ...["sensitivity", ...DATA, "--limit", "20", "--test-limit", "5", "--batch-size", "10", "--epochs", "1"],
  ...["--drop", "weights:forward", "--sparsity", "0,0.5", "--hw", "ideal-4096", "--out", "study"],
];
const SIMULATED = ["--hw", "ideal-4096", "tensordash-4096", "--threads", "1"];
const PAPER = ["paper", "--network", "lenet5", "--batch", "1", "--position", "early", "--hw", "ideal-4096"];
const TRACE = { "trace.safetensors": "trace.safetensors" };

/** A checkpoint is resumed; without one the run begins again. */
async function resumed(folder: string): Promise<readonly string[]> {
  const isBegun = await access(join(folder, "run/checkpoint.safetensors")).then(
    () => true,
    () => false,
  );
  return isBegun ? ["train", "--resume", "run"] : RUN;
}

/** By name, as `--verb` takes it. */
export const VERBS: Readonly<Record<string, Verb>> = {
  train: { inputs: {}, args: RUN, again: resumed, saves: true },
  resume: { inputs: { stopped: "run" }, args: ["train", "--resume", "run"], saves: true },
  record: { inputs: {}, args: ["record", ...DATA, "--batch", "4", "-o", "new/step.safetensors"] },
  sweep: {
    inputs: { ...TRACE, "sweep.json": "sweep.json" },
    args: ["sweep", "sweep.json", "--out", "sweep", "--threads", "2"],
    saves: true,
  },
  "sweep-merge": { inputs: { sweep: "sweep" }, args: ["sweep", "merge", "sweep", "-o", "merged.jsonl"] },
  sensitivity: { inputs: {}, args: STUDY, saves: true },
  paper: {
    inputs: {},
    args: [...PAPER, "--csv", "paper.csv", "--markdown", "paper.md", "--out", "paper.json"],
    saves: true,
  },
  demo: { inputs: {}, args: ["demo", "--out", "demo"] },
  simulate: {
    inputs: TRACE,
    args: ["simulate", "trace.safetensors", ...SIMULATED, "--out", "new/result.json", "--csv", "new/result.csv"],
  },
  "import-npy": {
    inputs: { arrays: "arrays" },
    args: ["trace", "import", "npy", "arrays", "--stride", "1", "--padding", "0", "-o", "step.safetensors"],
  },
  "import-scalesim": {
    inputs: { "topology.csv": "topology.csv" },
    args: ["trace", "import", "scalesim", "topology.csv", "-o", "step.safetensors"],
  },
  synth: { inputs: {}, args: ["trace", "synth", "--network", "lenet5", "--batch", "2", "-o", "step.safetensors"] },
  "check-record": {
    inputs: TRACE,
    args: ["check", "record", "trace.safetensors", ...SIMULATED, "-o", "counts.json"],
  },
  "check-run": {
    inputs: { ...TRACE, "counts.json": "counts.json" },
    args: ["check", "run", "counts.json", "--junit", "new/counts.xml", "--threads", "1"],
  },
  report: {
    inputs: { "result.json": "result.json", "sweep/sweep.jsonl": "sweep.jsonl" },
    args: [
      ...["report", "result.json", "--sweep", "sweep.jsonl"],
      ...["--html", "new/page.html", "--svg", "new/charts", "--csv", "new/points.csv"],
    ],
  },
};

/** The program as the harness runs it: to its end, or stopped by SIGTERM at that operation. */
export type Run = (args: readonly string[], folder: string, stopAt?: number) => Promise<void>;

const SPEC = {
  machines: ["ideal-4096"],
  traces: ["trace.safetensors"],
  grid: { clock: ["1 GHz", "2 GHz"], "memory.dram.channels": [1, 2, 4] },
};
/** In the middle of `RUN`. */
const STOPPED_AT = 60;

/** How each input comes into a folder that has those that it `needs`. */
export const INPUTS: Readonly<
  Record<string, { readonly needs?: readonly string[]; readonly make: (folder: string, run: Run) => Promise<void> }>
> = {
  stopped: {
    async make(folder, run) {
      await run(RUN, folder, STOPPED_AT);
      await rename(join(folder, "run"), join(folder, "stopped"));
    },
  },
  arrays: {
    async make(folder) {
      await mkdir(join(folder, "arrays"));
      await writeFile(join(folder, "arrays/conv.weight.npy"), npyFile([1, 0, 0, 2, 3, 0, 1, 1], [2, 1, 2, 2]));
      await writeFile(join(folder, "arrays/conv.input.npy"), npyFile([1, 0, 2, 0, 0, 1, 1, 1, 0], [1, 1, 3, 3]));
    },
  },
  "topology.csv": {
    make: (folder) => writeFile(join(folder, "topology.csv"), "Layer,M,N,K,Sparsity,\nfc,1,64,64,2:4,\n"),
  },
  "trace.safetensors": {
    needs: ["topology.csv"],
    make: (folder, run) => run(["trace", "import", "scalesim", "topology.csv", "-o", "trace.safetensors"], folder),
  },
  "sweep.json": { make: (folder) => writeFile(join(folder, "sweep.json"), JSON.stringify(SPEC)) },
  sweep: { needs: ["trace.safetensors", "sweep.json"], make: (folder, run) => run(VERBS.sweep.args, folder) },
  "result.json": {
    needs: ["trace.safetensors"],
    make: (folder, run) => run(["simulate", "trace.safetensors", ...SIMULATED, "--out", "result.json"], folder),
  },
  "counts.json": { needs: ["trace.safetensors"], make: (folder, run) => run(VERBS["check-record"].args, folder) },
};

/** PyTorch in a process of its own that lives through the whole run and trains a step of a network at every request. */
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Milliseconds of a part of a step. */
export interface Times {
  readonly wall: number;
  readonly cpu: number;
}

/** A step: forward, loss and backward, then the update of the parameters. */
export interface StepTimes {
  readonly gradients: Times;
  readonly update: Times;
}

/** The network to train a step of, and how. */
interface StepRequest {
  readonly blocks: readonly number[];
  readonly widths: readonly number[];
  readonly batch: number;
  readonly channelsLast: boolean;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/** The process. */
export interface Pytorch {
  readonly version: string;
  step(request: StepRequest): Promise<StepTimes & { readonly parameters: number }>;
  end(): void;
}

/** Interpreters to look for PyTorch in; Debian installs packages for its own, which another may hide. */
const INTERPRETERS = ["python3", "/usr/bin/python3"];
const ONE_THREAD = { OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };

/** Starts it with the first interpreter that has the module `torch`; null where none has. */
export async function startPytorch(): Promise<Pytorch | null> {
  const python = INTERPRETERS.find((command) => spawnSync(command, ["-c", "import torch"]).status === 0);
  if (python === undefined) return null;
  const script = fileURLToPath(new URL("./pytorch_step.py", import.meta.url));
  const child = spawn(python, [script], {
    env: { ...process.env, ...ONE_THREAD },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { done, value } = await lines.next();
    if (done) throw new Error("pytorch_step.py: ended without an answer");
    return JSON.parse(value);
  };
  const { torch } = await answer();
  return {
    version: torch,
    step(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      return answer();
    },
    end: () => child.stdin.end(),
  };
}

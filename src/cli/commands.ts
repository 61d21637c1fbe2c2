/**
 * The commands. What the list of them says stands here and what each takes in its own file, so that a process loads only the
 * command that it runs: loading all of them takes eight times as long as `--version`.
 */
import type { Command } from "commander";

interface Entry {
  /** What follows its name, as commander writes it. */
  readonly usage: string;
  readonly description: string;
  /** Gives what adds its options, its action and the commands below it. */
  readonly load: () => Promise<(command: Command) => void>;
}

/** By name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  demo: {
    usage: "[options]",
    description: "Train resnet8 with SWAT on generated images, record a step, and compare machines.",
    load: async () => (await import("./demo.ts")).addDemoCommand,
  },
  train: {
    usage: "[options]",
    description: "Train a network, densely or with SWAT, and record steps as traces.",
    load: async () => (await import("./train/train.ts")).addTrainCommand,
  },
  record: {
    usage: "[options]",
    description: "Train a few steps from the initial weights and record the next one as a trace.",
    load: async () => (await import("./train/record.ts")).addRecordCommand,
  },
  trace: {
    usage: "[options] [command]",
    description: "Inspect, verify, measure, synthesize and import traces.",
    load: async () => (await import("./trace/trace.ts")).addTraceCommand,
  },
  simulate: {
    usage: "[options] <trace...>",
    description: "Replay traces on accelerators and compare with a dense baseline.",
    load: async () => (await import("./simulate.ts")).addSimulateCommand,
  },
  report: {
    usage: "[options] [result...]",
    description: "Write one self-contained HTML page of results: charts, tables and their provenance.",
    load: async () => (await import("./report.ts")).addReportCommand,
  },
  explain: {
    usage: "[options] <trace>",
    description: "Break down the cycles of a layer by cause, from effectual MACs to the cycles spent.",
    load: async () => (await import("./explain.ts")).addExplainCommand,
  },
  check: {
    usage: "[options] [command]",
    description: "Regression-test cycle counts.",
    load: async () => (await import("./check.ts")).addCheckCommand,
  },
  flops: {
    usage: "[options]",
    description: "Count the multiply-accumulates of training and inference, dense and sparse, layer by layer.",
    load: async () => (await import("./flops.ts")).addFlopsCommand,
  },
  footprint: {
    usage: "[options]",
    description: "Compute the memory of a training step, dense and with SWAT: by kind, by layer, and its peak.",
    load: async () => (await import("./footprint.ts")).addFootprintCommand,
  },
  sensitivity: {
    usage: "[options]",
    description: "Compare which operands can be dropped in which pass: accuracy over sparsity and over speed-up.",
    load: async () => (await import("./sensitivity.ts")).addSensitivityCommand,
  },
  sweep: {
    usage: "[options] [command] <spec>",
    description:
      "Simulate every point of a design space: machines and traces, or methods and sparsities, as a grid or list with constraints.",
    load: async () => (await import("./sweep.ts")).addSweepCommand,
  },
  "time-to-accuracy": {
    usage: "[options] <spec>",
    description: "Train and sample whole runs: their speed-up, and the simulated time and energy to an accuracy.",
    load: async () => (await import("./time-to-accuracy.ts")).addTimeToAccuracyCommand,
  },
  paper: {
    usage: "[options]",
    description:
      "Compare machines with the paper's published figures: speed-ups at 0, 80 and 90 % sparsity, FLOPs and memory.",
    load: async () => (await import("./paper.ts")).addPaperCommand,
  },
  dram: {
    usage: "[options]",
    description: "Model the bandwidth a request pattern achieves on a DRAM part, with losses by cause.",
    load: async () => (await import("./dram.ts")).addDramCommand,
  },
};

/** Adds all commands to the list, and completes those that are to be run or to tell about themselves. */
export async function addCommands(program: Command, completes: (name: string) => boolean): Promise<void> {
  for (const [name, { usage, description, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(description);
    if (completes(name)) (await load())(command);
    else command.usage(usage);
  }
}

/** `swat-sim paper`: speed-ups, FLOPs and memory beside the figures of Raihan & Aamodt 2020. */

import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { writeFileAtomically, writeJsonFile } from "../io/atomic-file.ts";
import { InputError } from "../io/faults.ts";
import { isMissing } from "../io/read-file.ts";
import { networkNamed } from "../networks/index.ts";
import { withRegion } from "../report/marked-region.ts";
import { paperCsv, paperMarkdown, paperText } from "../report/paper/paper.ts";
import { FIXED_METHODS, type FixedMethod } from "../sparsity/methods.ts";
import { comparePaper, PAPER_POSITIONS, paperMachines } from "../studies/paper.ts";
import type { Position } from "../synthetic/positions.ts";
import {
  ALLOW_UNEQUAL,
  BASELINE,
  type BaselineOptions,
  integer,
  MACHINE,
  networkName,
  oneOf,
  position,
} from "./options/options.ts";
import { listenForInterruption } from "./terminal/interruption.ts";
import { progressBar } from "./terminal/progress.ts";

const METHODS = FIXED_METHODS.filter((method): method is Exclude<FixedMethod, "dense"> => method !== "dense");

const BATCH = 32;

interface PaperOptions extends BaselineOptions {
  network: string;
  method: (typeof METHODS)[number];
  batch: number;
  seed: number;
  position: readonly Position[];
  hw?: string[];
  machine?: string[];
  all?: true;
  threads?: number;
  json?: true;
  csv?: string;
  markdown?: string;
  out?: string;
}

/** Adds its options and its action. */
export function addPaperCommand(command: Command): void {
  command
    .option(
      "--network <name>",
      "a network; the paper gives speed-ups for resnet50-imagenet",
      networkName,
      "resnet50-imagenet",
    )
    .option("--method <name>", METHODS.join(", "), oneOf(METHODS), "swat-u")
    .option("--batch <n>", "images of a step", integer(1), BATCH)
    .option("--seed <n>", "seed of the masks", integer(0), 1)
    .option(
      "--position <where...>",
      "positions in training of the synthetic masks: early, middle, late, or a number of images that the network was trained on",
      positions,
      PAPER_POSITIONS,
    )
    .option(
      "--hw <config...>",
      "machines, as for simulate (default: equal-peak without scnn-4096, which is slow to simulate)",
    )
    .option(...MACHINE)
    .option(...BASELINE)
    .option(...ALLOW_UNEQUAL)
    .addOption(new Option("--all", "all shipped machines").conflicts("hw"))
    .option("--threads <count>", "worker threads; does not affect results (default: automatic)", integer(1))
    .option("--json", "print the comparison as JSON")
    .option("--csv <file>", "write one line for each number, by the names of the columns")
    .option("--markdown <file>", "write the tables; into an existing page, between its two marks")
    .option("-o, --out <file>", "write the comparison as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim paper --network resnet50-imagenet --csv paper.csv --markdown docs/paper.md

Steps are drawn as by trace synth, early and late in training. Published figures are shown beside the results; they are not
reproduced. docs/paper.md has the tables and discusses the differences.`,
    )
    .action(runPaper);
}

async function runPaper(options: PaperOptions): Promise<void> {
  const { csv, out } = options;
  const definition = networkNamed(options.network);
  const network = definition.build(definition.image, definition.classes);
  const hw = options.all ? ["all"] : (options.hw ?? (await paperMachines()));
  const page = options.markdown === undefined ? undefined : await pageAt(options.markdown);
  const bar = progressBar("comparing");
  const { position: positions, machine: modules = [], ...given } = options;
  const plan = { ...given, network, positions, hw, modules };
  const interruption = listenForInterruption();
  const { signal } = interruption;
  const comparison = await comparePaper(plan, { onProgress: bar.update, signal })
    .catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return undefined;
    })
    .finally(() => {
      bar.stop();
      interruption.end();
    });
  if (comparison === undefined) {
    console.error("interrupted; nothing is written");
    interruption.exit();
    return;
  }
  if (out !== undefined) await writeJsonFile(out, comparison);
  if (csv !== undefined) await writeFileAtomically(csv, paperCsv(comparison));
  if (page !== undefined)
    await writeFileAtomically(page.path, page.with(paperMarkdown(comparison, commandOf(options))));
  console.log(options.json ? JSON.stringify(comparison) : paperText(comparison));
}

/** Parser of an option that takes several positions: values replace the default and follow each other, each once. */
function positions(text: string, previous: readonly Position[]): readonly Position[] {
  const earlier = previous === PAPER_POSITIONS ? [] : previous;
  const next = position(text);
  return earlier.includes(next) ? earlier : [...earlier, next];
}

/** The page to write into. @throws Error where it exists without its marks, before anything is simulated. */
async function pageAt(path: string): Promise<{ readonly path: string; with(tables: string): string }> {
  const page = await readFile(path, "utf8").catch((cause: Error) => {
    if (isMissing(cause)) return undefined;
    throw new InputError([`${path}: cannot be read: ${cause.message}`], { cause });
  });
  withRegion(page, "", path);
  return { path, with: (tables) => withRegion(page, tables, path) };
}

/** The command that gives the same tables. */
function commandOf({ network, method, batch, seed, position, hw, machine, all, ...options }: PaperOptions): string {
  const { baseline, allowUnequal } = options;
  const modules = machine === undefined ? "" : ` --machine ${machine.join(" ")}`;
  const machines = (all ? " --all" : hw === undefined ? "" : ` --hw ${hw.join(" ")}`) + modules;
  const step = `--network ${network} --method ${method} --batch ${batch} --seed ${seed} --position ${position.join(" ")}`;
  const over = (baseline === undefined ? "" : ` --baseline ${baseline}`) + (allowUnequal ? " --allow-unequal" : "");
  return `swat-sim paper ${step}${machines}${over}`;
}

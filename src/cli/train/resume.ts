/**
 * `train --resume`: everything comes from the checkpoint. Options that decide the result may be repeated but not changed; the
 * folder of a data set may be another, because data sets move.
 */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { SavedRun } from "../../runs/checkpoint-file.ts";
import type { TrainingJob } from "../../runs/training-job.ts";
import type { TrainSettings } from "../../swat/settings.ts";
import { kernelBuild } from "../options/options.ts";
import { type TrainOptions, trainSettings } from "./settings.ts";

const UNQUOTED = /^[\w./:@%+=,-]+$/;

/** The job to resume. Ends in a usage error that names all options that contradict the checkpoint, with both values. */
export async function resumedJob(
  { path, job }: SavedRun,
  options: TrainOptions,
  command: Command,
): Promise<TrainingJob> {
  const given = <Key extends keyof TrainOptions>(key: Key): TrainOptions[Key] | undefined =>
    command.getOptionValueSource(key) === "cli" ? options[key] : undefined;
  const network = given("network") ?? job.network;
  const settings = await trainSettings({ ...options, network }, command, job.settings);
  const data = given("data") ?? job.data;
  const testLimit = given("testLimit") ?? job.testLimit;
  const pairs: [string, unknown, unknown][] = [
    ["network", job.network, network],
    ["data", dataSet(job.data), dataSet(data)],
    ["limit", job.limit, given("limit") ?? job.limit],
    ["test-limit", job.testLimit, testLimit],
    ["evaluate-every", job.evaluateEvery, given("evaluateEvery") ?? job.evaluateEvery],
    ["record", job.record, given("record") ?? job.record],
    ["out", resolve(job.out), resolve(given("out") ?? job.out)],
    ["SWAT_SIM_KERNELS", job.kernels, kernelBuild() ?? job.kernels],
    ...[...new Set([...Object.keys(job.settings), ...Object.keys(settings)])].map((key): [string, unknown, unknown] => [
      key,
      job.settings[key as keyof TrainSettings],
      settings[key as keyof TrainSettings],
    ]),
  ];
  const faults = pairs
    .map(([name, before, now]) => [name, JSON.stringify(before) ?? "nothing", JSON.stringify(now) ?? "nothing"])
    .filter(([, before, now]) => before !== now)
    .map(([name, before, now]) => `error: option '--resume <path>': ${name} is ${before} in ${path}, got ${now}`);
  if (faults.length > 0) command.error(faults.join("\n"));
  return {
    ...job,
    data,
    threads: options.threads,
    checkpointEvery: options.checkpointEvery ?? job.checkpointEvery,
    logCsv: options.logCsv ?? job.logCsv,
  };
}

/** The command that resumes the run in `out`. */
export function resumeCommand(out: string): string {
  return `swat-sim train --resume ${UNQUOTED.test(out) ? out : `'${out.replaceAll("'", "'\\''")}'`}`;
}

/** What of a data specification must stay: the kind of data, and of generated images their shape. */
function dataSet(spec: string): string {
  return spec.startsWith("generated") ? spec : spec.split(":")[0];
}

/** Opens what a user names: hardware configs by name or path, and traces by path. */
import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { InputError, unknownName } from "../io/faults.ts";
import { fileSource, readJsonFile, sha256OfFile } from "../io/file-source.ts";
import { listDirectory } from "../io/read-file.ts";
import type { Accelerator } from "../sim/accelerator.ts";
import { accelerators } from "../sim/accelerators/index.ts";
import { type Machine, resolveMachine } from "../sim/machine.ts";
import type { SimulationInput } from "../sim/simulate.ts";
import type { IdentifiedTrace } from "../trace/trace.ts";
import { openTrace } from "../trace/trace.ts";

const CONFIGS = new URL("../../hw-configs/", import.meta.url);
const SUFFIX = ".json";

/** Names of the machines that ship with the program, sorted. */
export async function shippedMachines(): Promise<string[]> {
  const files = await listDirectory(fileURLToPath(CONFIGS));
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => basename(file, SUFFIX))
    .sort();
}

/** Accelerators by id. */
export type Accelerators = Readonly<Record<string, Accelerator>>;

/**
 * The shipped accelerators, and those that the modules at `paths` export as their default.
 * @throws InputError with the faults of all modules.
 */
export async function loadAccelerators(paths: readonly string[]): Promise<Accelerators> {
  const own = await collect(paths, async (path) => {
    const module = (await import(pathToFileURL(resolve(path)).href).catch((cause: Error) => {
      throw new Error(`${path}: cannot be loaded: ${cause.message}`, { cause });
    })) as { default?: unknown };
    return checkAccelerator(module.default, path);
  });
  return { ...accelerators, ...Object.fromEntries(own.map((accelerator) => [accelerator.id, accelerator])) };
}

const MEMBERS: Readonly<Record<string, string>> = {
  id: "string",
  modelVersion: "number",
  params: "object",
  mappings: "object",
  multipliers: "function",
  withoutSkipping: "function",
  validation: "function",
  run: "function",
};

function checkAccelerator(value: unknown, where: string): Accelerator {
  const members = (value ?? {}) as Record<string, unknown>;
  const faults = Object.entries(MEMBERS)
    .filter(([name, type]) => typeof members[name] !== type)
    .map(([name, type]) => `${where}: default export: ${name} must be a ${type}, got ${typeof members[name]}`);
  if (faults.length > 0) throw new InputError(faults);
  return value as Accelerator;
}

/** Machines from names of shipped configs, paths of JSON files, or `all`. @throws InputError with the faults of all of them. */
export async function loadMachines(names: readonly string[], known: Accelerators = accelerators): Promise<Machine[]> {
  const shipped = await shippedMachines();
  return collect(
    names.flatMap((name) => (name === "all" ? shipped : [name])),
    async (name) => {
      const path = configPath(name, shipped);
      const machine = resolveMachine(await readJsonFile(path), name, known);
      if (machine.name !== basename(path, SUFFIX)) {
        throw new Error(
          `${name}: name must equal the file name, got "${machine.name}"; valid: "${basename(path, SUFFIX)}"`,
        );
      }
      return machine;
    },
  );
}

/** What a simulation is about, by name and path. */
export interface SimulationFiles {
  readonly traces: readonly string[];
  readonly baselineTraces?: readonly string[];
  readonly hw: readonly string[];
  /** Modules of accelerators of one's own. */
  readonly modules?: readonly string[];
  readonly baseline?: string;
}

/** Opens all that a simulation needs. @throws InputError with the faults of the first kind of file that has any. */
export async function openSimulation(files: SimulationFiles): Promise<SimulationInput> {
  const { baselineTraces = [], modules = [], baseline } = files;
  const known = await loadAccelerators(modules);
  const machines = await loadMachines(files.hw, known);
  const dense = baseline === undefined ? {} : { baseline: (await loadMachines([baseline], known))[0] };
  const traces = await openTraces(files.traces);
  return { traces, machines, baselineTraces: await openTraces(baselineTraces), ...dense };
}

/** Opens and hashes traces. @throws InputError with the faults of all of them. */
export async function openTraces(paths: readonly string[]): Promise<IdentifiedTrace[]> {
  return collect(paths, async (path) => ({
    trace: await openTrace(await fileSource(path)),
    name: basename(path),
    sha256: await sha256OfFile(path),
  }));
}

function configPath(name: string, shipped: readonly string[]): string {
  if (name.endsWith(SUFFIX) || name.includes("/")) return name;
  if (!shipped.includes(name))
    throw new Error(`--hw: ${unknownName("machine", name, ["all", ...shipped])}, or a path ending in .json`);
  return fileURLToPath(new URL(`${name}${SUFFIX}`, CONFIGS));
}

/** Maps every item and reports the faults of all, not only of the first. */
async function collect<T, U>(items: readonly T[], map: (item: T) => Promise<U>): Promise<U[]> {
  const settled = await Promise.allSettled(items.map(map));
  const faults = settled.flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    const { reason } = outcome as { reason: Error };
    return reason instanceof InputError ? reason.faults : [reason.message];
  });
  if (faults.length > 0) {
    const [cause] = settled.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    throw new InputError(faults, { cause });
  }
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<U>).value);
}

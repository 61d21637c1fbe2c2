/** Opens what a user names, and writes traces: hardware configs by name or path, and traces by path. */
import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { checkIsSchema, faultsOf, InputError, reasonOf, refusing, unknownName } from "../io/faults.ts";
import { fileSource, readJsonFile, sha256OfFile } from "../io/file-source.ts";
import { listDirectory } from "../io/read-file.ts";
import { arrayOf, checkArgument, type Expected, objectWith } from "../io/verb.ts";
import { MACHINE } from "../sim/arguments.ts";
import { accelerators } from "../sim/arrays/index.ts";
import { type EnergyTable, resolveEnergyTable } from "../sim/energy/table.ts";
import type { Accelerator } from "../sim/hardware/accelerator.ts";
import { type Machine, resolveMachine } from "../sim/hardware/machine.ts";
import { differencesFrom } from "../sim/result/comparability.ts";
import type { Sample } from "../sim/sampling/sampled.ts";
import type { SimulationInput } from "../sim/simulate.ts";
import type { SyntheticTrace } from "../synthetic/trace.ts";
import { encodeTrace, type IdentifiedTrace, identifyTrace, openTrace, traceParts } from "../trace/trace.ts";

const CONFIGS = new URL("../../hw-configs/", import.meta.url);
const ENERGY = new URL("energy/", CONFIGS);
const SUFFIX = ".json";
/** The family that most of the literature uses. */
const DEFAULT_ENERGY = "45nm";

const PATH: Expected = { what: "a path", is: (value) => typeof value === "string" && !value.includes("\0") };
const NAME_OR_MACHINE: Expected = { what: "", is: (value) => PATH.is(value) || MACHINE.is(value) };
const SYNTHETIC = objectWith("a trace with its manifest and masks, as synthesizeTrace gives", "manifest", "masks");

/** Names of the machines that ship with the program, sorted. */
export function shippedMachines(): Promise<string[]> {
  return namesIn(CONFIGS);
}

/** The dense machine that all others of its peak are compared with where nothing else is asked for. */
const COMMON_BASELINE = "dadiannao-4096";

/** Words that stand for several shipped machines: those that differ from the common baseline in skipping only, the others, or all. */
const MACHINE_SETS = ["equal-peak", "published", "all"] as const;

/** The common baseline. */
export function loadCommonBaseline(): Promise<Machine> {
  return loadMachine(COMMON_BASELINE, "baseline");
}

/** What a simulation compares machines with: the dense machine that is asked for, else the common baseline. @throws InputError */
export async function loadBaseline(
  asked: string | Machine | undefined,
  known: Accelerators = accelerators,
): Promise<Pick<SimulationInput, "baseline" | "commonBaseline">> {
  if (asked === undefined) return { commonBaseline: await loadCommonBaseline() };
  return { baseline: await loadMachine(asked, "baseline", known) };
}

/** Names of the energy tables that ship with the program, sorted. */
export function shippedEnergyTables(): Promise<string[]> {
  return namesIn(ENERGY);
}

async function namesIn(folder: URL): Promise<string[]> {
  const files = await listDirectory(fileURLToPath(folder));
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
  checkArgument("accelerators", paths, arrayOf("a list of paths", PATH));
  const own = await collect(paths, async (path) => {
    const module = (await import(pathToFileURL(resolve(path)).href).catch((cause: unknown) => {
      throw new InputError([`${path}: cannot be loaded: ${reasonOf(cause)}`], { cause });
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
  skippingHardware: "function",
  validation: "function",
  run: "function",
};

function checkAccelerator(value: unknown, where: string): Accelerator {
  const members = (value ?? {}) as Record<string, unknown>;
  const faults = Object.entries(MEMBERS)
    .filter(([name, type]) => typeof members[name] !== type)
    .map(([name, type]) => `${where}: default export: ${name} must be a ${type}, got ${typeof members[name]}`);
  if (faults.length > 0) throw new InputError(faults);
  checkIsSchema(members.params as object, `${where}: default export: params`);
  return value as Accelerator;
}

/**
 * Machines from names of shipped configs, words for several of them (`MACHINE_SETS`), or paths of JSON files; those that are
 * loaded stay as they are.
 * @param known accelerators that configs may name.
 * @throws InputError with the faults of all of them.
 */
export async function loadMachines(
  names: readonly (string | Machine)[],
  known: Accelerators = accelerators,
): Promise<Machine[]> {
  checkArgument("machines", names, arrayOf("a list of names, paths and loaded machines", NAME_OR_MACHINE));
  const sets = names.some(isMachineSet) ? await machineSets() : undefined;
  return collect(
    names.flatMap((name): readonly (string | Machine)[] => (isMachineSet(name) && sets?.[name]) || [name]),
    async (name) => (typeof name === "string" ? machineNamed(name, "machines", MACHINE_SETS, known) : name),
  );
}

type MachineSet = (typeof MACHINE_SETS)[number];

function isMachineSet(name: string | Machine): name is MachineSet {
  return MACHINE_SETS.some((set) => set === name);
}

/** The names that each of the words stands for. */
async function machineSets(): Promise<Readonly<Record<MachineSet, readonly string[]>>> {
  const all = await shippedMachines();
  const common = await loadCommonBaseline();
  const isEqual = await Promise.all(
    all.map(async (name) => differencesFrom(common, await loadMachine(name, "machines")).length === 0),
  );
  return {
    "equal-peak": all.filter((_, index) => isEqual[index]),
    published: all.filter((_, index) => !isEqual[index]),
    all,
  };
}

/** One machine by name or path, which `field` asks for; one that is loaded stays as it is. @throws InputError */
export async function loadMachine(
  name: string | Machine,
  field: string,
  known: Accelerators = accelerators,
): Promise<Machine> {
  return typeof name === "string" ? machineNamed(name, field, [], known) : name;
}

async function machineNamed(
  name: string,
  field: string,
  more: readonly string[],
  known: Accelerators,
): Promise<Machine> {
  const path = pathOf(name, CONFIGS, await shippedMachines(), { field, what: "machine", more });
  const machine = resolveMachine(await readJsonFile(path), name, known);
  checkName(machine, path, name);
  return machine;
}

/**
 * The energy table of each machine: the one that is asked for, or else that of its config.
 * @param asked name of a shipped table, or path of a JSON file.
 * @throws InputError with the faults of all of them.
 */
export async function loadEnergyTables(machines: readonly Machine[], asked?: string): Promise<EnergyTable[]> {
  const named = machines.map(({ name, config: { energy = DEFAULT_ENERGY } }) =>
    asked === undefined ? { table: energy, field: `${name}: energy` } : { table: asked, field: "energy" },
  );
  const tables = [...new Map(named.map((each) => [each.table, each])).values()];
  const loaded = await collect(
    tables,
    async ({ table, field }) => [table, await loadEnergyTable(table, field)] as const,
  );
  const byName = new Map(loaded);
  return named.map(({ table }) => byName.get(table) as EnergyTable);
}

/** One table by name or path, which `field` asks for; the default one without a name. @throws InputError */
export async function loadEnergyTable(name: string = DEFAULT_ENERGY, field = "energy"): Promise<EnergyTable> {
  const path = pathOf(name, ENERGY, await shippedEnergyTables(), { field, what: "energy table", more: [] });
  const table = resolveEnergyTable(await readJsonFile(path), name);
  checkName(table, path, name);
  return table;
}

function checkName({ name }: { readonly name: string }, path: string, where: string): void {
  const valid = basename(path, SUFFIX);
  if (name === valid) return;
  throw new InputError([`${where}: name must equal the file name, got "${name}"; valid: "${valid}"`]);
}

/** What a simulation is about, by name and path, or opened. */
export interface SimulationFiles {
  readonly traces: readonly NamedTrace[];
  readonly baselineTraces?: readonly NamedTrace[] | undefined;
  readonly hw: readonly (string | Machine)[];
  /** Modules of user accelerators. */
  readonly modules?: readonly string[] | undefined;
  readonly baseline?: string | Machine | undefined;
  /** Energy table for all machines, instead of those of their configs. */
  readonly energy?: string | undefined;
  readonly sample?: Sample | undefined;
}

/** A trace: a path, an opened trace, or a synthetic one. */
export type NamedTrace = string | IdentifiedTrace | SyntheticTrace;

/** Opens all that a simulation needs. @throws InputError with the faults of the first kind of file that has any. */
export async function openSimulation(files: SimulationFiles): Promise<SimulationInput> {
  const { baselineTraces = [], modules = [], baseline, sample } = files;
  const known = await loadAccelerators(modules);
  const machines = await loadMachines(files.hw, known);
  const dense = await loadBaseline(baseline, known);
  const traces = await openTraces(files.traces);
  const energy = await loadEnergyTables(machines, files.energy);
  return { traces, machines, baselineTraces: await openTraces(baselineTraces), energy, sample, ...dense };
}

/** Opens and hashes traces. @throws InputError with the faults of all of them. */
export async function openTraces(traces: readonly NamedTrace[]): Promise<IdentifiedTrace[]> {
  return collect(traces, async (trace) => {
    if (typeof trace === "string") return readTrace(trace);
    return "trace" in trace ? trace : identifySynthetic(trace);
  });
}

/** A made-up trace as one that was read: named by its network, method and sparsity. */
function identifySynthetic({ manifest, masks }: SyntheticTrace): Promise<IdentifiedTrace> {
  const { network, method } = manifest;
  const name = [network, method.name, ...(method.sparsity === undefined ? [] : [method.sparsity])].join(" ");
  return identifyTrace(name, encodeTrace(manifest, masks) as Uint8Array<ArrayBuffer>);
}

/** Opens and hashes a trace; its masks are read when they are asked for. @throws InputError, a line each fault. */
export async function readTrace(path: string): Promise<IdentifiedTrace> {
  checkArgument("readTrace", path, PATH);
  return { trace: await openTrace(await fileSource(path)), name: basename(path), sha256: await sha256OfFile(path) };
}

/** Writes a trace file, whole or not at all; masks by the names that the manifest's tensors give. @throws Error naming the file. */
export async function writeTrace(path: string, trace: SyntheticTrace): Promise<void> {
  checkArgument("writeTrace", path, PATH);
  checkArgument("writeTrace", trace, SYNTHETIC);
  const parts = refusing("writeTrace", () => traceParts(trace.manifest, trace.masks));
  await writeFileAtomically(path, parts);
}

/** Path of what a user names: a shipped file, or the user's own. @throws InputError */
function pathOf(
  name: string,
  folder: URL,
  shipped: readonly string[],
  { field, what, more }: { readonly field: string; readonly what: string; readonly more: readonly string[] },
): string {
  if (name.endsWith(SUFFIX) || name.includes("/")) return name;
  if (!shipped.includes(name))
    throw new InputError([`${field}: ${unknownName(what, name, [...more, ...shipped])}, or a path ending in .json`]);
  return fileURLToPath(new URL(`${name}${SUFFIX}`, folder));
}

/** Maps every item and reports the faults of all, not only of the first. */
async function collect<T, U>(items: readonly T[], map: (item: T) => Promise<U>): Promise<U[]> {
  const settled = await Promise.allSettled(items.map(map));
  const faults = settled.flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    return faultsOf(outcome.reason);
  });
  if (faults.length > 0) {
    const [cause] = settled.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    throw new InputError(faults, { cause });
  }
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<U>).value);
}

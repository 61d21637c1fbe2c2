/** Opens what a user names, and writes traces: hardware configs by name or path, and traces by path. */
import { basename, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { allOf, checkIsSchema, InputError, reasonOf, refusing, unknownName } from "../io/faults.ts";
import { fileSource, readJsonFile, sha256OfFile } from "../io/file-source.ts";
import { isMissing, listDirectory } from "../io/read-file.ts";
import { arrayOf, checkArgument, type Expected, objectWith } from "../io/verb.ts";
import { MACHINE } from "../sim/arguments.ts";
import { accelerators } from "../sim/arrays/index.ts";
import { type EnergyTable, resolveEnergyTable } from "../sim/energy/table.ts";
import type { Accelerator } from "../sim/hardware/accelerator.ts";
import { type Machine, resolveMachine } from "../sim/hardware/machine.ts";
import { checkEachOnce, differencesFrom } from "../sim/result/comparability.ts";
import type { Sample } from "../sim/sampling/sampled.ts";
import type { SimulationInput } from "../sim/simulate.ts";
import { chargedByKind } from "../step/method-overheads.ts";
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
  const own = await allOf(
    paths.map(async (path) => {
      const module = (await import(pathToFileURL(resolve(path)).href).catch((cause: unknown) => {
        throw new InputError([`${path}: cannot be loaded: ${reasonOf(cause)}`], { cause });
      })) as { default?: unknown };
      return checkAccelerator(module.default, path);
    }),
  );
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
 * loaded stay as they are. What is named twice is one machine.
 * @param known accelerators that configs may name.
 * @throws InputError with the faults of all of them.
 */
export async function loadMachines(
  names: readonly (string | Machine)[],
  known: Accelerators = accelerators,
): Promise<Machine[]> {
  checkArgument("machines", names, arrayOf("a list of names, paths and loaded machines", NAME_OR_MACHINE));
  const sets = names.some(isMachineSet) ? await machineSets() : undefined;
  const one = (name: string | Machine) =>
    typeof name === "string" ? machineNamed(name, "machines", MACHINE_SETS, known) : name;
  const all = names.flatMap((name): readonly (string | Machine)[] => (isMachineSet(name) && sets?.[name]) || [name]);
  const machines = await allOf([...new Set(all)].map(one));
  const byContent = new Map(machines.toReversed().map((machine) => [JSON.stringify(machine.config), machine]));
  return machines.filter((machine) => byContent.get(JSON.stringify(machine.config)) === machine);
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
  const { path, content } = await readNamed(name, CONFIGS, { field, what: "machine", more });
  const machine = resolveMachine(content, name, known);
  checkName(machine, path, name);
  return machine;
}

/** The energy table of each machine, as its config names it. @throws InputError with the faults of all of them. */
export async function loadEnergyTables(machines: readonly Machine[]): Promise<EnergyTable[]> {
  const named = new Map(machines.map(({ name, config: { energy = DEFAULT_ENERGY } }) => [energy, name]));
  const loaded = await allOf(
    [...named].map(async ([table, name]) => [table, await loadEnergyTable(table, `${name}: energy`)] as const),
  );
  const byName = new Map(loaded);
  return machines.map(({ config: { energy = DEFAULT_ENERGY } }) => byName.get(energy) as EnergyTable);
}

/** One table by name or path, which `field` asks for; the default one without a name. @throws InputError */
export async function loadEnergyTable(name: string = DEFAULT_ENERGY, field = "energy"): Promise<EnergyTable> {
  const { path, content } = await readNamed(name, ENERGY, { field, what: "energy table", more: [] });
  const table = resolveEnergyTable(content, name);
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
  /** Whether a step that searches thresholds is charged all of it, not a share for each step of the period. */
  readonly ownRefreshes?: boolean;
}

/** A trace: a path, an opened trace, or a synthetic one. */
export type NamedTrace = string | IdentifiedTrace | SyntheticTrace;

/** Opens all that a simulation needs. @throws InputError with the faults of all names and files. */
export async function openSimulation(files: SimulationFiles): Promise<SimulationInput> {
  const [machines, traces, baselineTraces] = await allOf([
    openMachines(files),
    openTraces(files.traces, files.ownRefreshes),
    openTraces(files.baselineTraces ?? []),
  ]);
  checkEachOnce(traces);
  checkEachOnce(baselineTraces);
  return { traces, baselineTraces, sample: files.sample, ...machines };
}

/** Machines, what they are compared with, and their energy tables. @throws InputError with the faults of all of them. */
export async function openMachines({
  hw,
  modules = [],
  baseline,
  energy,
}: Pick<SimulationFiles, "hw" | "modules" | "baseline" | "energy">) {
  const named = async () => {
    const known = await loadAccelerators(modules);
    const [machines, compared] = await allOf([loadMachines(hw, known), loadBaseline(baseline, known)]);
    return { machines, ...compared, energy: energy === undefined ? await loadEnergyTables(machines) : [] };
  };
  const [opened, table] = await allOf([named(), energy === undefined ? undefined : loadEnergyTable(energy)]);
  return table === undefined ? opened : { ...opened, energy: opened.machines.map(() => table) };
}

/**
 * Opens and hashes traces. @param ownRefreshes whether each step is charged the threshold searches that it did itself.
 * @throws InputError with the faults of all of them.
 */
export async function openTraces(traces: readonly NamedTrace[], ownRefreshes = false): Promise<IdentifiedTrace[]> {
  const opened = (trace: NamedTrace) => {
    if (typeof trace === "string") return readTrace(trace);
    return "trace" in trace ? trace : identifySynthetic(trace);
  };
  const all = await allOf(traces.map(opened));
  return ownRefreshes ? all.map(withOwnRefreshes) : all;
}

function withOwnRefreshes({ trace, ...identity }: IdentifiedTrace): IdentifiedTrace {
  return { ...identity, trace: { ...trace, manifest: chargedByKind(trace.manifest) } };
}

/** Identifies a synthetic trace like one that was read: named by its network, method and sparsity. */
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

/** What a name stands for, and words for several. */
interface Naming {
  readonly field: string;
  readonly what: string;
  readonly more: readonly string[];
}

/** Reads what a user names: a shipped file of `folder`, or the user's own. @throws InputError */
async function readNamed(name: string, folder: URL, naming: Naming): Promise<{ path: string; content: unknown }> {
  const unknownNames = [naming.field];
  const isPath = name.endsWith(SUFFIX) || name.includes("/");
  const shipped = isPath ? [] : await namesIn(folder);
  if (!isPath && !shipped.includes(name)) {
    const known = unknownName(naming.what, name, [...naming.more, ...shipped]);
    throw new InputError([`${naming.field}: ${known}, or a path ending in .json`], { unknownNames });
  }
  const path = isPath ? name : fileURLToPath(new URL(`${name}${SUFFIX}`, folder));
  const content = await readJsonFile(path).catch((error: unknown) => {
    if (!(error instanceof InputError && isMissing(error.cause))) throw error;
    throw new InputError(error.faults, { cause: error.cause, unknownNames });
  });
  return { path, content };
}

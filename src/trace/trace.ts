/**
 * Reading a trace: opening checks the container, the manifest against its schema, and that every op's operands exist
 * and fit its geometry; masks are read afterwards, one tensor at a time.
 */

import { type BitMask, fullMask, sliceBytes } from "../core/bit-mask.ts";
import { standingOf } from "../core/format-versions.ts";
import { sizeOf } from "../core/geometry.ts";
import { MOST_FAULTS, MOST_MASK_BYTES, MOST_OPS } from "../core/input/limits.ts";
import { type ByteSource, memorySource } from "../io/byte-source.ts";
import {
  type CheckOptions,
  checkSchema,
  faultCollector,
  InputError,
  precompiled,
  reasonOf,
  refusing,
  shown,
  unknownName,
} from "../io/faults.ts";
import { parseJson } from "../io/json.ts";
import { coverageOf, coverageText } from "./coverage.ts";
import { geometryFaults } from "./geometry-faults.ts";
import {
  DeclaredOpSchema,
  FORMAT_KINDS,
  isFormatKind,
  isMacOp,
  type MacOp,
  MacOpSchema,
  ManifestSchema,
  NEWEST_VERSION,
  type OtherOp,
  OtherOpSchema,
  type TraceManifest,
  type TraceOp,
  type TraceTensor,
} from "./manifest.ts";
import { type Container, containerParts, joinParts, openContainer } from "./safetensors.ts";

precompiled(ManifestSchema, MacOpSchema, OtherOpSchema, DeclaredOpSchema);

const METADATA_KEY = "swat-sim";
const RUN_KEY = "run";

/** An opened trace. */
export interface Trace {
  readonly name: string;
  readonly manifest: TraceManifest;
  readonly container: Container;
  /** Things to tell the user that are no errors. */
  readonly warnings: readonly string[];
  /** @throws Error for an id that the manifest does not have; ids that ops name are checked on opening. */
  tensor(id: string): TraceTensor;
  /** The stored mask of a tensor, ones for a dense one; not to be changed. */
  mask(id: string): Promise<BitMask>;
}

/** An opened trace and the hash of its file. */
export interface IdentifiedTrace {
  readonly trace: Trace;
  /** File name without folders. */
  readonly name: string;
  readonly sha256: string;
}

/** Opens a trace. @throws InputError, one line a fault, each beginning with the file's name. */
export function openTrace(source: ByteSource): Promise<Trace> {
  return refusing(source.name, () => opened(source));
}

async function opened(source: ByteSource): Promise<Trace> {
  const container = await openContainer(source);
  const text = container.metadata[METADATA_KEY];
  if (typeof text !== "string") {
    throw new InputError([`${source.name}: is not a trace: __metadata__ has no "${METADATA_KEY}" string`]);
  }
  const { manifest, warnings } = parseManifest(text, source.name);
  const tensors = new Map(manifest.tensors.map((tensor) => [tensor.id, tensor]));
  const faults = manifestFaults(manifest, tensors, container);
  if (faults.length > 0) throw new InputError(faults.map((fault) => `${source.name}: ${fault}`));

  const tensor = (id: string): TraceTensor => {
    const found = tensors.get(id);
    if (found === undefined) throw new InputError([`${source.name}: no tensor has the id "${id}"`]);
    return found;
  };
  return {
    name: source.name,
    manifest,
    container,
    warnings,
    tensor,
    async mask(id) {
      const { shape, mask } = tensor(id);
      if (mask === undefined) return fullMask(shape);
      const { begin, end } = container.tensors.get(mask) as { begin: number; end: number };
      return { shape, bytes: await source.read(begin, end - begin) };
    },
  };
}

/**
 * Opens a trace in memory and hashes it, as a browser does with a file that its user chose; `name` is the file's, without folders.
 * @throws InputError as `openTrace`; Error on a page that is neither secure nor local, which has no hashes.
 */
export async function identifyTrace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<IdentifiedTrace> {
  const trace = await openTrace(memorySource(name, bytes));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { trace, name, sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

/**
 * The bytes of a trace file, in parts to be written one after another; `masks` by the names that the manifest's tensors give.
 * @param run id of the training run, which the file carries beside its manifest.
 */
export function traceParts(manifest: TraceManifest, masks: ReadonlyMap<string, BitMask>, run?: string): Uint8Array[] {
  const tensors = [...masks].map(([name, { shape, bytes }]) => ({
    name,
    shape: [shape[0], sliceBytes(shape)],
    data: bytes,
  }));
  return containerParts(tensors, {
    [METADATA_KEY]: JSON.stringify(manifest),
    ...(run === undefined ? {} : { [RUN_KEY]: run }),
  });
}

/** The same in one piece. */
export function encodeTrace(manifest: TraceManifest, masks: ReadonlyMap<string, BitMask>, run?: string): Uint8Array {
  return joinParts(traceParts(manifest, masks, run));
}

/** Id of the training run that recorded a trace; undefined where none is known, as before version 0.2 and of other programs. */
export function runOf({ container }: Pick<Trace, "container">): string | undefined {
  const run: unknown = container.metadata[RUN_KEY];
  return typeof run === "string" ? run : undefined;
}

function parseManifest(text: string, where: string): { manifest: TraceManifest; warnings: string[] } {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new InputError([`${where}: manifest ${reasonOf(cause)}`], { cause });
  }
  const version: unknown = (value as { version?: unknown } | null)?.version;
  const standing = standingOf(version, NEWEST_VERSION);
  const newer = standing === "newer minor";
  if (standing !== "same" && !newer) {
    throw new InputError([
      `${where}: manifest: unknown version, got ${shown(version)}; known: ${NEWEST_VERSION.split(".")[0]}.0 to ${NEWEST_VERSION}`,
    ]);
  }
  const warnings: string[] = [];
  if (newer) {
    warnings.push(`${where}: trace version ${version} is newer than ${NEWEST_VERSION}; what it adds is not understood`);
  }
  const unknownKeys = newer ? "drop" : "refuse";
  const manifest = checkSchema(ManifestSchema, value, `${where}: manifest`, { unknownKeys });
  if (manifest.ops.length > MOST_OPS) {
    throw new InputError([`${where}: manifest: ops: too many, got ${manifest.ops.length}; valid: at most ${MOST_OPS}`]);
  }
  const known = [...FORMAT_KINDS, ...(manifest.kinds ?? [])];
  const { faults, attempt } = faultCollector();
  const ops: TraceOp[] = [];
  for (const [i, op] of manifest.ops.entries()) {
    // The first hundred say what is wrong with a file of a million.
    if (faults.length > MOST_FAULTS) break;
    ops.push(attempt(() => checkedOp(op, known, `${where}: manifest: ops.${i}`, unknownKeys)) ?? op);
  }
  if (faults.length > 0) throw new InputError(faults);
  const checked = { ...manifest, ops: withSharedGeometries(ops) };
  const coverage = coverageOf(checked);
  if (coverage !== undefined) warnings.push(`${where}: incomplete step: ${coverageText(coverage)}`);
  return { manifest: checked, warnings };
}

/** The same ops; those of one geometry share the object, by which what depends on the shape alone is made once. */
function withSharedGeometries(ops: readonly TraceOp[]): TraceOp[] {
  const known = new Map<string, MacOp["geometry"]>();
  return ops.map((op) => {
    if (!isMacOp(op)) return op;
    const key = JSON.stringify(op.geometry);
    const geometry = known.get(key) ?? op.geometry;
    known.set(key, geometry);
    return { ...op, geometry };
  });
}

function checkedOp(
  op: TraceOp,
  known: readonly string[],
  at: string,
  unknownKeys: NonNullable<CheckOptions["unknownKeys"]>,
): TraceOp {
  const { kind } = op;
  if (typeof kind !== "string")
    throw new InputError([`${at}: kind: unknown value, got ${shown(kind)}; known: ${known.join(", ")}`]);
  if (!known.includes(kind)) throw new InputError([`${at}: kind: ${unknownName("value", kind, known)}`]);
  // Whether a multiplication has the operands of its pass, `geometryFaults` says.
  if (isMacOp(op)) return checkSchema(MacOpSchema, op, at, { unknownKeys }) as MacOp;
  return checkSchema(isFormatKind(kind) ? OtherOpSchema : DeclaredOpSchema, op, at, { unknownKeys }) as OtherOp;
}

function manifestFaults(
  manifest: TraceManifest,
  tensors: ReadonlyMap<string, TraceTensor>,
  container: Container,
): string[] {
  const faults: string[] = [];
  const { microBatches } = manifest;
  if (microBatches !== undefined && microBatches.recorded > microBatches.of) {
    faults.push(`microBatches: more are recorded than there are, got ${microBatches.recorded} of ${microBatches.of}`);
  }
  for (const tensor of manifest.tensors) {
    const { id, shape, nonzeros, mask, values, within } = tensor;
    const at = `tensor "${id}"`;
    if (tensors.get(id) !== tensor) faults.push(`${at}: another tensor has the same id`);
    const size = sizeOf(shape);
    if (nonzeros > size) faults.push(`${at}: more nonzeros than elements, got ${nonzeros} of ${size}`);
    if (mask === undefined && nonzeros !== size) {
      faults.push(`${at}: has no mask, so that it is dense, but ${nonzeros} nonzeros of ${size} elements`);
    }
    if (mask !== undefined) {
      const packed = [shape[0], sliceBytes(shape)];
      const bytes = sizeOf(packed);
      if (bytes > MOST_MASK_BYTES)
        faults.push(`${at}: mask is too large, got ${bytes} bytes; valid: at most ${MOST_MASK_BYTES}`);
      faults.push(...storedFaults(container, `${at}: mask "${mask}"`, mask, ["U8", packed]));
    }
    if (values !== undefined)
      faults.push(...storedFaults(container, `${at}: values "${values}"`, values, ["F32", shape]));
    if (within !== undefined && !sameShape(tensors.get(within)?.shape, shape)) {
      faults.push(`${at}: within "${within}", which ${tensors.has(within) ? "has another shape" : "does not exist"}`);
    }
  }
  for (const [i, op] of manifest.ops.entries()) {
    const at = `ops.${i} (${op.layer} ${op.pass})`;
    const ids = isMacOp(op)
      ? [...Object.values(op.operands), ...(op.output === undefined ? [] : [op.output])]
      : [...op.reads, ...op.writes];
    const missing = ids.filter((id) => !tensors.has(id));
    for (const id of missing) faults.push(`${at}: no tensor has the id "${id}"`);
    if (isMacOp(op) && missing.length === 0) {
      faults.push(...geometryFaults(op, (id) => tensors.get(id) as TraceTensor).map((fault) => `${at}: ${fault}`));
    }
  }
  return faults;
}

/** Whether a tensor of the container is there, and as the manifest says. */
function storedFaults(
  container: Container,
  at: string,
  name: string,
  [dtype, shape]: readonly [string, readonly number[]],
): string[] {
  const stored = container.tensors.get(name);
  if (stored === undefined) return [`${at} is not in the file`];
  if (stored.dtype === dtype && sameShape(stored.shape, shape)) return [];
  return [`${at} must be ${dtype} [${shape}], got ${stored.dtype} [${stored.shape}]`];
}

function sameShape(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a !== undefined && a.length === b.length && a.every((extent, i) => extent === b[i]);
}

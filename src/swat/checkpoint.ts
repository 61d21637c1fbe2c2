/**
 * A checkpoint: one safetensors file with the state of a run, and in `__metadata__["swat-sim-checkpoint"]` everything else
 * that it takes to go on as JSON. A SHA-256 over that text and all tensors tells a damaged file from a whole one. The same run
 * at the same step gives the same bytes.
 */
import { createHash } from "node:crypto";
import { type Static, Type } from "../core/input/schema.ts";
import type { ByteSource } from "../io/byte-source.ts";
import { checkKnownVersion, checkSchema, InputError, reasonOf, refusing } from "../io/faults.ts";
import { parseJson } from "../io/json.ts";
import { precompiled } from "../io/validators/program.ts";
import { type Container, encodeContainer, openContainer, readFloats } from "../trace/safetensors.ts";
import { SettingsSchema, type TrainSettings } from "./settings.ts";
import type { NamedTensor, TrainState } from "./state.ts";
import { NO_HEALTH, RunHealthSchema } from "./weight-health.ts";

const VERSION = "1.1";
/** Without `evaluation`, `health` and what layers ranked with and kept last: evaluated as the SWAT authors do. */
const OLD_VERSION = "1.0";
const METADATA_KEY = "swat-sim-checkpoint";
const DIGEST_KEY = "sha256";

const strict = { additionalProperties: false };
const count = Type.Integer({ minimum: 0 });
const positive = Type.Integer({ minimum: 1 });

const Extents = Type.Object(
  { train: positive, test: positive, channels: positive, height: positive, width: positive, classes: positive },
  strict,
);

const RunSchema = Type.Object(
  {
    network: Type.String(),
    data: Type.String(),
    images: Extents,
    limit: Type.Optional(positive),
    testLimit: Type.Optional(positive),
    settings: SettingsSchema,
    kernels: Type.String(),
    record: Type.Optional(Type.String()),
    checkpointEvery: Type.Optional(positive),
    evaluateEvery: Type.Optional(positive),
    logCsv: Type.Boolean(),
    steps: positive,
    traces: Type.Array(Type.String()),
    logLines: count,
  },
  strict,
);

const ManifestSchema = Type.Object(
  {
    version: Type.Literal(VERSION),
    run: RunSchema,
    stepsDone: count,
    epochLosses: Type.Array(Type.Number()),
    lossSum: Type.Number(),
    health: RunHealthSchema,
    layers: Type.Array(
      Type.Object(
        {
          layer: Type.String(),
          sparsity: Type.Union([Type.Number(), Type.Null()]),
          rankedWeightSparsity: Type.Number(),
          rankedInputSparsity: Type.Number(),
          keptWeights: count,
          weightThreshold: Type.Number(),
          inputThreshold: Type.Number(),
          outputGradThreshold: Type.Number(),
        },
        strict,
      ),
    ),
  },
  strict,
);
precompiled(ManifestSchema);

/** Size of a run's data: what another data set of the same name is told by. */
export type DataExtents = Readonly<Static<typeof Extents>>;

/** What a run is, and what it has written beside its checkpoint. */
export interface CheckpointedRun {
  readonly network: string;
  /** As on the command line. */
  readonly data: string;
  readonly images: DataExtents;
  /** Training and test images that were asked for. */
  readonly limit?: number | undefined;
  readonly testLimit?: number | undefined;
  readonly settings: TrainSettings;
  /** Kernel build: builds round differently. */
  readonly kernels: string;
  /** Which steps are recorded, as on the command line. */
  readonly record?: string | undefined;
  /** Steps from checkpoint to checkpoint, beside those after each epoch. */
  readonly checkpointEvery?: number | undefined;
  /** Epochs from evaluation to evaluation. */
  readonly evaluateEvery?: number | undefined;
  readonly logCsv: boolean;
  /** Steps of the whole run. */
  readonly steps: number;
  /** File names of the traces so far, in order. */
  readonly traces: readonly string[];
  /** Lines of the log so far. */
  readonly logLines: number;
}

/** A run and where it stands. */
export interface Checkpoint {
  readonly run: CheckpointedRun;
  readonly state: TrainState;
}

/** The bytes of a checkpoint file. @param id of the run, which the file carries beside what is checked. */
export function encodeCheckpoint({ run, state }: Checkpoint, id?: string): Uint8Array {
  const { tensors, ...position } = state;
  const manifest = JSON.stringify({ version: VERSION, run, ...position });
  return encodeContainer(
    tensors.map(({ name, shape, values }) => ({ name, shape, data: values })),
    { [METADATA_KEY]: manifest, [DIGEST_KEY]: digestOf(manifest, tensors), ...(id === undefined ? {} : { run: id }) },
  );
}

/** Reads a checkpoint. @throws InputError, each line beginning with the file's name, where it is corrupt or not a checkpoint. */
export function decodeCheckpoint(source: ByteSource): Promise<Checkpoint> {
  return refusing(source.name, () => decoded(source));
}

async function decoded(source: ByteSource): Promise<Checkpoint> {
  const container = await openContainer(source);
  const manifest = container.metadata[METADATA_KEY];
  if (typeof manifest !== "string") {
    throw new InputError([`${source.name}: is not a checkpoint: __metadata__ has no "${METADATA_KEY}" string`]);
  }
  const parsed = parseManifest(manifest, source.name);
  checkKnownVersion(parsed, "version", [OLD_VERSION, VERSION], source.name);
  const { run, stepsDone, epochLosses, lossSum, health, layers } = checkSchema(
    ManifestSchema,
    upgraded(parsed),
    source.name,
  );
  const tensors = await readTensors(container);
  const [got, valid] = [digestOf(manifest, tensors), String(container.metadata[DIGEST_KEY])];
  if (got !== valid)
    throw new InputError([`${source.name}: is damaged: SHA-256 of its content, got ${got}; valid: ${valid}`]);
  return { run, state: { stepsDone, epochLosses, lossSum, health, layers, tensors } };
}

/** Upgrades a manifest of version 1.0 so that the run resumes as it would have then; returns anything else unchanged. */
function upgraded(manifest: unknown): unknown {
  if (!isRecord(manifest) || manifest.version !== OLD_VERSION || !isRecord(manifest.run)) return manifest;
  const { run, layers } = manifest;
  const withRanking = (layer: unknown) => {
    if (!isRecord(layer)) return layer;
    const ranked = layer.sparsity ?? 0;
    return { ...layer, rankedWeightSparsity: ranked, rankedInputSparsity: ranked, keptWeights: 0 };
  };
  return {
    ...manifest,
    version: VERSION,
    run: { ...run, settings: isRecord(run.settings) ? { ...run.settings, evaluation: "authors" } : run.settings },
    health: NO_HEALTH,
    layers: Array.isArray(layers) ? layers.map(withRanking) : layers,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseManifest(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new InputError([`${where}: ${METADATA_KEY} ${reasonOf(cause)}`], { cause });
  }
}

/** All tensors in the order in which they were written. */
async function readTensors(container: Container): Promise<NamedTensor[]> {
  const { name: where } = container.source;
  const stored = [...container.tensors].sort(([, a], [, b]) => a.begin - b.begin);
  const faults = stored.filter(([, { dtype }]) => dtype !== "F32" && dtype !== "U8");
  if (faults.length > 0) {
    const must = "must be F32, or U8 of a mask";
    throw new InputError(faults.map(([name, { dtype }]) => `${where}: tensor "${name}" ${must}, got ${dtype}`));
  }
  return Promise.all(
    stored.map(async ([name, tensor]) => {
      const { dtype, shape, begin, end } = tensor;
      const isMask = dtype === "U8";
      return {
        name,
        shape,
        values: isMask ? await container.source.read(begin, end - begin) : await readFloats(container, tensor),
      };
    }),
  );
}

function digestOf(manifest: string, tensors: readonly NamedTensor[]): string {
  const hash = createHash("sha256").update(manifest);
  for (const { values } of tensors) hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return hash.digest("hex");
}

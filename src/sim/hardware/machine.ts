/**
 * A machine: one hardware config resolved against its accelerator, with every unit and default settled, so that loops
 * see numbers only. The config's envelope is the same for all machines; `params` belong to the accelerator.
 */

import { MOST_MULTIPLIERS, MOST_PARAMETER } from "../../core/input/limits.ts";
import { type ObjectSchema, type Static, Type } from "../../core/input/schema.ts";
import { quantity } from "../../core/input/units.ts";
import {
  checkNamedSchema,
  checkSchema,
  faultCollector,
  InputError,
  precompiled,
  refusing,
  unknownName,
} from "../../io/faults.ts";
import { denseMemory, type MemoryNumbers, MemorySchema, resolveMemory } from "../memory/hierarchy.ts";
import type { Accelerator } from "./accelerator.ts";
import { ACCUMULATE, MULTIPLY, VALUE_BYTES } from "./datatypes.ts";
import { type LineDetail, type LineSettings, LineSettingsSchema } from "./line-detail.ts";

/** Envelope of a hardware config; `params` is checked against the accelerator's own schema. */
export const HardwareConfigSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: "For editors." })),
    name: Type.String({ pattern: "^[a-z0-9][a-z0-9.-]*$", description: "Equals the file name." }),
    accelerator: Type.String({ description: "Id of the accelerator model." }),
    source: Type.String({ minLength: 1, description: "Where the numbers come from." }),
    clock: Type.String({ description: 'Clock of the array, as "1 GHz".' }),
    datatype: Type.Object(
      {
        multiply: Type.Enum([...MULTIPLY]),
        accumulate: Type.Enum([...ACCUMULATE]),
      },
      { additionalProperties: false },
    ),
    params: Type.Record(Type.Unknown()),
    vectorLanes: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "Elements a cycle of batch norm, ReLU, pooling, additions, loss, optimizer and top-k selection; by default a sixteenth of the multipliers.",
      }),
    ),
    memory: MemorySchema,
    energy: Type.Optional(
      Type.String({ minLength: 1, description: "Name of a shipped energy table, or a path; 45nm by default." }),
    ),
  },
  { additionalProperties: false },
);
precompiled(HardwareConfigSchema, MemorySchema, LineSettingsSchema);

/** A checked config. */
export type HardwareConfig = Static<typeof HardwareConfigSchema>;

const MULTIPLIERS_A_VECTOR_LANE = 16;

/** A config with its accelerator and its quantities as numbers. */
export interface Machine {
  readonly name: string;
  /** The whole config, defaults filled in. */
  readonly config: HardwareConfig;
  readonly accelerator: Accelerator;
  readonly params: Static<ObjectSchema>;
  readonly multipliers: number;
  readonly clockHz: number;
  readonly peakMacsPerSecond: number;
  /** Elements a cycle of what does not multiply. */
  readonly vectorLanes: number;
  readonly memory: MemoryNumbers;
  /** On-chip buffers, where they are modelled line by line. */
  readonly line: LineDetail | null;
}

/**
 * Resolves a parsed config file.
 * @param where for messages: the file's path.
 * @throws InputError with one line for each fault.
 */
export function resolveMachine(
  value: unknown,
  where: string,
  accelerators: Readonly<Record<string, Accelerator>>,
): Machine {
  return refusing(where, () => resolved(value, where, accelerators));
}

function resolved(value: unknown, where: string, accelerators: Readonly<Record<string, Accelerator>>): Machine {
  const { faults, attempt } = faultCollector();
  const envelope = attempt(() => checkSchema(HardwareConfigSchema, value, where));
  attempt(() => checkNamedSchema(value, "hw-config", where));
  // Also read from the unchecked value, so that a fault of the envelope hides no other.
  const raw = (value ?? {}) as { [Key in keyof HardwareConfig]?: unknown };

  const accelerator = attempt(() => acceleratorNamed(raw.accelerator, where, accelerators));
  const params =
    accelerator && typeof raw.params === "object"
      ? attempt(() => checkSchema(accelerator.params, raw.params, where, { path: "params" }))
      : undefined;
  if (accelerator && params) {
    faults.push(...(accelerator.paramFaults?.(params) ?? []).map((fault) => `${where}: params.${fault}`));
  }
  if (accelerator && params && faults.length === 0) faults.push(...sizeFaults(accelerator, params, where));
  const { clock } = raw;
  const clockHz =
    typeof clock === "string" ? attempt(() => quantity("frequency", clock, `${where}: clock`)) : undefined;
  const checked = envelope?.memory ?? validMemory(raw.memory);
  const memory = checked && attempt(() => memoryOf(checked, raw.datatype, clockHz ?? 1, where));
  const line = envelope && accelerator && attempt(() => lineDetailOf(envelope, accelerator, where, accelerators));
  if (faults.length > 0 || !envelope || !accelerator || !params || !clockHz || !memory || line === undefined) {
    throw new InputError(faults);
  }

  const { $schema: _, ...rest } = envelope;
  const config = line === null ? rest : { ...rest, memory: { ...rest.memory, line: line.settings } };
  const multipliers = accelerator.multipliers(params);
  return {
    name: envelope.name,
    config: { ...config, params: params as Record<string, unknown> },
    accelerator,
    params,
    multipliers,
    clockHz,
    peakMacsPerSecond: multipliers * clockHz,
    vectorLanes: envelope.vectorLanes ?? Math.ceil(multipliers / MULTIPLIERS_A_VECTOR_LANE),
    memory,
    line: line?.detail ?? null,
  };
}

/** Arrays are modelled in memory and time that grow with their parameters. */
function sizeFaults(accelerator: Accelerator, params: Static<ObjectSchema>, where: string): string[] {
  const large = integersIn(params, "params").filter(({ value }) => value > MOST_PARAMETER);
  if (large.length > 0) {
    return large.map(
      ({ path, value }) => `${where}: ${path}: too large, got ${value}; valid: at most ${MOST_PARAMETER}`,
    );
  }
  const multipliers = accelerator.multipliers(params);
  if (multipliers <= MOST_MULTIPLIERS) return [];
  return [`${where}: params: too many multipliers, got ${multipliers}; valid: at most ${MOST_MULTIPLIERS}`];
}

function integersIn(value: unknown, path: string): { readonly path: string; readonly value: number }[] {
  if (Number.isInteger(value)) return [{ path, value: value as number }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => integersIn(inner, `${path}.${key}`));
}

/** Memory of a config that may have faults elsewhere. */
function memoryOf(memory: HardwareConfig["memory"], datatype: unknown, clockHz: number, where: string): MemoryNumbers {
  const { multiply, accumulate } = (datatype ?? {}) as Record<string, unknown>;
  const bytesOf = (type: unknown) =>
    VALUE_BYTES[[...MULTIPLY, ...ACCUMULATE].find((known) => known === type) ?? "fp32"];
  const widths = { valueBytes: bytesOf(multiply), wideBytes: bytesOf(accumulate) };
  return resolveMemory(memory, clockHz, widths, where);
}

/** The memory of an envelope that is refused, where its faults lie elsewhere; its own are told with the envelope's. */
function validMemory(value: unknown): HardwareConfig["memory"] | undefined {
  try {
    return checkSchema(MemorySchema, value, "");
  } catch {
    return undefined;
  }
}

const BYTE_BITS = 8;

/** The on-chip buffers of a config whose `memory.detail` is "line", with the widths of its values; else null. */
function lineDetailOf(
  { memory, datatype }: HardwareConfig,
  { id, runLines }: Accelerator,
  where: string,
  accelerators: Readonly<Record<string, Accelerator>>,
): { readonly settings: LineSettings; readonly detail: LineDetail } | null {
  if (memory.detail === undefined) {
    if (memory.line === undefined) return null;
    throw new InputError([`${where}: memory.line: is used only where memory.detail is "line", got no memory.detail`]);
  }
  if (runLines === undefined) {
    const known = Object.values(accelerators).filter((accelerator) => accelerator.runLines !== undefined);
    throw new InputError([
      `${where}: memory.detail: "line" is not modelled for accelerator "${id}"; known: ${known.map((accelerator) => accelerator.id).join(", ")}`,
    ]);
  }
  const settings = memory.line ?? checkSchema(LineSettingsSchema, {}, where, { path: "memory.line" });
  const valueBits = VALUE_BYTES[datatype.multiply] * BYTE_BITS;
  const sumBits = VALUE_BYTES[datatype.accumulate] * BYTE_BITS;
  return { settings, detail: { ...settings, activationBits: valueBits, weightBits: valueBits, sumBits } };
}

function acceleratorNamed(
  id: unknown,
  where: string,
  accelerators: Readonly<Record<string, Accelerator>>,
): Accelerator | undefined {
  if (typeof id !== "string") return undefined;
  if (!Object.hasOwn(accelerators, id)) {
    throw new InputError([`${where}: accelerator: ${unknownName("accelerator", id, Object.keys(accelerators))}`]);
  }
  return accelerators[id];
}

/** The same array without zero skipping and without compression: the fair dense baseline of a machine. */
export function denseTwin(machine: Machine): Machine {
  const params = machine.accelerator.withoutSkipping(machine.params);
  const storage = { weight: "dense", input: "dense", outputGrad: "dense" } as const;
  const { config } = machine;
  const { levels } = config.memory;
  return {
    ...machine,
    name: `${machine.name}-without-skipping`,
    config: {
      ...config,
      name: `${machine.name}-without-skipping`,
      params: params as Record<string, unknown>,
      memory: {
        ...config.memory,
        storage,
        ...(levels === undefined ? {} : { levels: levels.map(({ storage: _, ...level }) => level) }),
      },
    },
    params,
    memory: denseMemory(machine.memory),
  };
}

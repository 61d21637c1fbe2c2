/**
 * A machine: one hardware config resolved against its accelerator, with every unit and default settled, so that loops
 * see numbers only. The config's envelope is the same for all machines; `params` belong to the accelerator.
 */
import { type Static, type TObject, Type } from "typebox";
import { checkSchema, InputError, unknownName } from "../io/faults.ts";
import type { Accelerator } from "./accelerator.ts";
import { quantity } from "./units.ts";

const Storage = Type.Enum(["dense", "bitmap"], {
  default: "dense",
  description: "dense: every value. bitmap: nonzero values and one bit an element, where that is smaller.",
});

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
        multiply: Type.Enum(["int8", "fp16", "bf16", "fixed16", "fp32"]),
        accumulate: Type.Enum(["int32", "fp32", "fixed32"]),
      },
      { additionalProperties: false },
    ),
    params: Type.Record(Type.String(), Type.Unknown()),
    memory: Type.Object(
      {
        onChip: Type.String({ description: 'All on-chip buffers together, as "48 MiB".' }),
        dram: Type.Object(
          { bandwidth: Type.String({ description: 'Off-chip bandwidth, as "51.2 GB/s".' }) },
          { additionalProperties: false },
        ),
        storage: Type.Object(
          { weight: Storage, input: Storage, outputGrad: Storage },
          { additionalProperties: false, description: "How each operand is stored off chip." },
        ),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

/** A checked config. */
export type HardwareConfig = Static<typeof HardwareConfigSchema>;

const VALUE_BYTES = { int8: 1, fp16: 2, bf16: 2, fixed16: 2, fp32: 4, int32: 4, fixed32: 4 } as const;

/** A config with its accelerator and its quantities as numbers. */
export interface Machine {
  readonly name: string;
  /** The whole config, defaults filled in. */
  readonly config: HardwareConfig;
  readonly accelerator: Accelerator;
  readonly params: Static<TObject>;
  readonly multipliers: number;
  readonly clockHz: number;
  readonly peakMacsPerSecond: number;
  readonly memory: MemoryNumbers;
}

/** The memory part of a machine in bytes and bytes per second. */
export interface MemoryNumbers {
  readonly onChipBytes: number;
  readonly bandwidthBytesPerSecond: number;
  readonly storage: HardwareConfig["memory"]["storage"];
  /** Width of a value that the array reads, and of a sum or a master copy. */
  readonly valueBytes: number;
  readonly wideBytes: number;
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
  const faults: string[] = [];
  const attempt = <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      faults.push(...(error instanceof InputError ? error.faults : [(error as Error).message]));
      return undefined;
    }
  };
  const envelope = attempt(() => checkSchema(HardwareConfigSchema, value, where));
  // Read from the unchecked value too, so that a fault of the envelope hides no other.
  const raw = (value ?? {}) as { [Key in keyof HardwareConfig]?: unknown };
  const memory = (raw.memory ?? {}) as { onChip?: unknown; dram?: { bandwidth?: unknown } };
  const number = (dimension: Parameters<typeof quantity>[0], text: unknown, field: string) =>
    typeof text === "string" ? attempt(() => quantity(dimension, text, `${where}: ${field}`)) : undefined;

  const accelerator = attempt(() => acceleratorNamed(raw.accelerator, where, accelerators));
  const params =
    accelerator && typeof raw.params === "object"
      ? attempt(() => checkSchema(accelerator.params, raw.params, where, { path: "params" }))
      : undefined;
  const clockHz = number("frequency", raw.clock, "clock");
  const onChipBytes = number("size", memory.onChip, "memory.onChip");
  const bandwidth = number("bandwidth", memory.dram?.bandwidth, "memory.dram.bandwidth");
  if (!envelope || !accelerator || !params || !clockHz || !onChipBytes || !bandwidth) throw new InputError(faults);

  const { $schema: _, ...config } = envelope;
  const multipliers = accelerator.multipliers(params);
  return {
    name: envelope.name,
    config: { ...config, params: params as Record<string, unknown> },
    accelerator,
    params,
    multipliers,
    clockHz,
    peakMacsPerSecond: multipliers * clockHz,
    memory: {
      onChipBytes,
      bandwidthBytesPerSecond: bandwidth,
      storage: envelope.memory.storage,
      valueBytes: VALUE_BYTES[envelope.datatype.multiply],
      wideBytes: VALUE_BYTES[envelope.datatype.accumulate],
    },
  };
}

function acceleratorNamed(
  id: unknown,
  where: string,
  accelerators: Readonly<Record<string, Accelerator>>,
): Accelerator | undefined {
  if (typeof id !== "string") return undefined;
  if (!Object.hasOwn(accelerators, id)) {
    throw new Error(`${where}: accelerator: ${unknownName("accelerator", id, Object.keys(accelerators))}`);
  }
  return accelerators[id];
}

/** The same array without zero skipping and without compression: the fair dense baseline of a machine. */
export function denseTwin(machine: Machine): Machine {
  const params = machine.accelerator.withoutSkipping(machine.params);
  const storage = { weight: "dense", input: "dense", outputGrad: "dense" } as const;
  const { config } = machine;
  return {
    ...machine,
    name: `${machine.name}-without-skipping`,
    config: {
      ...config,
      name: `${machine.name}-without-skipping`,
      params: params as Record<string, unknown>,
      memory: { ...config.memory, storage },
    },
    params,
    memory: { ...machine.memory, storage },
  };
}

/**
 * The memory of a machine: levels of on-chip memory, outermost first, and DRAM. The schema is what a hardware config says;
 * `resolveMemory` settles units and defaults, so that the models see numbers only.
 */

import { MOST_LATENCY } from "../../core/input/limits.ts";
import { type Static, Type } from "../../core/input/schema.ts";
import { quantity } from "../../core/input/units.ts";
import { StorageFormatSchema } from "../../core/storage-formats.ts";
import { faultCollector, InputError } from "../../io/faults.ts";
import { COMPONENTS } from "../energy/components.ts";
import { LineSettingsSchema } from "../hardware/line-detail.ts";
import { type DramConfig, type DramDevice, DramSchema, resolveDram } from "./dram/device.ts";
import { operandStorage, type Storage } from "./storage.ts";
import { DIMENSIONS, type Tile } from "./tiles/loop-nest.ts";

const strict = { additionalProperties: false };

/** Tensors that a level may hold: the operands of a pass and what it writes, partial sums included. */
export const MEMORY_OPERANDS = ["weight", "input", "outputGrad", "output"] as const;

/** A tensor as memory sees it: an operand of a pass, or its output. */
export type MemoryOperand = (typeof MEMORY_OPERANDS)[number];

const Formats = Type.Object(
  { weight: StorageFormatSchema, input: StorageFormatSchema, outputGrad: StorageFormatSchema },
  { ...strict, description: "How each operand is stored; densely where that is smaller." },
);

const tileSize = (what: string) =>
  Type.Optional(Type.Integer({ minimum: 1, description: `${what} in a tile; all by default` }));

const Tiling = Type.Object(
  {
    images: tileSize("images"),
    rows: tileSize("rows of the output (weightGrad: of outputGrad)"),
    columns: tileSize("columns of the output (weightGrad: of outputGrad)"),
    groups: tileSize("groups"),
    filters: tileSize("filters of a group"),
    channels: tileSize("input channels of a group"),
    order: Type.Optional(
      Type.Array(Type.Enum([...DIMENSIONS]), {
        minItems: 3,
        maxItems: 3,
        uniqueItems: true,
        description: "Loops over tiles, outermost first; space = images, rows and columns. By default the best order.",
      }),
    ),
  },
  {
    ...strict,
    description:
      "Tiles of these sizes in every operation, cut to the tile of the level around, instead of the best ones.",
  },
);

const Level = Type.Object(
  {
    name: Type.String({
      pattern: "^[a-zA-Z][a-zA-Z0-9 -]*$",
      description: 'As "global buffer"; not "dram", "array" or "vector".',
    }),
    size: Type.String({ description: 'All banks together, as "48 MiB".' }),
    holds: Type.Optional(
      Type.Array(Type.Enum([...MEMORY_OPERANDS]), {
        minItems: 1,
        uniqueItems: true,
        description: "Tensors; others pass it by. All by default; some level has to hold each.",
      }),
    ),
    banks: Type.Integer({ minimum: 1, default: 1 }),
    width: Type.Optional(
      Type.String({
        description: 'Of a port of a bank, each cycle, as "32 B"; by default wide enough for whatever is asked.',
      }),
    ),
    ports: Type.Integer({ minimum: 1, default: 1, description: "Ports of a bank, each for reading or writing." }),
    readLatency: Type.Integer({ minimum: 0, maximum: MOST_LATENCY, default: 0, description: "cycles" }),
    writeLatency: Type.Integer({ minimum: 0, maximum: MOST_LATENCY, default: 0, description: "cycles" }),
    storage: Type.Optional(Formats),
    tiling: Type.Optional(Tiling),
  },
  strict,
);

/** The `memory` of a hardware config. */
export const MemorySchema = Type.Object(
  {
    onChip: Type.Optional(
      Type.String({
        description: 'One shared level of this size that is always wide enough, as "48 MiB"; or give `levels`.',
      }),
    ),
    levels: Type.Optional(
      Type.Array(Level, { minItems: 1, description: "On-chip memories, outermost first; or give `onChip`." }),
    ),
    resident: Type.Number({
      minimum: 0,
      exclusiveMaximum: 1,
      default: 0.5,
      description: "Share of the outermost level for tensors that a later operation reads; tiles have the rest, twice.",
    }),
    dram: Type.Unsafe<{ bandwidth: string } | DramConfig>({
      if: { type: "object", properties: { preset: true }, required: ["preset"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: DramSchema,
      else: Type.Object(
        { bandwidth: Type.String({ description: 'Off-chip bandwidth, as "51.2 GB/s", reached whatever is asked.' }) },
        strict,
      ),
      description: "A bandwidth, or a published part.",
    }),
    storage: Formats,
    detail: Type.Optional(
      Type.Enum(["line"], { description: '"line": on-chip buffers and banks are modelled line by line.' }),
    ),
    line: Type.Optional(LineSettingsSchema),
  },
  strict,
);

/** The memory part of a checked config. */
export type MemoryConfig = Static<typeof MemorySchema>;

/** One on-chip memory. */
export interface MemoryLevel {
  readonly name: string;
  readonly bytes: number;
  /** Of one bank; null where the config gives neither banks nor a width. */
  readonly bankBytes: number | null;
  readonly holds: ReadonlySet<MemoryOperand>;
  /** All banks and ports together; Infinity where the config gives no width. */
  readonly bytesPerCycle: number;
  readonly readLatency: number;
  readonly writeLatency: number;
  readonly storage: Storage;
  /** Sizes and order that the config fixes; null where the best ones are searched. */
  readonly tiling: (Partial<Tile> & { readonly order?: readonly (typeof DIMENSIONS)[number][] }) | null;
}

/** The memory of a machine in bytes and cycles. */
export interface MemoryNumbers {
  /** Outermost first. */
  readonly levels: readonly MemoryLevel[];
  /** Room in the outermost level for tensors that stay between operations; the rest of it is for tiles. */
  readonly residentBytes: number;
  /** Peak of DRAM. */
  readonly dramBytesPerCycle: number;
  /** The part that DRAM is made of; null where only a bandwidth is given, which is then always reached. */
  readonly device: DramDevice | null;
  /** Formats in DRAM. */
  readonly storage: Storage;
  /** Width of a value that the array reads, and of a sum or a master copy. */
  readonly valueBytes: number;
  readonly wideBytes: number;
}

/** Numbers of a checked config. @throws InputError with a line for each invalid quantity and each contradiction. */
export function resolveMemory(
  config: MemoryConfig,
  clockHz: number,
  widths: Pick<MemoryNumbers, "valueBytes" | "wideBytes">,
  where: string,
): MemoryNumbers {
  const at = `${where}: memory`;
  const { dram } = config;
  const { faults, attempt } = faultCollector();
  const storage = attempt(() => storageOf(config.storage, `${at}.storage`)) ?? DENSE;
  const levels = attempt(() => levelsOf(config, storage, at));
  const device = "preset" in dram ? attempt(() => resolveDram(dram, where, "memory.dram")) : null;
  const bandwidth =
    "bandwidth" in dram
      ? attempt(() => quantity("bandwidth", dram.bandwidth, `${at}.dram.bandwidth`))
      : device?.peakBytesPerSecond;
  if (faults.length > 0 || !levels || bandwidth === undefined || device === undefined) throw new InputError(faults);
  return {
    levels,
    residentBytes: Math.floor(levels[0].bytes * config.resident),
    dramBytesPerCycle: bandwidth / clockHz,
    device,
    storage,
    ...widths,
  };
}

const TAKEN: readonly string[] = [...new Set(["dram", "array", "vector", ...COMPONENTS])];

function levelsOf({ onChip, levels }: MemoryConfig, offChip: Storage, at: string): MemoryLevel[] {
  if ((onChip === undefined) === (levels === undefined)) {
    throw new InputError([`${at}: needs "onChip" or "levels", got ${onChip === undefined ? "neither" : "both"}`]);
  }
  if (levels === undefined) return [shared("on chip", quantity("size", onChip as string, `${at}.onChip`), offChip)];
  const { faults, attempt } = faultCollector();
  let storage = offChip;
  const resolved = levels.map((level, index): MemoryLevel => {
    const { name, holds, banks, ports, readLatency, writeLatency, tiling = null } = level;
    const field = `${at}.levels.${index}`;
    const size = (key: "size" | "width", absent: number) => {
      const text = level[key];
      return text === undefined ? absent : (attempt(() => quantity("size", text, `${field}.${key}`)) ?? absent);
    };
    // What a level does not say is as it is outside.
    const formats = level.storage;
    if (formats !== undefined) storage = attempt(() => storageOf(formats, `${field}.storage`)) ?? storage;
    const isTaken = TAKEN.includes(name) || levels.slice(0, index).some((earlier) => earlier.name === name);
    // A property of every object cannot be a key of results.
    if (isTaken || name in {}) {
      faults.push(`${field}.name: is taken, got "${name}"; valid: a name of its own, not ${TAKEN.join(", ")}`);
    }
    const bytes = size("size", 0);
    return {
      name,
      bytes,
      bankBytes: banks > 1 || level.width !== undefined ? bytes / banks : null,
      holds: new Set(holds ?? MEMORY_OPERANDS),
      bytesPerCycle: banks * ports * size("width", Number.POSITIVE_INFINITY),
      readLatency,
      writeLatency,
      storage,
      tiling,
    };
  });
  const nowhere = MEMORY_OPERANDS.filter((name) => !resolved.some(({ holds }) => holds.has(name)));
  if (nowhere.length > 0) {
    faults.push(
      `${at}.levels: no level holds ${nowhere.join(", ")}; valid: each of ${MEMORY_OPERANDS.join(", ")} in one level at least, as the array reads and writes buffers only`,
    );
  }
  if (faults.length > 0) throw new InputError(faults);
  return resolved;
}

function shared(name: string, bytes: number, storage: Storage): MemoryLevel {
  const wide = { bytesPerCycle: Number.POSITIVE_INFINITY, readLatency: 0, writeLatency: 0 };
  return { name, bytes, bankBytes: null, holds: new Set(MEMORY_OPERANDS), ...wide, storage, tiling: null };
}

function storageOf({ weight, input, outputGrad }: MemoryConfig["storage"], at: string): Storage {
  return {
    weight: operandStorage(weight, `${at}.weight`),
    input: operandStorage(input, `${at}.input`),
    outputGrad: operandStorage(outputGrad, `${at}.outputGrad`),
  };
}

/** The same memory, storing every operand densely. */
export function denseMemory(memory: MemoryNumbers): MemoryNumbers {
  return { ...memory, storage: DENSE, levels: memory.levels.map((level) => ({ ...level, storage: DENSE })) };
}

const DENSE = storageOf({ weight: "dense", input: "dense", outputGrad: "dense" }, "");

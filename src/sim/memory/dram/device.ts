/**
 * The off-chip memory of a machine: a preset with what the configuration changes, resolved to numbers. Times are in cycles
 * of the memory's own clock.
 */
import { type Static, Type } from "../../../core/input/schema.ts";
import { checkSchema, faultCollector, InputError, precompiled } from "../../../io/faults.ts";
import { type AddressField, DEFAULT_ADDRESS_MAP, type FieldSizes, parseAddressMap } from "./address-map.ts";
import { DRAM_PRESETS, type DramPresetName, type DramTiming } from "./presets.ts";

const NANO = 1e-9;
const PRESET_NAMES = Object.keys(DRAM_PRESETS) as DramPresetName[];
/** Channels of a memory at most. */
export const MOST_CHANNELS = 1024;
/** Ranks of a channel at most. */
export const MOST_RANKS = 8;
const Cycles = Type.Optional(Type.Integer({ minimum: 1, maximum: 1e6 }));
const Count = (minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum, description }));

/** The off-chip memory in a hardware config. */
export const DramSchema = Type.Object(
  {
    preset: Type.Enum(PRESET_NAMES, { description: "A published part." }),
    channels: Count(1, MOST_CHANNELS, "Channels; the preset's own if absent."),
    ranks: Count(1, MOST_RANKS, "Ranks of each channel."),
    addressMap: Type.String({
      default: DEFAULT_ADDRESS_MAP,
      description:
        "Fields from most to least significant: ro row, ra rank, ba bank, bg bank group, ch channel, co column.",
    }),
    timing: Type.Optional(
      Type.Object(
        {
          CL: Cycles,
          CWL: Cycles,
          tRCD: Cycles,
          tRP: Cycles,
          tRAS: Cycles,
          tRC: Cycles,
          tRRD_S: Cycles,
          tRRD_L: Cycles,
          tFAW: Cycles,
          tCCD_S: Cycles,
          tCCD_L: Cycles,
          tWTR_S: Cycles,
          tWTR_L: Cycles,
          tRTP: Cycles,
          tWR: Cycles,
          tRTRS: Cycles,
          tRFC: Cycles,
          tREFI: Cycles,
        },
        { additionalProperties: false, description: "Timings that differ from the preset's, in cycles of tCK." },
      ),
    ),
  },
  { additionalProperties: false },
);
precompiled(DramSchema);

/** A checked configuration. */
export type DramConfig = Static<typeof DramSchema>;

/** An off-chip memory as numbers. */
export interface DramDevice {
  /** The configuration, defaults filled in. */
  readonly config: DramConfig;
  readonly clockHz: number;
  readonly channels: number;
  readonly ranks: number;
  readonly bankGroups: number;
  readonly banksPerGroup: number;
  readonly burstBytes: number;
  readonly burstCycles: number;
  readonly timing: DramTiming;
  /** Fields of an address from the least significant, and their sizes. */
  readonly addressOrder: readonly AddressField[];
  readonly fieldSizes: FieldSizes;
  readonly capacityBytes: number;
  readonly peakBytesPerSecond: number;
}

/**
 * Resolves the `dram` part of a configuration.
 * @param where for messages: the file's path.
 * @param path of the value in its file.
 * @throws InputError with one line for each fault.
 */
export function resolveDram(value: unknown, where: string, path = "dram"): DramDevice {
  const config = checkSchema(DramSchema, value, where, { path });
  const preset = DRAM_PRESETS[config.preset];
  const timing: DramTiming = { ...preset.timing, ...config.timing };
  const { faults, attempt } = faultCollector();
  if (timing.tRFC >= timing.tREFI) {
    faults.push(`${where}: ${path}.timing.tRFC: must be less than tREFI ${timing.tREFI}, got ${timing.tRFC}`);
  }
  const addressOrder = attempt(() => parseAddressMap(config.addressMap, `${where}: ${path}.addressMap`));
  if (faults.length > 0 || addressOrder === undefined) throw new InputError(faults);

  const { channels = preset.channels, ranks = preset.ranks } = config;
  const { bankGroups, banksPerGroup, rows, rowBytes, burstBytes, burstCycles } = preset;
  const clockHz = 1 / (preset.tCKNanoseconds * NANO);
  return {
    config: { ...config, channels, ranks },
    clockHz,
    channels,
    ranks,
    bankGroups,
    banksPerGroup,
    burstBytes,
    burstCycles,
    timing,
    addressOrder,
    fieldSizes: { ro: rows, ra: ranks, ba: banksPerGroup, bg: bankGroups, ch: channels, co: rowBytes / burstBytes },
    capacityBytes: channels * ranks * bankGroups * banksPerGroup * rows * rowBytes,
    peakBytesPerSecond: (channels * burstBytes * clockHz) / burstCycles,
  };
}

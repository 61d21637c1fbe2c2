/**
 * Published memories: geometry and timings of one channel, and how many channels a device has by default. Their energies are
 * in the energy tables.
 * Timings are JEDEC's names in cycles of tCK. Where programs differ, the figure of the first source named is used.
 */

/** Timings in cycles of tCK; S is another bank group, L the same one. A part without bank groups has S = L. */
export interface DramTiming {
  /** Read command to first data. */
  readonly CL: number;
  /** Write command to first data. */
  readonly CWL: number;
  readonly tRCD: number;
  readonly tRP: number;
  readonly tRAS: number;
  readonly tRC: number;
  readonly tRRD_S: number;
  readonly tRRD_L: number;
  readonly tFAW: number;
  readonly tCCD_S: number;
  readonly tCCD_L: number;
  readonly tWTR_S: number;
  readonly tWTR_L: number;
  readonly tRTP: number;
  readonly tWR: number;
  /** Bus cycles lost where the data of one rank follow those of another. */
  readonly tRTRS: number;
  readonly tRFC: number;
  readonly tREFI: number;
}

/** One published part. */
export interface DramPreset {
  readonly source: string;
  readonly tCKNanoseconds: number;
  readonly channels: number;
  /** Of each channel, as are the following. */
  readonly ranks: number;
  readonly bankGroups: number;
  readonly banksPerGroup: number;
  readonly rows: number;
  /** Bytes that one activation opens. */
  readonly rowBytes: number;
  /** Bytes of one burst, the smallest access. */
  readonly burstBytes: number;
  /** Bus cycles of one burst: half the burst length, as data move on both edges. */
  readonly burstCycles: number;
  readonly timing: DramTiming;
}

/** The parts that a configuration can name. */
export const DRAM_PRESETS = {
  "DDR4-3200": {
    source: "DRAMsim3 DDR4_8Gb_x8_3200.ini: one 64-bit channel of eight 8 Gb x8 devices a rank",
    tCKNanoseconds: 0.625,
    channels: 1,
    ranks: 2,
    bankGroups: 4,
    banksPerGroup: 4,
    rows: 65536,
    rowBytes: 8192,
    burstBytes: 64,
    burstCycles: 4,
    timing: {
      CL: 22,
      CWL: 16,
      tRCD: 22,
      tRP: 22,
      tRAS: 52,
      tRC: 74,
      tRRD_S: 4,
      tRRD_L: 8,
      tFAW: 34,
      tCCD_S: 4,
      tCCD_L: 8,
      tWTR_S: 4,
      tWTR_L: 12,
      tRTP: 12,
      tWR: 24,
      tRTRS: 1,
      tRFC: 560,
      tREFI: 12480,
    },
  },
  "LPDDR4-3200": {
    source:
      "Ramulator 1 LPDDR4.h, 8 Gb x16 devices, two side by side as one x32 channel; CL includes 3 cycles of tDQSCK",
    tCKNanoseconds: 0.625,
    channels: 4,
    ranks: 2,
    bankGroups: 1,
    banksPerGroup: 8,
    rows: 32768,
    rowBytes: 4096,
    burstBytes: 64,
    burstCycles: 8,
    timing: {
      CL: 32,
      CWL: 18,
      tRCD: 29,
      tRP: 27,
      tRAS: 68,
      tRC: 95,
      tRRD_S: 16,
      tRRD_L: 16,
      tFAW: 64,
      tCCD_S: 8,
      tCCD_L: 8,
      tWTR_S: 16,
      tWTR_L: 16,
      tRTP: 14,
      tWR: 28,
      tRTRS: 1,
      tRFC: 288,
      tREFI: 6247,
    },
  },
  HBM2: {
    source:
      "DRAMsim3 HBM2_8Gb_x128.ini: a 2.0 Gb/s stack of 8 legacy 128-bit channels; tCCD of Ramulator 2 HBM2_2000Mbps",
    tCKNanoseconds: 1,
    channels: 8,
    ranks: 1,
    bankGroups: 4,
    banksPerGroup: 4,
    rows: 32768,
    rowBytes: 2048,
    burstBytes: 64,
    burstCycles: 2,
    timing: {
      CL: 14,
      CWL: 4,
      tRCD: 14,
      tRP: 14,
      tRAS: 34,
      tRC: 48,
      tRRD_S: 4,
      tRRD_L: 6,
      tFAW: 30,
      tCCD_S: 2,
      tCCD_L: 4,
      tWTR_S: 6,
      tWTR_L: 8,
      tRTP: 6,
      tWR: 16,
      tRTRS: 1,
      tRFC: 260,
      tREFI: 3900,
    },
  },
  HBM2e: {
    source: "derived: the nanoseconds of HBM2 in cycles of 0.625 ns, a 3.2 Gb/s stack of 16 pseudo-channels of 64 bits",
    tCKNanoseconds: 0.625,
    channels: 16,
    ranks: 1,
    bankGroups: 4,
    banksPerGroup: 4,
    rows: 32768,
    rowBytes: 1024,
    burstBytes: 32,
    burstCycles: 2,
    timing: {
      CL: 23,
      CWL: 8,
      tRCD: 23,
      tRP: 23,
      tRAS: 55,
      tRC: 78,
      tRRD_S: 7,
      tRRD_L: 7,
      tFAW: 24,
      tCCD_S: 2,
      tCCD_L: 4,
      tWTR_S: 10,
      tWTR_L: 13,
      tRTP: 8,
      tWR: 26,
      tRTRS: 1,
      tRFC: 416,
      tREFI: 6240,
    },
  },
} as const satisfies Readonly<Record<string, DramPreset>>;

/** Name of a preset. */
export type DramPresetName = keyof typeof DRAM_PRESETS;

/** Energy of off-chip memory: rows opened, bits moved, and time (the form of Accelergy's tables and of PyTorchSim). */
import type { DramDevice } from "./device.ts";
import { DRAM_PRESETS, type DramPresetName } from "./presets.ts";

/** What was done with a memory. */
interface DramActivity {
  readonly activations: number;
  readonly bits: number;
  readonly seconds: number;
}

const PRESETS = Object.keys(DRAM_PRESETS) as DramPresetName[];
const actions = <What extends string, Per extends string>(what: What, per: Per) =>
  Object.fromEntries(PRESETS.map((preset) => [`dram.${preset}.${what}`, per])) as Record<
    `dram.${DramPresetName}.${What}`,
    Per
  >;

/** Actions of energy tables, and what one of each is: of the presets, and of a memory of which only the bandwidth is known. */
export const DRAM_ACTIONS = {
  "dram.bit": "bit",
  ...actions("activate", "activation"),
  ...actions("bit", "bit"),
  /** Of one channel with all its ranks, whether it is used or not. */
  ...actions("background", "s"),
} as const;

/** An action that a memory pays, under the name of a component. */
export interface DramCharge {
  readonly component: "dram activate" | "dram transfer" | "dram background";
  readonly action: keyof typeof DRAM_ACTIONS;
  readonly count: (activity: DramActivity) => number;
}

/** What a device pays; null: one of which only the bandwidth is known. */
export function dramCharges(device: DramDevice | null): readonly DramCharge[] {
  const transfer = { component: "dram transfer", count: ({ bits }: DramActivity) => bits } as const;
  if (device === null) return [{ ...transfer, action: "dram.bit" }];
  const {
    channels,
    config: { preset },
  } = device;
  return [
    { component: "dram activate", action: `dram.${preset}.activate`, count: ({ activations }) => activations },
    { ...transfer, action: `dram.${preset}.bit` },
    { component: "dram background", action: `dram.${preset}.background`, count: ({ seconds }) => channels * seconds },
  ];
}

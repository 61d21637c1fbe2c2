/** Energy of off-chip memory: rows opened, bits moved, and time (the form of Accelergy's tables and of PyTorchSim). */
import type { DramDevice } from "./device.ts";

const PICOJOULES = 1e12;

/** What was done with a device. */
export interface DramActivity {
  readonly activations: number;
  readonly bits: number;
  readonly seconds: number;
}

/** Joules by cause. */
export interface DramEnergy {
  readonly activateJoules: number;
  readonly transferJoules: number;
  /** Of all channels, whether they were used or not. */
  readonly backgroundJoules: number;
  readonly totalJoules: number;
}

/** Energy of `activity` on a device; the constants and their sources are `device.energy`. */
export function dramEnergy({ energy, channels }: DramDevice, activity: DramActivity): DramEnergy {
  const activateJoules = (activity.activations * energy.activatePicojoules) / PICOJOULES;
  const transferJoules = (activity.bits * energy.picojoulePerBit) / PICOJOULES;
  const backgroundJoules = channels * energy.backgroundWatts * activity.seconds;
  return {
    activateJoules,
    transferJoules,
    backgroundJoules,
    totalJoules: activateJoules + transferJoules + backgroundJoules,
  };
}

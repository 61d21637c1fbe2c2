/** `swat-sim dram`: what a pattern of requests reaches on an off-chip memory, in both models, and why not more. */
import { type Command, InvalidArgumentError } from "commander";
import { loadEnergyTable } from "../api/open.ts";
import { writeFileAtomically } from "../io/atomic-file.ts";
import { percent, plainTable } from "../report/tables/table.ts";
import type { EnergyTable } from "../sim/energy/table.ts";
import { DEFAULT_ADDRESS_MAP, parseAddressMap } from "../sim/memory/dram/address-map.ts";
import { DRAM_STALLS } from "../sim/memory/dram/channel.ts";
import { type EffectiveBandwidth, effectiveBandwidth } from "../sim/memory/dram/closed-form.ts";
import { type DramDevice, MOST_CHANNELS, MOST_RANKS, resolveDram } from "../sim/memory/dram/device.ts";
import { dramCharges } from "../sim/memory/dram/energy.ts";
import { type TrafficPattern, tileRequests, usefulShare } from "../sim/memory/dram/patterns.ts";
import { DRAM_PRESETS, type DramPresetName } from "../sim/memory/dram/presets.ts";
import { type RequestResult, simulateRequests } from "../sim/memory/dram/requests.ts";
import { DRAM_TRACE_FORMATS } from "../sim/memory/dram/traces.ts";
import { integer, numberIn, oneOf } from "./options/options.ts";

const GIGA = 1e9;
const PRESET_NAMES = Object.keys(DRAM_PRESETS) as DramPresetName[];
const FORMATS = Object.keys(DRAM_TRACE_FORMATS) as (keyof typeof DRAM_TRACE_FORMATS)[];
const DEFAULTS = { requests: 100_000, streams: 1, writes: 0 };
/** Longer than any list of requests, so that a stream never ends. */
const STREAM_BYTES = 2 ** 26;
const SEED = "swat-sim dram";
const BITS_PER_BYTE = 8;
/** What is simulated in about ten seconds. */
const MOST_REQUESTS = 1e7;
const MOST_STREAMS = 1e6;

interface DramOptions {
  preset: DramPresetName;
  channels?: number;
  ranks?: number;
  addressMap?: string;
  pattern: (burstBytes: number) => number;
  writes: number;
  streams: number;
  requests: number;
  explain?: true;
  export?: keyof typeof DRAM_TRACE_FORMATS;
  out?: string;
  json?: true;
}

/** Adds its options and its action. */
export function addDramCommand(command: Command): void {
  command
    .requiredOption("--preset <name>", PRESET_NAMES.join(", "), oneOf(PRESET_NAMES))
    .requiredOption("--pattern <name>", "sequential, random (single bursts) or chunks:BYTES", chunkBytes)
    .option("--channels <n>", "channels (default: the preset's)", integer(1, MOST_CHANNELS))
    .option("--ranks <n>", "ranks of each channel (default: the preset's)", integer(1, MOST_RANKS))
    .option("--address-map <fields>", `from most to least significant (default: ${DEFAULT_ADDRESS_MAP})`, addressMap)
    .option("--writes <share>", "share of bursts that are written, 0 ≤ share < 1", numberIn(0, 1), DEFAULTS.writes)
    .option("--streams <n>", "streams that take turns", integer(1, MOST_STREAMS), DEFAULTS.streams)
    .option("--requests <n>", "bursts to simulate", integer(1, MOST_REQUESTS), DEFAULTS.requests)
    .option("--explain", "print the losses by cause")
    .option("--export <format>", `write the requests for another simulator: ${FORMATS.join(", ")}`, oneOf(FORMATS))
    .option("-o, --out <file>", "where to write them")
    .option("--json", "print both results as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ swat-sim dram --preset HBM2 --pattern chunks:1024 --writes 0.33 --explain

GB is 1e9 bytes. The request model simulates every burst; the closed form is for whole networks.`,
    )
    .action(dram);
}

function addressMap(text: string): string {
  try {
    parseAddressMap(text, "map");
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return text;
}

function chunkBytes(text: string): (burstBytes: number) => number {
  if (text === "sequential") return () => STREAM_BYTES;
  if (text === "random") return (burstBytes) => burstBytes;
  const bytes = Number(/^chunks:([1-9]\d*)$/.exec(text)?.[1]);
  if (!(bytes <= STREAM_BYTES)) {
    throw new InvalidArgumentError(`known: sequential, random, chunks:BYTES with at most ${STREAM_BYTES} bytes.`);
  }
  return () => bytes;
}

async function dram(options: DramOptions, command: Command): Promise<void> {
  const { preset, channels, ranks, addressMap, writes, streams } = options;
  if ((options.export === undefined) !== (options.out === undefined)) {
    command.error("error: options '--export <format>' and '--out <file>' need each other");
  }
  const given = Object.entries({ channels, ranks, addressMap }).filter(([, value]) => value !== undefined);
  const device = resolveDram({ preset, ...Object.fromEntries(given) }, "swat-sim dram");
  const pattern = {
    readBytes: 1 - writes,
    writeBytes: writes,
    chunkBytes: options.pattern(device.burstBytes),
    streams,
  };
  const list = tileRequests(device, pattern, options.requests, SEED);
  if (options.export !== undefined && options.out !== undefined) {
    await writeFileAtomically(options.out, DRAM_TRACE_FORMATS[options.export](list));
  }
  const requests = simulateRequests(device, list.addresses, list.writes);
  const outcome = { pattern, requests, closedForm: effectiveBandwidth(device, pattern) };
  if (options.json) console.log(JSON.stringify({ dram: device.config, ...outcome }));
  else console.log(report(device, outcome, options.explain === true, await loadEnergyTable()));
}

interface Outcome {
  readonly pattern: TrafficPattern;
  readonly requests: RequestResult;
  readonly closedForm: EffectiveBandwidth;
}

function report(
  device: DramDevice,
  { pattern, requests, closedForm }: Outcome,
  explain: boolean,
  energy: EnergyTable,
): string {
  const { config, channels, peakBytesPerSecond } = device;
  const table = plainTable(["", "requests", "closed form"], 1);
  const gigabytes = (bytesPerSecond: number) => `${(bytesPerSecond / GIGA).toFixed(2)} GB/s`;
  // The request model moves bursts, of which the pattern may ask for a part.
  const useful = usefulShare(pattern, device.burstBytes);
  table.push(["reached", gigabytes(requests.bytesPerSecond * useful), gigabytes(closedForm.bytesPerSecond)]);
  const busCycles = requests.cycles * channels;
  table.push(["of peak", percent((requests.busy / busCycles) * useful), percent(closedForm.share)]);
  if (explain) {
    const causes = [...DRAM_STALLS, "channels", "partialBursts"] as const;
    const losses: Readonly<Record<string, number>> = closedForm.losses;
    const stalls: Readonly<Record<string, number>> = {
      ...requests.stalls,
      partialBursts: requests.busy * (1 - useful),
    };
    const share = (value: number | undefined) => (value === undefined ? "–" : percent(value));
    for (const cause of causes) {
      const stall = stalls[cause];
      table.push([
        `lost to ${LABELS[cause]}`,
        share(stall === undefined ? undefined : stall / busCycles),
        share(losses[cause]),
      ]);
    }
  }
  const { hits, misses, conflicts, activations, reads, writes, cycles } = requests;
  const total = reads + writes;
  const bits = total * device.burstBytes * BITS_PER_BYTE;
  const done = { activations, bits, seconds: cycles / device.clockHz };
  const picojoules = dramCharges(device).reduce(
    (sum, { action, count }) => sum + count(done) * energy.constant(action).picojoules({}),
    0,
  );
  return [
    `${config.preset}, ${channels} × ${gigabytes(peakBytesPerSecond / channels)} = ${gigabytes(peakBytesPerSecond)} peak, map ${config.addressMap}`,
    table.toString(),
    "",
    `rows: ${percent(hits / total)} hits, ${percent(misses / total)} closed, ${percent(conflicts / total)} conflicts`,
    `energy: ${(picojoules / (bits * useful)).toFixed(2)} pJ/bit (estimate of energy table ${energy.name})`,
  ].join("\n");
}

const LABELS = {
  bankGroup: "bank groups (tCCD_L)",
  activation: "activations (tFAW, tRRD)",
  row: "rows (tRP, tRCD, tRC)",
  turnaround: "turnarounds (read/write, ranks)",
  refresh: "refresh (tRFC)",
  queue: "waiting for requests",
  channels: "uneven channels",
  partialBursts: "bytes of bursts that nobody asked for",
} as const;

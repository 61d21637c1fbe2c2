/**
 * DNNsim's DaDianNao and Bit-Tactical runs, replayed on our machines of the same names; its SCNN runs in `dnnsim-scnn.ts`.
 * A case is translated: spatial dimensions change places (`packed-masks.ts`), one image (every image costs the same), a
 * fully connected layer runs on one column, a strided three-channel layer is folded. Source: DNNsim 4748a600.
 */
import { join } from "node:path";
import { type ConvGeometry, linearGeometry, outputHeight, outputWidth, sizeOf } from "../../src/core/geometry.ts";
import type { ObjectSchema, Static } from "../../src/core/input/schema.ts";
import { type BitTacticalParams, bitTactical } from "../../src/sim/arrays/bit-tactical.ts";
import { dadiannao } from "../../src/sim/arrays/dadiannao.ts";
import type { Accelerator, ComputeResult } from "../../src/sim/hardware/accelerator.ts";
import type { LineDetail, LineResult } from "../../src/sim/hardware/line-detail.ts";
import type { Operation } from "../../src/sim/operation/operation.ts";
import { readCase } from "./case-files.ts";
import { compareLines, lineDetailOf } from "./dnnsim-lines.ts";
import { replayScnn, scnnExempt } from "./dnnsim-scnn.ts";
import type { Oracle, Tally } from "./oracle.ts";
import { readNpyBytes, sliceOf, transposedMask } from "./packed-masks.ts";

interface Layer {
  readonly name: string;
  readonly type: string;
  readonly stride: number;
  readonly padding: number;
  readonly wgt_shape: readonly number[];
  readonly act_shape: readonly number[];
  readonly wgt_mask: string;
  readonly act_mask: string;
}

type Config = Readonly<Record<string, unknown>>;

interface Run {
  readonly config: Config;
  readonly memory_overrides?: Readonly<Record<string, unknown>> | null;
  readonly dram: string | null;
  readonly error?: unknown;
  readonly stats?: readonly Readonly<Record<string, unknown>>[];
}

interface Case {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly runs: readonly Run[];
}

/** Counts that we compare: DNNsim's name and ours. */
const COMPARED: readonly (readonly [string, (result: ComputeResult) => number])[] = [
  ["compute_cycles", (result) => result.cycles],
  ["scheduled PEs", (result) => result.counters.scheduledPEs],
  ["idle PEs", (result) => result.counters.idlePEs],
];

/** DNNsim's defaults: 0 and absent mean the default. */
const DEFAULTS = { lanes: 16, columns: 16, rows: 16, tiles: 16, lookahead_h: 2, lookaside_d: 5 } as const;
const DEFAULT_WIDTH = 16;
const WIDTH_KEYS = ["pe_width", "bits_pe", "width"] as const;
const DATA_WIDTH_KEYS = ["data_width", "act_data_width", "wgt_data_width"] as const;
const KNOWN_KEYS = new Set<string>([
  ...["arch", "tactical", "search_shape"],
  ...Object.keys(DEFAULTS),
  ...WIDTH_KEYS,
  ...DATA_WIDTH_KEYS,
]);
/** Strided first layers of exactly this many channels are folded. */
const FOLDED_CHANNELS = 3;

/** Adapter of DNNsim's golden cases. */
export const dnnsim: Oracle = {
  id: "dnnsim",
  async replay(dir, entry, _index, tally) {
    const golden = await readCase<Case>(dir, entry);
    for (const layer of golden.layers) {
      await tally.attempt(`${golden.name} ${layer.name}`, async () => {
        const operation = await forwardOf(dir, layer);
        for (const [i, run] of golden.runs.entries()) {
          await tally.attempt(`${golden.name}#${i} ${layer.name}`, () =>
            replay(golden.name, i, run, layer, operation, tally),
          );
        }
      });
    }
  },
};

function replay(name: string, index: number, run: Run, layer: Layer, operation: Operation, tally: Tally): void {
  const arch = String(run.config.arch);
  const machine = run.config.tactical === true ? "BitTactical" : arch;
  const where = `${name}#${index} ${layer.name} ${machine} ${run.dram ?? ""}`.trimEnd();
  const reason = exempt(run, layer, arch, operation);
  if (reason !== undefined) {
    tally.skip(arch === "SCNN" ? "SCNN counts" : "all counts", where, reason);
    return;
  }
  const stats = run.stats?.find((row) => row.layer === layer.name);
  if (stats === undefined) {
    tally.skip("all counts", where, "the run has no counts for this layer");
    return;
  }
  if (arch === "SCNN") {
    replayScnn(run.config, stats, operation, where, tally);
    return;
  }
  const [actBits, weightBits] = dataWidths(run.config);
  const detail = lineDetailOf(run.memory_overrides ?? {}, actBits, weightBits);
  if (typeof detail === "string") {
    tally.skip("cycles and gbuffer counts", where, detail);
    return;
  }
  const { result, lines } = simulate(run.config, layer, operation, detail);
  for (const [quantity, ours] of COMPARED) {
    const expected = stats[quantity];
    if (typeof expected === "number") tally.compare(`${machine} ${quantity}`, where, expected, ours(result));
    else tally.skip(quantity, where, "the run has no such count");
  }
  const rightCoordinates = outputWidth(operation.geometry) === outputHeight(operation.geometry);
  compareLines(lines, stats, { machine, where, dram: run.dram, rightCoordinates }, tally);
}

/** Why a run is not compared, if so. */
function exempt(run: Run, layer: Layer, arch: string, operation: Operation): string | undefined {
  if (run.error !== undefined && run.error !== null) return "the program gave an error";
  if (arch === "SCNN") return scnnExempt(run.config, operation, layer.type);
  if (arch !== "DaDianNao") return `architecture ${arch} is not modelled`;
  const unknown = Object.keys(run.config).filter((key) => !KNOWN_KEYS.has(key));
  if (unknown.length > 0) return `unknown settings ${unknown.join(", ")}`;
  if (Object.keys(run.memory_overrides ?? {}).some((key) => /^gbuffer_.*size$/.test(key))) return "small-memory case";
  if (layer.type === "fc") return undefined;
  if (layer.type !== "conv") return `layers of type ${layer.type} are not modelled`;
  if (layer.wgt_shape[1] !== layer.act_shape[1]) return "grouped convolution, which DNNsim gets wrong";
  if (isFolded(layer) && layer.act_shape[2] !== layer.act_shape[3]) {
    return "bug: the height of a folded first layer is taken from its width";
  }
  return undefined;
}

function isFolded(layer: Layer): boolean {
  return layer.type === "conv" && layer.act_shape[1] === FOLDED_CHANNELS && layer.stride > 1;
}

interface Replayed {
  readonly result: ComputeResult;
  readonly lines: LineResult;
}

function simulate(config: Config, layer: Layer, operation: Operation, line: LineDetail): Replayed {
  const number = (key: keyof typeof DEFAULTS) => Number(config[key] ?? 0) || DEFAULTS[key];
  const [actSteps, weightSteps] = valueSteps(config);
  const array = {
    lanes: number("lanes"),
    rows: Math.floor(number("rows") / weightSteps),
    columns: layer.type === "fc" ? 1 : Math.floor(number("columns") / actSteps),
    tiles: number("tiles"),
    batch: "image",
    dealing: "filters",
    foldStridedInput: isFolded(layer) ? FOLDED_CHANNELS : 0,
  } as const;
  if (config.tactical !== true) return replayOn(dadiannao, operation, array, line);
  const params: BitTacticalParams = {
    ...array,
    lookahead: number("lookahead_h"),
    lookaside: number("lookaside_d"),
    shape: config.search_shape === "L" ? "L" : "T",
    reschedulingCyclesPerLine: 1,
  };
  return replayOn(bitTactical, operation, params, line);
}

function replayOn<Schema extends ObjectSchema>(
  { run, runLines }: Accelerator<Schema>,
  operation: Operation,
  params: Static<Schema>,
  line: LineDetail,
): Replayed {
  if (runLines === undefined) throw new Error("the accelerator has no on-chip buffers");
  return { result: run(operation, params), lines: runLines(operation, params, line) };
}

/** Steps in which a processing element takes an activation and a weight that are wider than itself (spec §0). */
function valueSteps(config: Config): readonly [number, number] {
  const width = firstOf(config, WIDTH_KEYS) ?? DEFAULT_WIDTH;
  const [act, weight] = dataWidths(config);
  return [Math.ceil(act / width), Math.ceil(weight / width)];
}

/** Bits of an activation and of a weight. */
function dataWidths(config: Config): readonly [number, number] {
  const data = firstOf(config, ["data_width"]) ?? DEFAULT_WIDTH;
  return [firstOf(config, ["act_data_width"]) ?? data, firstOf(config, ["wgt_data_width"]) ?? data];
}

function firstOf(config: Config, keys: readonly string[]): number | undefined {
  return keys.map((key) => Number(config[key] ?? 0)).find((value) => value > 0);
}

async function forwardOf(dir: string, layer: Layer): Promise<Operation> {
  const weight = transposedMask(await readNpyBytes(join(dir, layer.wgt_mask)), layer.wgt_shape, layer.wgt_mask);
  const [images, ...image] = layer.act_shape;
  const actShape = layer.type === "fc" ? [images, sizeOf(image)] : layer.act_shape;
  const act = transposedMask(await readNpyBytes(join(dir, layer.act_mask)), actShape, layer.act_mask);
  const geometry = layer.type === "fc" ? linearGeometry(1, layer.wgt_shape[1], layer.wgt_shape[0]) : convOf(layer);
  return { pass: "forward", layer: layer.name, geometry, masks: { weight, input: sliceOf(act, 0) }, topKPeriod: 1 };
}

/** Geometry of one image; a folded image is padded to whole blocks, as DNNsim does it, which may add an output. */
function convOf(layer: Layer): ConvGeometry {
  const [K, C, S, R] = [...layer.wgt_shape, 1, 1];
  const [, channels, W, H] = [...layer.act_shape, 1, 1];
  const { stride, padding } = layer;
  const fill = (extent: number) => (isFolded(layer) ? (stride - ((extent + 2 * padding) % stride)) % stride : 0);
  return {
    ...{ N: 1, C: channels, H, W, K, R, S },
    stride: [stride, stride],
    padding: [padding, padding + fill(H), padding, padding + fill(W)],
    dilation: [1, 1],
    groups: C === channels ? 1 : Math.max(1, Math.floor(channels / C)),
  };
}

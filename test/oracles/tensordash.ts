/**
 * DNNsim's TensorDash training runs, replayed on our machine of the same name. A case is translated: spatial dimensions change
 * places, padding becomes four-sided, every image is an operation of its own, and where the original chose its operand by
 * rules of its own the choice is forced through `operand`. What only its bugs explain is skipped.
 */
import { type BitMask, countOnes } from "../../src/core/bit-mask.ts";
import { type ConvGeometry, outputHeight, outputWidth, sizeOf } from "../../src/core/geometry.ts";
import { tensordash as machine, type TensorDashParams } from "../../src/sim/arrays/tensordash.ts";
import type { ComputeResult } from "../../src/sim/hardware/accelerator.ts";
import type { Operation, Pass } from "../../src/sim/operation/operation.ts";
import { readCase } from "./case-files.ts";
import type { Oracle, Tally } from "./oracle.ts";
import { sliceOf, transposedMask } from "./packed-masks.ts";
import {
  cornerOnes,
  type GradPadding,
  gradPadding,
  gradPaddingFits,
  inputPadding,
  type PaddedLayer,
} from "./tensordash-layer.ts";
import { phasesOf, runPhases } from "./tensordash-phases.ts";

interface PackedMask {
  readonly shape: readonly number[];
  readonly bits: string;
}

interface Config {
  readonly lanes: number;
  readonly columns: number;
  readonly rows: number;
  readonly lookahead: number;
  readonly lookaside: number;
  readonly shape: "L" | "T";
  readonly banks: number;
}

type Stats = Readonly<Record<string, number>>;

interface Case {
  readonly name: string;
  readonly layer: PaddedLayer;
  readonly wgt: PackedMask;
  readonly act: PackedMask;
  readonly out_grad: PackedMask;
  readonly runs: readonly { readonly config: Config; readonly stats: Readonly<Record<string, Stats | null>> }[];
}

/** Quantities: our name, the original's, and how we count it. */
const QUANTITIES: readonly (readonly [string, string, (result: ComputeResult) => number])[] = [
  ["compute cycles", "compute_cycles", (result) => result.cycles],
  ["base cycles", "base_compute_cycles", (result) => result.baseCycles],
  ["ideal cycles", "ideal_compute_cycles", (result) => result.packedCycles],
  ["scheduled PEs", "scheduled_pe", (result) => result.counters.scheduledPEs],
  ["bank reads", "bank_reads", (result) => result.counters.bankReads],
  ["bank writes", "bank_writes", (result) => result.counters.bankWrites],
  ["bank conflicts", "read_bank_conflicts", (result) => result.counters.readBankConflicts],
];

/** Quantity → why it is not compared. */
type Skips = Map<string, string>;

const DEFAULTS = { lanes: 16, columns: 16, rows: 16, lookahead: 2, lookaside: 5, banks: 16 } as const;
const READS_PER_ENTRY = 16;
const NO_COUNTS = "the program runs no input gradient for a first layer";
const WRONG_GRAD_PADDING = "only a bug explains it: outputGrad is padded to another size than the input gradient needs";

/** Adapter of the TensorDash golden cases. */
export const tensordash: Oracle = {
  id: "tensordash",
  async replay(dir, entry, _index, tally) {
    const golden = await readCase<Case>(dir, entry);
    const translated = translate(golden);
    for (const [i, { config, stats }] of golden.runs.entries()) {
      await replayRun(`${golden.name}#${i}`, golden.layer, translated, paramsOf(config), stats, tally);
    }
  },
};

/** A case in our words: one geometry for one image, and the masks of each image. */
interface Translated {
  readonly geometry: ConvGeometry;
  readonly grad: GradPadding;
  readonly weight: BitMask;
  readonly inputs: readonly BitMask[];
  readonly outputGrads: readonly BitMask[];
}

function translate(golden: Case): Translated {
  const { layer } = golden;
  const unpack = (key: "wgt" | "act" | "out_grad") =>
    transposedMask(Buffer.from(golden[key].bits, "base64"), golden[key].shape, key);
  const images = (mask: BitMask) => Array.from({ length: mask.shape[0] }, (_, n) => sliceOf(mask, n));
  const geometry: ConvGeometry = {
    ...{ N: 1, C: layer.C, H: layer.Ny, W: layer.Nx, K: layer.K, R: layer.Ky, S: layer.Kx },
    stride: [layer.stride, layer.stride],
    padding: inputPadding(layer),
    dilation: [1, 1],
    groups: 1,
  };
  return {
    geometry,
    grad: gradPadding(layer),
    weight: unpack("wgt"),
    inputs: images(unpack("act")),
    outputGrads: images(unpack("out_grad")),
  };
}

/** The original's settings as ours: 0 means the default; tiles changed none of its numbers. */
function paramsOf(config: Config): TensorDashParams {
  return {
    lanes: config.lanes || DEFAULTS.lanes,
    columns: config.columns || DEFAULTS.columns,
    rows: config.rows || DEFAULTS.rows,
    lookahead: config.lookahead || DEFAULTS.lookahead,
    lookaside: config.lookaside || DEFAULTS.lookaside,
    shape: config.shape,
    sides: "one",
    banks: config.banks || DEFAULTS.banks,
    tiles: 1,
    batch: "image",
    dealing: "filters",
    operand: { forward: "sparser", inputGrad: "sparser", weightGrad: "sparser" },
  };
}

async function replayRun(
  where: string,
  layer: PaddedLayer,
  golden: Translated,
  params: TensorDashParams,
  stats: Readonly<Record<string, Stats | null>>,
  tally: Tally,
): Promise<void> {
  const { geometry } = golden;
  if (outputHeight(geometry) !== layer.Oy || outputWidth(geometry) !== layer.Ox) {
    tally.skip("all counts", where, "the output size does not follow from the layer's shapes");
    return;
  }
  const passes = { fw: forward, bw_in: inputGrad, bw_wgt: weightGrad };
  for (const [name, run] of Object.entries(passes)) {
    const expected = stats[name];
    if (expected === null) {
      tally.skip(`${name} counts`, where, NO_COUNTS);
      continue;
    }
    await tally.attempt(`${where} ${name}`, () => {
      if (expected === undefined) throw new Error("the run has no counts of this pass");
      comparePass(name, where, expected, run(layer, golden, params), tally);
    });
  }
}

function comparePass(name: string, where: string, expected: Stats, { results, skips }: PassReplay, tally: Tally): void {
  for (const [quantity, theirs, ours] of QUANTITIES) {
    const reason = skips.get(quantity) ?? skips.get("all");
    if (reason !== undefined) {
      tally.skip(`${name} ${quantity}`, where, reason);
      continue;
    }
    const actual = results.reduce((sum, result) => sum + ours(result), 0);
    tally.compare(`${name} ${quantity}`, where, expected[theirs], actual);
  }
}

interface PassReplay {
  readonly results: readonly ComputeResult[];
  readonly skips: Skips;
}

function operationOf(pass: Pass, { geometry, weight, inputs, outputGrads }: Translated, image: number): Operation {
  const masks = { weight, input: inputs[image], outputGrad: outputGrads[image] };
  return { pass, layer: "layer", geometry, masks, topKPeriod: 1 };
}

function forward(_: PaddedLayer, golden: Translated, params: TensorDashParams): PassReplay {
  const results = golden.inputs.map((_input, n) => machine.run(operationOf("forward", golden, n), params));
  return { results, skips: new Map() };
}

function inputGrad(layer: PaddedLayer, golden: Translated, params: TensorDashParams): PassReplay {
  if (!gradPaddingFits(layer)) return { results: [], skips: new Map([["all", WRONG_GRAD_PADDING]]) };
  if (layer.stride === 1) {
    const results = golden.inputs.map((_input, n) => machine.run(operationOf("inputGrad", golden, n), params));
    return { results, skips: new Map() };
  }
  const skips: Skips = new Map();
  if (layer.padding === 0 && layer.Kx % 2 === 0) {
    skips.set(
      "all",
      "only a bug explains it: unpadded even kernels with a stride have too few windows in later phases",
    );
  }
  const { grad } = golden;
  const weightSize = sizeOf(golden.weight.shape);
  const weightZeros = 1 - countOnes(golden.weight) / weightSize;
  const phases = phasesOf(layer, grad);
  const results = golden.outputGrads.flatMap((outputGrad, n) => {
    const gradSize = layer.K * grad.height * grad.width;
    const byGrad = 1 - countOnes(outputGrad) / gradSize > weightZeros;
    if (!byGrad) {
      for (const quantity of ["compute cycles", "ideal cycles", "scheduled PEs"]) {
        skips.set(quantity, "only a bug explains it: weights are never scheduled in a strided input gradient");
      }
    }
    const forced = byGrad ? "outputGrad" : "weight";
    if (phases.every(({ regular }) => regular)) {
      const operand = { ...params.operand, inputGrad: forced } as const;
      return machine.run(operationOf("inputGrad", golden, n), { ...params, operand });
    }
    return runPhases(phases, layer, grad, golden.weight, outputGrad, byGrad, params);
  });
  return { results, skips };
}

function weightGrad(layer: PaddedLayer, golden: Translated, params: TensorDashParams): PassReplay {
  const skips: Skips = new Map();
  const { C, K, Ox, Oy } = layer;
  const results = golden.inputs.map((input, n) => {
    // The original measures the activations on the first Ox × Oy corner of the padded image only.
    const inputZeros = 1 - cornerOnes(input, golden.geometry, Oy, Ox) / (C * Ox * Oy);
    const byInput = inputZeros > 1 - countOnes(golden.outputGrads[n]) / (K * Ox * Oy);
    const inputSet = byInput ? params.rows : params.columns;
    const gradSet = byInput ? params.columns : params.rows;
    if (C % inputSet !== 0 && C > inputSet) {
      skips.set("scheduled PEs", "only a bug explains it: live activation channels are taken from the wrong set");
    }
    const gradSets = Math.ceil(K / gradSet);
    const lines = gradSets * Math.ceil((Ox * Oy) / params.lanes);
    if (READS_PER_ENTRY % params.rows !== 0 || (lines * params.rows) % READS_PER_ENTRY !== 0) {
      skips.set("bank reads", "only a bug explains it: reads are counted only when exactly 16 have been collected");
    }
    const lastStart = (gradSets - 1) * gradSet;
    if (Math.ceil(lastStart / params.lanes) * params.lanes >= K) {
      skips.set("bank conflicts", "only a bug explains it: the last set of gradients has no bank map");
    }
    const operand = { ...params.operand, weightGrad: byInput ? "input" : "outputGrad" } as const;
    return machine.run(operationOf("weightGrad", golden, n), { ...params, operand });
  });
  return { results, skips };
}

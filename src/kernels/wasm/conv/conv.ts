/**
 * Convolution of the SIMD builds: SWAT's three passes with sparse weights (forward, inputGrad) and sparse activations
 * (weightGrad), and their dense counterparts in the same layout. Raihan & Aamodt 2020, Algorithm 1.
 */

import type { ConvGeometry } from "../../../core/geometry.ts";
import { inputHalo, outputGradHalo, outputHeight, outputWidth, sizeOf, weightShape } from "../../../core/geometry.ts";
import type { Conv, Tensor } from "../../backend.ts";
import { floatAboveZero } from "../float-threshold.ts";
import { type BlockedTensor, blocksOf, lanesFor } from "../layout.ts";
import type { Runner } from "../run/runner.ts";
import { type AxisGeometry, forwardAxis, gradientAxis } from "./axis.ts";
import { Gather } from "./gather.ts";
import { readable, reserveScratch, type Scratch, writeThrough } from "./memory.ts";
import { WeightGrad } from "./weight-grad.ts";
import { maxPairs, WeightPacker } from "./weights.ts";

const FLOAT_BYTES = 4;
/** Channels of a unit of `convBiasGrad`. */
const BIASES_TOGETHER = 4;

/** A convolution whose tensors come from `layOut` with a maxBatch of `g.N`, and whose weights are zero until set. */
export function createConv(runner: Runner, g: ConvGeometry): Conv {
  return new SimdConv(runner, g);
}

class SimdConv implements Conv {
  #runner: Runner;
  #g: ConvGeometry;
  #forward: Gather;
  #inputGrad: Gather;
  #packer: WeightPacker;
  #weightGrad: WeightGrad;
  #scratch: Scratch;
  /** Room for a bias or its gradient that lies elsewhere. */
  #biasCopy: number;

  constructor(runner: Runner, g: ConvGeometry) {
    this.#runner = runner;
    this.#g = g;
    const rows = axisOf(g, 0);
    const columns = axisOf(g, 1);
    const lanes = lanesFor(g.N);
    const rowBytes = (width: number, halo: number, channels: number) =>
      (width + 2 * halo) * channels * lanes * FLOAT_BYTES;
    const common = { lanes, groups: g.groups, kernelColumns: g.S, maxPairs: maxPairs(g) };
    const gradient = { rows: gradientAxis(rows), columns: gradientAxis(columns) };
    this.#forward = new Gather(runner, {
      ...common,
      targets: g.K / g.groups,
      sources: g.C / g.groups,
      rows: forwardAxis(rows),
      columns: forwardAxis(columns),
      targetRows: rows.output,
      sourceRowBytes: rowBytes(g.W, inputHalo(g)[1], g.C),
    });
    this.#inputGrad = new Gather(runner, {
      ...common,
      ...gradient,
      targets: g.C / g.groups,
      sources: g.K / g.groups,
      targetRows: rows.input,
      sourceRowBytes: rowBytes(columns.output, outputGradHalo(g)[1], g.K),
    });
    this.#packer = new WeightPacker(runner, g, this.#forward, this.#inputGrad);
    this.#weightGrad = new WeightGrad(runner, g, gradient.rows, gradient.columns);
    this.#scratch = reserveScratch(runner, sizeOf(weightShape(g)) * FLOAT_BYTES);
    this.#biasCopy = runner.allocate(g.K * FLOAT_BYTES);
  }

  setWeight(weight: Float32Array, threshold = 0): number {
    return this.#packer.pack(readable(this.#runner, weight, this.#scratch.address), floatAboveZero(threshold));
  }

  forward(batch: number, input: Tensor, bias: Float32Array | null, output: Tensor): void {
    const address = bias === null ? 0 : readable(this.#runner, bias, this.#biasCopy);
    this.#forward.run(batch, input as BlockedTensor, output as BlockedTensor, address, false);
  }

  inputGrad(batch: number, outputGrad: Tensor, inputGrad: Tensor, accumulate: boolean): void {
    this.#inputGrad.run(batch, outputGrad as BlockedTensor, inputGrad as BlockedTensor, 0, accumulate);
  }

  weightGrad(batch: number, outputGrad: Tensor, input: Tensor, threshold: number, weightGrad: Float32Array): void {
    this.#weightGrad.run(batch, outputGrad as BlockedTensor, input as BlockedTensor, threshold, weightGrad);
  }

  saveInput(batch: number, input: Tensor, threshold: number): void {
    this.#weightGrad.save(batch, input as BlockedTensor, threshold);
  }

  savedWeightGrad(batch: number, outputGrad: Tensor, weightGrad: Float32Array): void {
    this.#weightGrad.runSaved(batch, outputGrad as BlockedTensor, weightGrad);
  }

  biasGrad(batch: number, outputGrad: Tensor, biasGrad: Float32Array): void {
    const grad = outputGrad as BlockedTensor;
    writeThrough(this.#runner, biasGrad, this.#biasCopy, (address) =>
      this.#runner.run(
        "convBiasGrad",
        Math.ceil(this.#g.K / BIASES_TOGETHER),
        grad.record,
        blocksOf(grad, batch),
        address,
      ),
    );
  }
}

function axisOf(g: ConvGeometry, axis: 0 | 1): AxisGeometry {
  return {
    input: axis === 0 ? g.H : g.W,
    output: axis === 0 ? outputHeight(g) : outputWidth(g),
    kernel: axis === 0 ? g.R : g.S,
    stride: g.stride[axis],
    dilation: g.dilation[axis],
    padding: g.padding[axis === 0 ? 0 : 2],
  };
}

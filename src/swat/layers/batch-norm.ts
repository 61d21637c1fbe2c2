/** Batch norm over [N, H, W] of each channel, with PyTorch's ε and momentum; always dense. Ioffe & Szegedy 2015. */
import type { Kernels, NormGeometry } from "../../kernels/kernels.ts";
import type { StepRecorder } from "../record.ts";
import { type Activation, type Parameter, parameter } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** Batch norm with its statistics. */
export class BatchNormLayer implements Layer {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly buffers: Layer["buffers"];
  readonly #source: Activation;
  readonly #target: Activation;
  readonly #kernels: Kernels;
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #runningMean: Float32Array;
  readonly #runningVariance: Float32Array;
  readonly #mean: Float32Array;
  readonly #invStd: Float32Array;

  constructor(name: string, source: Activation, target: Activation, kernels: Kernels) {
    const [C] = source.shape;
    this.name = name;
    this.#source = source;
    this.#target = target;
    this.#kernels = kernels;
    this.#gamma = parameter(`${name}.weight`, [C], C);
    this.#gamma.values.fill(1);
    this.#beta = parameter(`${name}.bias`, [C], C);
    this.parameters = [this.#gamma, this.#beta];
    this.#runningMean = new Float32Array(C);
    this.#runningVariance = new Float32Array(C).fill(1);
    this.#mean = new Float32Array(C);
    this.#invStd = new Float32Array(C);
    this.buffers = [
      { name: `${name}.running_mean`, values: this.#runningMean },
      { name: `${name}.running_var`, values: this.#runningVariance },
    ];
  }

  forward(batch: number, phase: Phase): void {
    const g = this.#geometry(batch);
    const [input, output] = [this.#source.values, this.#target.values];
    const [gamma, beta] = [this.#gamma.values, this.#beta.values];
    const [mean, variance] = [this.#runningMean, this.#runningVariance];
    if (phase.training) {
      this.#kernels.batchNormTrain(
        g,
        input,
        gamma,
        beta,
        EPSILON,
        MOMENTUM,
        mean,
        variance,
        this.#mean,
        this.#invStd,
        output,
      );
    } else {
      this.#kernels.batchNormEval(g, input, gamma, beta, EPSILON, mean, variance, output);
    }
  }

  backward(batch: number): void {
    this.#kernels.batchNormBackward(
      this.#geometry(batch),
      this.#source.values,
      this.#gamma.values,
      this.#mean,
      this.#invStd,
      this.#target.grad as Float32Array,
      this.#source.grad as Float32Array,
      this.#gamma.grad,
      this.#beta.grad,
    );
  }

  recordForward(recorder: StepRecorder): void {
    recorder.move(
      "batchNorm",
      "forward",
      this.name,
      [recorder.activation(this.#source)],
      [recorder.activation(this.#target)],
    );
  }

  recordBackward(recorder: StepRecorder): void {
    const reads = [recorder.activation(this.#source), recorder.gradient(this.#target)];
    recorder.move("batchNorm", "backward", this.name, reads, [recorder.gradient(this.#source)]);
  }

  #geometry(batch: number): NormGeometry {
    const [C, H, W] = this.#source.shape;
    return { N: batch, C, pixels: H * W };
  }
}

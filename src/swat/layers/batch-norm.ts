/** Batch norm over [N, H, W] of each channel, with PyTorch's ε and momentum; always dense. Ioffe & Szegedy 2015. */
import type { Backend, BatchNorm, RunningStatistics, Tensor } from "../../kernels/backend.ts";
import { type Activation, type Parameter, parameter, type Source } from "../tensors.ts";
import type { Layer, Phase } from "./layer.ts";

const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** Batch norm with its statistics. */
export class BatchNormLayer implements Layer {
  readonly parameters: readonly Parameter[];
  readonly buffers: Layer["buffers"];
  readonly #norm: BatchNorm;
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #running: RunningStatistics;

  constructor(
    readonly name: string,
    readonly source: Source,
    readonly target: Activation,
    backend: Backend,
  ) {
    const [C] = source.shape;
    this.#norm = backend.batchNorm(source.shape, source.values.maxBatch);
    this.#gamma = parameter(backend, `${name}.weight`, [C], C);
    this.#gamma.values.fill(1);
    this.#beta = parameter(backend, `${name}.bias`, [C], C);
    this.parameters = [this.#gamma, this.#beta];
    const mean = backend.floats(C);
    const variance = backend.floats(C).fill(1);
    this.#running = { mean, variance, epsilon: EPSILON, momentum: MOMENTUM };
    this.buffers = [
      { name: `${name}.running_mean`, values: mean },
      { name: `${name}.running_var`, values: variance },
    ];
  }

  forward(batch: number, phase: Phase): void {
    const [input, output] = [this.source.values, this.target.values];
    const [gamma, beta] = [this.#gamma.values, this.#beta.values];
    if (phase.training) this.#norm.train(batch, input, gamma, beta, this.#running, output);
    else this.#norm.evaluate(batch, input, gamma, beta, this.#running, output);
  }

  backward(batch: number): void {
    const { values, grad, accumulate } = this.source;
    this.#norm.backward(
      batch,
      values,
      this.#gamma.values,
      this.target.grad as Tensor,
      grad as Tensor,
      accumulate,
      this.#gamma.grad,
      this.#beta.grad,
    );
  }
}

/** What trains the kind of layer from outside: gx = s_c · g, gs_c = Σ g · x over images and positions. */
import type { Backend, Tensor } from "../../../src/kernels/backend.ts";
import { addLayer } from "../../../src/swat/layers/index.ts";
import type { Layer } from "../../../src/swat/layers/layer.ts";
import { type Activation, type Parameter, parameter, type Source } from "../../../src/swat/tensors.ts";
import "./scale-kind.ts";

class ScaleLayer implements Layer {
  readonly parameters: readonly Parameter[];
  readonly buffers = [];
  readonly #scale: Parameter;

  constructor(
    readonly name: string,
    initial: number,
    readonly source: Source,
    readonly target: Activation,
    readonly backend: Backend,
  ) {
    const [channels] = source.shape;
    this.#scale = parameter(backend, `${name}.scale`, [channels], channels);
    this.#scale.values.fill(initial);
    this.parameters = [this.#scale];
  }

  forward(batch: number): void {
    const { values } = this.#scale;
    const input = this.#read(this.source.values, batch);
    const output = input.map((x, i) => x * values[this.#channel(i)]);
    this.backend.write(this.target.values, batch, output);
  }

  backward(batch: number): void {
    const { values, grad: scaleGrad } = this.#scale;
    const { grad, accumulate } = this.source;
    const input = this.#read(this.source.values, batch);
    const outputGrad = this.#read(this.target.grad as Tensor, batch);
    scaleGrad.fill(0);
    for (const [i, g] of outputGrad.entries()) scaleGrad[this.#channel(i)] += g * input[i];
    if (grad === null) return;
    const others = accumulate ? this.#read(grad, batch) : new Float32Array(input.length);
    this.backend.write(
      grad,
      batch,
      outputGrad.map((g, i) => others[i] + g * values[this.#channel(i)]),
    );
  }

  #read(tensor: Tensor, batch: number): Float32Array {
    const values = new Float32Array(batch * this.source.size);
    this.backend.read(tensor, batch, values);
    return values;
  }

  #channel(element: number): number {
    const [channels, height, width] = this.source.shape;
    return Math.floor(element / (height * width)) % channels;
  }
}

addLayer("scale", ({ name, initial }, { sources: [source], target, backend }) => {
  return new ScaleLayer(name, initial, source, target, backend);
});

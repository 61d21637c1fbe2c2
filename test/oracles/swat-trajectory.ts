/**
 * 20-step training runs of the `swat` oracle on our trainer: a small basic-block ResNet from given weights on given
 * batches. Losses, kept counts, the first step's logits, gradients and masks, and the final parameters.
 */
import { join } from "node:path";
import type { Backend, Tensor } from "../../src/kernels/backend.ts";
import { sizeOf } from "../../src/kernels/geometry.ts";
import { basicResnet } from "../../src/networks/basic-resnet.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { uniformSparsities } from "../../src/sparsity/uniform.ts";
import { SwatLayer } from "../../src/swat/layers/swat-layer.ts";
import { Model } from "../../src/swat/model.ts";
import type { Tally } from "./oracle.ts";
import { type GoldenTensor, readSafetensors } from "./safetensors-file.ts";

/** A `trajectory` entry of the index. */
export interface TrajectoryCase {
  readonly name: string;
  readonly file: string;
  readonly data: string;
  readonly params: {
    readonly lr: number;
    readonly momentum: number;
    readonly weight_decay: number;
    readonly nesterov: boolean;
    readonly density: number;
    readonly period: number;
    readonly pruning: string;
    readonly sparsify_first: boolean;
    readonly sparsify_last: boolean;
    readonly mode: string;
  };
  readonly noise: { readonly reliable_steps: number };
}

/** Shape of the network and the batches, from the `traj_data` entry. */
export interface TrajectoryData {
  readonly widths: readonly number[];
  readonly blocks_per_stage: number;
  readonly classes: number;
  readonly batch: number;
  readonly hw: number;
  readonly in_c: number;
  readonly steps: number;
}

const LOSS_TOLERANCE = 1e-5;
const LOGITS_TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;
const WEIGHTS_TOLERANCE = 1e-5;

/** Runs one trajectory on one kernel build. */
export async function runTrajectory(
  dir: string,
  one: TrajectoryCase,
  shape: TrajectoryData,
  backend: Backend,
  tally: Tally,
): Promise<void> {
  const { params } = one;
  const unknown = !["dense", "constant"].includes(params.mode) || params.pruning !== "unstructured";
  if (unknown) {
    tally.skip("trajectory", one.name, `${params.mode} ${params.pruning} is not a method of the trainer yet`);
    return;
  }
  const golden = await readSafetensors(join(dir, one.file));
  const data = await readSafetensors(join(dir, one.data));
  const model = modelOf(one, shape, backend);
  for (const { name, values } of model.parameters) values.set(floats(data, `init.${name}`));

  const layers = model.layers.filter((layer) => layer instanceof SwatLayer);
  const quantity = (what: string) => `trajectory ${what} (${backend.name})`;
  const { batch, steps } = shape;
  const images = floats(data, "x");
  const labels = Uint8Array.from(floats(data, "y"));
  for (let step = 0; step < steps; step++) {
    const where = `${one.name} step ${step}`;
    model.pixels.set(images.subarray(step * batch * model.images.size, (step + 1) * batch * model.images.size));
    model.forward(batch, { training: true, refresh: step % params.period === 0 });
    if (step === 0)
      close(
        tally,
        quantity("logits"),
        where,
        read(backend, model.logits.values, batch),
        floats(golden, "step0.logits"),
        LOGITS_TOLERANCE,
      );
    const loss = model.backward(batch, labels.subarray(step * batch, (step + 1) * batch), 0);
    if (step < one.noise.reliable_steps) {
      close(tally, quantity("loss"), where, [loss], floats(golden, "loss").slice(step, step + 1), LOSS_TOLERANCE);
      if (params.mode !== "dense") compareKept(tally, quantity, where, backend, layers, batch, golden, step);
    }
    if (step === 0) compareFirstStep(tally, quantity, one, model, layers, golden);
    const { momentum, nesterov, weight_decay: weightDecay } = params;
    model.update({ learningRate: params.lr, momentum, nesterov, weightDecay });
  }
  if (one.noise.reliable_steps === steps) {
    const distance = relativeDistance(model, golden);
    tally.judge(
      quantity("final weights"),
      one.name,
      distance <= WEIGHTS_TOLERANCE,
      `relative L2 ${distance}`,
      distance / WEIGHTS_TOLERANCE,
    );
  }
}

function modelOf({ params }: TrajectoryCase, shape: TrajectoryData, backend: Backend): Model {
  const table = { blocks: shape.widths.map(() => shape.blocks_per_stage), widths: shape.widths };
  const network = basicResnet("trajectory", table, [shape.in_c, shape.hw, shape.hw], shape.classes);
  const layers = layersOf(network).length;
  const exempt = { firstLayerDense: !params.sparsify_first, lastLayerDense: !params.sparsify_last };
  const sparsities =
    params.mode === "dense"
      ? new Array<null>(layers).fill(null)
      : uniformSparsities(layers, 1 - params.density, exempt);
  return new Model(network, shape.batch, backend, sparsities);
}

function compareKept(
  tally: Tally,
  quantity: (what: string) => string,
  where: string,
  backend: Backend,
  layers: readonly SwatLayer[],
  batch: number,
  golden: ReadonlyMap<string, GoldenTensor>,
  step: number,
): void {
  layers.forEach((layer, i) => {
    const at = step * layers.length + i;
    const { weight, source, thresholds } = layer;
    const keptW = kept(weight.values, weight.values.length, thresholds.weight);
    const keptX = kept(read(backend, source.values, batch), batch * source.size, thresholds.input);
    tally.compare(quantity("kept weights"), `${where} ${layer.name}`, floats(golden, "kept_w")[at], keptW);
    tally.compare(quantity("kept inputs"), `${where} ${layer.name}`, floats(golden, "kept_x")[at], keptX);
  });
}

function compareFirstStep(
  tally: Tally,
  quantity: (what: string) => string,
  one: TrajectoryCase,
  model: Model,
  layers: readonly SwatLayer[],
  golden: ReadonlyMap<string, GoldenTensor>,
): void {
  for (const { name, grad } of model.parameters) {
    close(
      tally,
      quantity("gradient"),
      `${one.name} ${name}`,
      grad,
      floats(golden, `step0.grad.${name}`),
      GRADIENT_TOLERANCE,
    );
  }
  if (one.params.mode === "dense") return;
  for (const layer of layers) {
    const mask = floats(golden, `step0.mask_w.${layer.name}`);
    const equal = layer.weight.values.every((v, i) => Math.abs(v) >= layer.thresholds.weight === (mask[i] === 1));
    tally.judge(quantity("weight mask"), `${one.name} ${layer.name}`, equal, "masks differ");
  }
}

function read(backend: Backend, tensor: Tensor, batch: number): Float32Array {
  const values = new Float32Array(batch * sizeOf(tensor.shape));
  backend.read(tensor, batch, values);
  return values;
}

function kept(values: Float32Array, size: number, threshold: number): number {
  let count = 0;
  for (let i = 0; i < size; i++) if (Math.abs(values[i]) >= threshold) count++;
  return count;
}

function relativeDistance(model: Model, golden: ReadonlyMap<string, GoldenTensor>): number {
  let difference = 0;
  let norm = 0;
  for (const { name, values } of model.parameters) {
    const expected = floats(golden, `final.${name}`);
    values.forEach((value, i) => {
      difference += (value - expected[i]) ** 2;
      norm += expected[i] ** 2;
    });
  }
  return Math.sqrt(difference / norm);
}

function close(
  tally: Tally,
  quantity: string,
  where: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(actual[i] - expected[i]) || 0);
  const finite = Array.from(actual).every(Number.isFinite);
  tally.judge(
    quantity,
    where,
    finite && worst <= tolerance,
    `largest difference ${worst}, tolerance ${tolerance}`,
    worst / tolerance,
  );
}

function floats(tensors: ReadonlyMap<string, GoldenTensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`golden tensor ${name} is missing`);
  return tensor.data as Float32Array;
}

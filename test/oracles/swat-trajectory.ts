/**
 * 20-step training runs of the `swat` oracle on our trainer: a small basic-block ResNet from given weights on given
 * batches. Losses, sparsities, kept counts, the first step's logits, gradients and masks, and the final parameters.
 */
import { join } from "node:path";
import { sizeOf } from "../../src/core/geometry.ts";
import type { Backend, Tensor } from "../../src/kernels/backend.ts";
import { layersOf, type Network, parameterShape } from "../../src/networks/graph.ts";
import { basicBlock } from "../../src/networks/residual-blocks.ts";
import { cifarResnet } from "../../src/networks/residual-network.ts";
import { fixedSparsities } from "../../src/sparsity/methods.ts";
import type { Pruning } from "../../src/sparsity/structured.ts";
import type { Exemptions } from "../../src/sparsity/uniform.ts";
import type { SwatLayer } from "../../src/swat/layers/swat-layer.ts";
import { Model } from "../../src/swat/model.ts";
import { MomentumSharing } from "../../src/swat/momentum-sharing.ts";
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
  /** Whether the convolutions have biases (default: they do). */
  readonly bias?: boolean;
}

const MODES = ["dense", "constant", "erk", "momentum"];
const PRUNINGS: Readonly<Record<string, Pruning>> = { unstructured: "unstructured", structured_channel: "channel" };

/** Of trajectories: absolute, and of final weights relative. */
export const LOSS_TOLERANCE = 1e-5;
export const LOGITS_TOLERANCE = 1e-5;
export const GRADIENT_TOLERANCE = 1e-4;
export const WEIGHTS_TOLERANCE = 1e-5;

/** An element so near to the threshold, relatively, may fall on either side of it. */
const THRESHOLD_ROUNDING = 1e-6;
/** Why the rest of a run is not compared. */
export const PARTED = "a value within rounding of the threshold fell on its other side, and the runs part";
export const UNRELIABLE = "beyond its reliable steps the program's own float32 and float64 runs part";

/** Runs one trajectory on one kernel build. */
export async function runTrajectory(
  dir: string,
  one: TrajectoryCase,
  shape: TrajectoryData,
  backend: Backend,
  tally: Tally,
): Promise<void> {
  const { params } = one;
  if (!MODES.includes(params.mode) || !(params.pruning in PRUNINGS)) {
    tally.skip("trajectory", one.name, `${params.mode} ${params.pruning} is not a method of the trainer`);
    return;
  }
  const golden = await readSafetensors(join(dir, one.file));
  const data = await readSafetensors(join(dir, one.data));
  const model = modelOf(one, shape, backend);
  for (const { name, values } of model.parameters) values.set(floats(data, `init.${name}`));

  const layers = model.swatLayers;
  const sharing =
    params.mode === "momentum" ? new MomentumSharing(layers, 1 - params.density, exemptionsOf(one)) : undefined;
  const quantity = (what: string) => `trajectory ${what} (${backend.name})`;
  const { batch, steps } = shape;
  const images = floats(data, "x");
  const labels = Uint8Array.from(floats(data, "y"));
  for (let step = 0; step < steps; step++) {
    const where = `${one.name} step ${step}`;
    if (step >= one.noise.reliable_steps) {
      tally.skip(quantity("rest of a run"), where, UNRELIABLE);
      return;
    }
    if (sharing !== undefined) compareSparsities(tally, quantity, where, layers, golden, step);
    model.pixels.set(images.subarray(step * batch * model.images.size, (step + 1) * batch * model.images.size));
    const inputs = new Map<string, Float32Array>();
    model.forward(
      batch,
      { training: true, refresh: step % params.period === 0 },
      {
        onOutput({ name }) {
          const layer = layers.find((one) => one.name === name);
          if (layer !== undefined) inputs.set(name, read(backend, layer.source.values, batch));
        },
      },
    );
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
    close(tally, quantity("loss"), where, [loss], floats(golden, "loss").slice(step, step + 1), LOSS_TOLERANCE);
    if (params.mode !== "dense") {
      if (hasParted(layers, inputs, golden, step)) {
        tally.skip(quantity("rest of a run"), where, PARTED);
        return;
      }
      compareKept(tally, quantity, where, layers, inputs, golden, step);
    }
    if (step === 0) compareFirstStep(tally, quantity, one, model, layers, golden);
    const { momentum, nesterov, weight_decay: weightDecay } = params;
    model.update({ learningRate: params.lr, momentum, nesterov, weightDecay }, sharing);
    sharing?.share();
  }
  const distance = relativeDistance(model, golden);
  const detail = `relative L2 ${distance}`;
  const share = distance / WEIGHTS_TOLERANCE;
  tally.judge(quantity("final weights"), one.name, distance <= WEIGHTS_TOLERANCE, detail, share);
}

/** The network of a trajectory. */
export function trajectoryNetwork(shape: TrajectoryData): Network {
  const blocks = shape.widths.map(() => shape.blocks_per_stage);
  const definition = cifarResnet("trajectory", { block: basicBlock, blocks, widths: shape.widths });
  const network = definition.build([shape.in_c, shape.hw, shape.hw], shape.classes);
  if (shape.bias ?? true) return network;
  return { ...network, nodes: network.nodes.map((node) => (node.op === "conv" ? { ...node, bias: false } : node)) };
}

function modelOf(one: TrajectoryCase, shape: TrajectoryData, backend: Backend): Model {
  const network = trajectoryNetwork(shape);
  return new Model(network, shape.batch, backend, sparsitiesOf(one, network), {
    pruning: PRUNINGS[one.params.pruning],
  });
}

function sparsitiesOf(one: TrajectoryCase, network: Network): readonly (number | null)[] {
  const { mode, density } = one.params;
  const shapes = layersOf(network).map(parameterShape);
  if (mode === "dense") return shapes.map(() => null);
  return fixedSparsities(mode === "erk" ? "swat-erk" : "swat-u", shapes, 1 - density, exemptionsOf(one));
}

function exemptionsOf({ params }: TrajectoryCase): Exemptions {
  return { firstLayerDense: !params.sparsify_first, lastLayerDense: !params.sparsify_last };
}

/** What SWAT-M has shared after the step before. */
function compareSparsities(
  tally: Tally,
  quantity: (what: string) => string,
  where: string,
  layers: readonly SwatLayer[],
  golden: ReadonlyMap<string, GoldenTensor>,
  step: number,
): void {
  layers.forEach(({ name, sparsity }, i) => {
    const theirs = Number(golden.get("sparsity")?.data[step * layers.length + i]);
    tally.compare(quantity("sparsity"), `${where} ${name}`, theirs, Number(sparsity));
  });
}

/** Whether a layer keeps another number of inputs or weights, and rounding at the threshold explains the difference. */
function hasParted(
  layers: readonly SwatLayer[],
  inputsOf: ReadonlyMap<string, Float32Array>,
  golden: ReadonlyMap<string, GoldenTensor>,
  step: number,
): boolean {
  const explained = (values: Float32Array, threshold: number, difference: number) => {
    const isNear = (value: number) => Math.abs(Math.abs(value) - threshold) <= THRESHOLD_ROUNDING * threshold;
    return difference !== 0 && Math.abs(difference) <= values.filter(isNear).length;
  };
  return layers.some(({ name, weight, sparseWeight, thresholds }, i) => {
    const at = step * layers.length + i;
    const inputs = inputsOf.get(name) as Float32Array;
    const extraInputs = kept(inputs, inputs.length, thresholds.input) - floats(golden, "kept_x")[at];
    if (explained(inputs, thresholds.input, extraInputs)) return true;
    const extraWeights = nonzeros(sparseWeight) - floats(golden, "kept_w")[at];
    return explained(weight.values, thresholds.weight, extraWeights);
  });
}

function compareKept(
  tally: Tally,
  quantity: (what: string) => string,
  where: string,
  layers: readonly SwatLayer[],
  inputs: ReadonlyMap<string, Float32Array>,
  golden: ReadonlyMap<string, GoldenTensor>,
  step: number,
): void {
  layers.forEach((layer, i) => {
    const at = step * layers.length + i;
    const input = inputs.get(layer.name) as Float32Array;
    const keptW = nonzeros(layer.sparseWeight);
    const keptX = kept(input, input.length, layer.thresholds.input);
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
    const equal = layer.sparseWeight.every((value, i) => (value !== 0) === (mask[i] === 1));
    tally.judge(quantity("weight mask"), `${one.name} ${layer.name}`, equal, "masks differ");
  }
}

/** [batch, C, H, W] of a tensor. */
export function read(backend: Backend, tensor: Tensor, batch: number): Float32Array {
  const values = new Float32Array(batch * sizeOf(tensor.shape));
  backend.read(tensor, batch, values);
  return values;
}

function kept(values: Float32Array, size: number, threshold: number): number {
  let count = 0;
  for (let i = 0; i < size; i++) if (Math.abs(values[i]) >= threshold) count++;
  return count;
}

function nonzeros(values: Float32Array): number {
  return values.reduce((count, value) => count + Number(value !== 0), 0);
}

/** ‖w − w_gold‖ / ‖w_gold‖ over all parameters. */
export function relativeDistance(model: Model, golden: ReadonlyMap<string, GoldenTensor>): number {
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

/** Judges the largest difference. */
export function close(
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

/** Values of a golden tensor. @throws Error where there is none. */
export function floats(tensors: ReadonlyMap<string, GoldenTensor>, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`golden tensor ${name} is missing`);
  return tensor.data as Float32Array;
}

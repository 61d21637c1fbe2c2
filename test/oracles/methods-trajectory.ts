/**
 * 20-step training runs of the `methods` oracle on our trainer, from given weights on given batches: losses, the first
 * step's logits and gradients, counts and masks of every kind of step, and the final parameters.
 */
import { join } from "node:path";
import { randomStream } from "../../src/core/random.ts";
import type { Backend } from "../../src/kernels/backend.ts";
import type { NetworkNode } from "../../src/networks/graph.ts";
import { maskMethodNamed } from "../../src/sparsity/masks/index.ts";
import type { MaskChange } from "../../src/sparsity/masks/mask-method.ts";
import { type MaskPlan, maskedLayers, regrowMasks } from "../../src/swat/masking.ts";
import { Model } from "../../src/swat/model.ts";
import type { Activation } from "../../src/swat/tensors.ts";
import type { Tally } from "./oracle.ts";
import { type GoldenTensor, readSafetensors } from "./safetensors-file.ts";
import {
  close,
  floats,
  GRADIENT_TOLERANCE,
  LOGITS_TOLERANCE,
  LOSS_TOLERANCE,
  read,
  relativeDistance,
  type TrajectoryData,
  trajectoryNetwork,
  UNRELIABLE,
  WEIGHTS_TOLERANCE,
} from "./swat-trajectory.ts";

/** A `trajectory` entry of the index. */
export interface MethodTrajectory {
  readonly name: string;
  readonly file: string;
  readonly data: string;
  readonly params: Readonly<Record<string, unknown>> & {
    readonly mode: string;
    readonly lr: number;
    readonly momentum: number;
    readonly weight_decay: number;
    readonly nesterov: boolean;
    readonly sparsify_first: boolean;
    readonly sparsify_last: boolean;
  };
  readonly mask_steps: readonly number[];
  readonly noise: { readonly reliable_steps: number; readonly gap_by_step: readonly number[] };
}

/** Scores of a selection so near to each other may change places, by the rounding of 20 steps. */
const ROUNDING_GAP = 1e-6;
/** An input of a ReLU so near to 0 may have the other sign. */
const ROUNDING_KINK = 2e-7;
const PARTED =
  "a value within rounding of a selection's limit or of a ReLU's kink fell on its other side, and the runs part";
/** Evaluation uses running statistics, in which rounding adds up. */
const EVALUATION_TOLERANCE = 1e-3;

/** What one replay compares with. */
interface Replay {
  readonly one: MethodTrajectory;
  readonly model: Model;
  readonly plan: MaskPlan;
  readonly golden: ReadonlyMap<string, GoldenTensor>;
  readonly tally: Tally;
  readonly quantity: (what: string) => string;
  /** Smallest |input of a ReLU| so far. */
  nearestKink: number;
}

/** Runs one trajectory on one kernel build. */
export async function runMethodTrajectory(
  dir: string,
  { one, shape }: { readonly one: MethodTrajectory; readonly shape: TrajectoryData },
  backend: Backend,
  tally: Tally,
): Promise<void> {
  const golden = await readSafetensors(join(dir, one.file));
  const data = await readSafetensors(join(dir, one.data));
  const plan = planOf(one, shape);
  const model = new Model(trajectoryNetwork(shape), shape.batch, backend, plan.layers);
  for (const { name, values } of model.parameters) values.set(floats(data, `init.${name}`));
  for (const { name, masks, weight } of model.swatLayers) {
    if (golden.has(`init_mask.${name}`)) masks?.active.set(floats(golden, `init_mask.${name}`));
    masks?.begin?.(weight);
  }
  const quantity = (what: string) => `trajectory ${what} (${backend.name})`;
  const replay: Replay = { one, model, plan, golden, tally, quantity, nearestKink: Infinity };
  const images = floats(data, "x");
  const labels = Uint8Array.from(floats(data, "y"));
  const { batch } = shape;
  const load = (step: number) =>
    model.pixels.set(images.subarray(step * batch * model.images.size, (step + 1) * batch * model.images.size));
  for (let step = 0; step < shape.steps; step++) {
    if (step >= one.noise.reliable_steps) {
      tally.skip(quantity("rest of a run"), `${one.name} step ${step}`, UNRELIABLE);
      return;
    }
    load(step);
    const hasParted = runStep(replay, step, batch, labels.subarray(step * batch, (step + 1) * batch));
    if (!hasParted) continue;
    tally.skip(quantity("rest of a run"), `${one.name} step ${step}`, PARTED);
    return;
  }
  const distance = relativeDistance(model, golden);
  const detail = `relative L2 ${distance}`;
  tally.judge(quantity("final weights"), one.name, distance <= WEIGHTS_TOLERANCE, detail, distance / WEIGHTS_TOLERANCE);
  load(0);
  compareEvaluation(replay, batch);
}

function planOf({ params }: MethodTrajectory, shape: TrajectoryData): MaskPlan {
  const method = maskMethodNamed(params.mode);
  if (method === undefined) throw new Error(`unknown mode, got "${params.mode}"`);
  const { lambda, period, distribution, alpha } = params;
  const options = {
    nm: { lambda, period, transposable: params.transposable ?? "none" },
    rigl: { distribution, alpha, deltaT: params.delta_t, beginStep: params.begin_step, endStep: params.end_step },
    topkast: { backwardSparsity: params.backward_sparsity, period },
  }[params.mode];
  const exempt = { firstLayerDense: !params.sparsify_first, lastLayerDense: !params.sparsify_last };
  const settings = {
    sparsity: Number(params.sparsity ?? params.forward_sparsity ?? 0),
    pruning: `${params.n}:${params.m}`,
    options: options as Record<string, unknown>,
    steps: shape.steps,
    random: (purpose: string, index: number) => randomStream(1, purpose, index),
  };
  const layers = method.masksOf(maskedLayers(trajectoryNetwork(shape), exempt), settings);
  return { layers, stepKind: (step) => method.stepKind(step, settings) };
}

/** One step with its comparisons; whether rounding has parted the runs, of which then nothing is compared. */
function runStep(replay: Replay, step: number, batch: number, labels: Uint8Array): boolean {
  const { one, model, plan, golden, tally, quantity } = replay;
  const where = `${one.name} step ${step}`;
  const maskStep = plan.stepKind(step);
  const observer = { onOutput: (node: NetworkNode, output: Activation) => lookForKinks(replay, node, output, batch) };
  model.forward(batch, { training: true, refresh: maskStep !== "keep", maskStep }, observer);
  const loss = model.backward(batch, labels, 0);
  const theirs = floats(golden, "loss")[step];
  const differs =
    Math.abs(loss - theirs) > LOSS_TOLERANCE ||
    (one.mask_steps.includes(step) && differingMasks(replay, step).length > 0);
  const isNear = one.noise.gap_by_step.slice(0, step + 1).some((gap) => gap < ROUNDING_GAP);
  if (differs && (isNear || replay.nearestKink < ROUNDING_KINK)) return true;
  close(tally, quantity("loss"), where, [loss], [theirs], LOSS_TOLERANCE);
  if (step === 0) compareFirstStep(replay, batch);
  const isRefreshed = Number(maskStep !== "keep");
  tally.compare(quantity("refreshed"), where, floats(golden, "refreshed")[step], isRefreshed);
  compareCounts(replay, step, ["kept_w", "kept_g"], keptOf(model));
  if (one.mask_steps.includes(step)) {
    for (const { name } of model.swatLayers) {
      const faults = differingMasks(replay, step).filter((mask) => mask.endsWith(`.${name}`));
      tally.judge(quantity("masks"), `${where} ${name}`, faults.length === 0, `${faults} differ`);
    }
  }
  const changes = maskStep === "regrow" ? regrowMasks(model, step) : [];
  if (golden.has("dropped")) {
    const counts = model.swatLayers.map((_, i) => changes[i] ?? NO_CHANGE);
    compareCounts(
      replay,
      step,
      ["dropped", "grown"],
      counts.map(({ dropped, grown }) => [dropped, grown]),
    );
  }
  const { lr: learningRate, momentum, nesterov, weight_decay: weightDecay } = one.params;
  if (maskStep !== "regrow") model.update({ learningRate, momentum, nesterov, weightDecay });
  return false;
}

/** Looks at the output of a node where a ReLU reads it, which it may do in place. */
function lookForKinks(replay: Replay, node: NetworkNode, { values }: Activation, batch: number): void {
  const { nodes } = replay.model.network;
  const index = nodes.indexOf(node);
  if (!nodes.some(({ op, from }) => op === "relu" && from[0] === index)) return;
  for (const value of read(replay.model.backend, values, batch)) {
    replay.nearestKink = Math.min(replay.nearestKink, Math.abs(value));
  }
}

const NO_CHANGE: MaskChange = { dropped: 0, grown: 0 };

/** |A| and |B| of each layer. */
function keptOf(model: Model): number[][] {
  const ones = (mask: Uint8Array | null, size: number) => mask?.reduce((sum, one) => sum + one, 0) ?? size;
  return model.swatLayers.map(({ active, wanted, weight: { values } }) => [
    ones(active, values.length),
    ones(wanted, values.length),
  ]);
}

function compareCounts(
  { one, model, golden, tally, quantity }: Replay,
  step: number,
  names: readonly string[],
  counts: readonly (readonly number[])[],
): void {
  model.swatLayers.forEach(({ name: layer }, i) => {
    names.forEach((name, which) => {
      const expected = floats(golden, name)[step * counts.length + i];
      tally.compare(quantity(name), `${one.name} step ${step} ${layer}`, expected, counts[i][which]);
    });
  });
}

/** Golden masks of a step that ours differ from. */
function differingMasks({ model, golden }: Replay, step: number): string[] {
  return model.swatLayers.flatMap(({ name, active, wanted }) =>
    Object.entries({ mask_w: active, mask_g: wanted }).flatMap(([which, ours]) => {
      const key = `step${step}.${which}.${name}`;
      const theirs = golden.get(key)?.data;
      return theirs === undefined || theirs.every((one, i) => one === (ours?.[i] ?? 1)) ? [] : [key];
    }),
  );
}

function compareFirstStep({ one, model, golden, tally, quantity }: Replay, batch: number): void {
  const logits = read(model.backend, model.logits.values, batch);
  close(tally, quantity("logits"), one.name, logits, floats(golden, "step0.logits"), LOGITS_TOLERANCE);
  for (const { name, grad } of model.parameters) {
    const theirs = floats(golden, `step0.grad.${name}`);
    close(tally, quantity("gradient"), `${one.name} ${name}`, grad, theirs, GRADIENT_TOLERANCE);
  }
}

/** The masks that evaluation chooses after the last step, and its logits of the first batch. */
function compareEvaluation({ one, model, golden, tally, quantity }: Replay, batch: number): void {
  model.forward(batch, { training: false, refresh: true });
  for (const { name, active, weight } of model.swatLayers) {
    const theirs = golden.get(`final.mask_w.${name}`)?.data;
    if (theirs === undefined) continue;
    const equal = weight.values.every((_, i) => theirs[i] === (active?.[i] ?? 1));
    tally.judge(quantity("final mask"), `${one.name} ${name}`, equal, "masks differ");
  }
  const logits = read(model.backend, model.logits.values, batch);
  const theirs = floats(golden, "final_eval_logits_batch0");
  close(tally, quantity("evaluation logits"), one.name, logits, theirs, EVALUATION_TOLERANCE);
}

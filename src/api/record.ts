/** Records one training step: a few steps from the initial weights on, thresholds computed anew in each, and the last as a trace. */

import { type Schema, Type } from "../core/input/schema.ts";
import { SPARSITY_RANGE } from "../core/sparsity-range.ts";
import { faultCollector, InputError, refusing } from "../io/faults.ts";
import { precompiled } from "../io/validators/program.ts";
import { createBackend } from "../kernels/index.ts";
import { networkNamed } from "../networks/index.ts";
import { runIdOf } from "../runs/run-id.ts";
import { firstImages } from "../swat/data/dataset.ts";
import { loadData } from "../swat/data/index.ts";
import { methodSettings } from "../swat/method-settings.ts";
import { defaultSchedule, TRAIN_DEFAULTS, type TrainSettings } from "../swat/settings.ts";
import { type TrainHooks, train } from "../swat/train.ts";
import { checkHooks, checkOptions } from "./request.ts";

/** Which step to record; what is not given is as by `swat-sim record`. */
export interface StepOptions {
  readonly network: string;
  readonly data: string;
  /** As in the settings of `train`. */
  readonly method?: string | undefined;
  readonly sparsity?: number | undefined;
  readonly pruning?: string | undefined;
  readonly methodOptions?: TrainSettings["methodOptions"] | undefined;
  readonly batch?: number;
  /** Training steps before the one that is recorded; one where not given. */
  readonly warmSteps?: number;
  readonly seed?: number;
  readonly kernels?: string | undefined;
  readonly threads?: number | undefined;
}

const count = (minimum: number) => Type.Optional(Type.Integer({ minimum }));
const FIELDS = {
  ...{ network: Type.String(), data: Type.String(), kernels: Type.Optional(Type.String()) },
  method: Type.Optional(Type.String()),
  sparsity: Type.Optional(Type.Number(SPARSITY_RANGE)),
  pruning: Type.Optional(Type.String()),
  methodOptions: Type.Optional(Type.Record(Type.Unknown())),
  ...{ batch: count(1), warmSteps: count(0), seed: count(0), threads: count(1) },
} satisfies Record<keyof StepOptions, Schema>;
const OptionsSchema = Type.Object(FIELDS, { additionalProperties: false });
precompiled(OptionsSchema);

/** The bytes of the trace. @throws InputError for options that are refused; Error where the data set has fewer images than a batch, or training diverges; the reason of the signal when it is aborted. */
export async function recordStep(
  options: StepOptions,
  given: Pick<TrainHooks, "onProgress" | "signal"> = {},
): Promise<Uint8Array> {
  const { faults, attempt } = faultCollector();
  attempt(() => checkOptions(OptionsSchema, options, "recordStep"));
  attempt(() => checkHooks(given, "recordStep"));
  const d = TRAIN_DEFAULTS;
  const method = attempt(() => refusing("recordStep", () => methodSettings(options, d, "recordStep")));
  if (faults.length > 0 || method === undefined) throw new InputError(faults);
  const { signal, ...hooks } = given;
  signal?.throwIfAborted();
  const { batch = d.batchSize, seed = d.seed, warmSteps = 1 } = options;
  const data = await loadData(options.data, { seed, limit: batch * (warmSteps + 1), testLimit: 1 });
  const stepsPerEpoch = Math.floor(data.train.size / batch);
  if (stepsPerEpoch === 0) throw new InputError([`data: a batch needs ${batch} images, got ${data.train.size}`]);
  const { channels, height, width, classes } = data.train;
  const network = networkNamed(options.network).build([channels, height, width], classes);
  const epochs = Math.ceil((warmSteps + 1) / stepsPerEpoch);
  const settings = {
    ...d,
    ...method,
    ...{ batchSize: batch, epochs, warmup: method.methodOptions === undefined ? epochs : 0, seed },
    schedule: defaultSchedule(1, d.rate),
  };
  const whole = { ...data, train: firstImages(data.train, stepsPerEpoch * batch) };
  const done = new AbortController();
  let recorded: Uint8Array | undefined;
  const backend = createBackend(options.kernels, options.threads);
  const images = { train: whole.train.size, test: data.test.size, channels, height, width, classes };
  const run = runIdOf({
    ...{ network: network.name, dataset: data.name, images, settings, kernels: backend.name },
    record: `steps:${warmSteps}`,
  });
  try {
    await train(network, whole, settings, backend, {
      ...hooks,
      run,
      signal: signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]),
      records: (step) => step === warmSteps,
      onTrace: async (_, bytes) => {
        recorded = bytes;
        done.abort();
      },
    });
  } finally {
    backend.close();
  }
  if (recorded === undefined) signal?.throwIfAborted();
  return recorded as Uint8Array;
}

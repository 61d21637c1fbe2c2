/** Sets with more classes than a byte counts, as ImageNet: the label of a class beyond 255 reaches the loss whole. */
import { expect, it } from "vitest";
import { createBackend } from "../../../src/kernels/index.ts";
import { networkNamed } from "../../../src/networks/index.ts";
import type { Dataset } from "../../../src/swat/data/dataset.ts";
import { generatedData } from "../../../src/swat/data/generated.ts";
import { TRAIN_DEFAULTS, type TrainSettings } from "../../../src/swat/settings.ts";
import { train } from "../../../src/swat/train.ts";

it("learns a class beyond 255", async () => {
  const { rate, ...defaults } = TRAIN_DEFAULTS;
  const settings: TrainSettings = { ...defaults, method: "dense", epochs: 3, schedule: [{ epoch: 0, rate }] };
  const data = generatedData({ seed: 1, height: 12, width: 12, channels: 1, trainSize: 160, testSize: 16 });
  const relabelled = (dataset: Dataset): Dataset => ({ ...dataset, classes: 300, label: () => 299 });
  const splits = { name: "one class", train: relabelled(data.train), test: relabelled(data.test) };
  const network = networkNamed("lenet5").build([1, 12, 12], 300);
  const { testAccuracy } = await train(network, splits, settings, createBackend("js"));
  expect(testAccuracy).toBe(1);
});

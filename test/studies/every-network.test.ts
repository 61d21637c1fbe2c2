/**
 * Every network takes a step with SWAT-U 90 %, and but for the largest a dense one, whose trace verifies and simulates; on the
 * smallest images that it takes. `bench/all-networks.ts` does both with all of them at full size.
 */
import { describe, expect, it } from "vitest";
import { networkNamed, networks } from "../../src/networks/index.ts";
import { networkStep, STEP_METHODS, stepFaults } from "./network-step.ts";

/** LeNet-5 and VGG-16 shrink the image most; ImageNet networks end at one pixel. */
const SIDES: Readonly<Record<string, number>> = {
  lenet5: 16,
  vgg16: 32,
  "resnet50-imagenet": 32,
  "wrn50-2-imagenet": 32,
};
const SIDE = 8;
/** Tens of millions of parameters, in families that have smaller ones. */
const LARGE = ["resnet101", "vgg16", "wrn28-10", "wrn50-2-imagenet"];
/** Milliseconds: the largest takes ten seconds on a machine that does nothing else. */
const PATIENCE = 180_000;

it("a step of one method has faults where it is taken for one of the other", async () => {
  const network = networkNamed("resnet8").build([3, SIDE, SIDE], 10);
  const [dense, sparse] = await Promise.all(STEP_METHODS.map((method) => networkStep(network, method, 2)));
  expect(stepFaults(network, "dense", sparse)).toContain("linear forward weight: must be dense, got 64 of 640");
  expect(stepFaults(network, "swat-u", dense)).toContain("linear forward weight: must keep 64 of 640, got 640");
});

describe.each(networks.map(({ name }) => name))("a step of %s", (name) => {
  const side = SIDES[name] ?? SIDE;
  const { build, classes } = networkNamed(name);
  const network = build([3, side, side], classes);
  it.each(LARGE.includes(name) ? (["swat-u"] as const) : STEP_METHODS)("%s", { timeout: PATIENCE }, async (method) => {
    expect(stepFaults(network, method, await networkStep(network, method, 2))).toEqual([]);
  });
});

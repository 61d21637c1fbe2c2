/**
 * Networks take a step with SWAT-U 90 %, and one of each kind of block a dense one, whose trace verifies and simulates; on the
 * smallest images that they take, and where the width is a number, with fewer filters. `bench/all-networks.ts` does both with all
 * of them at full size.
 */
import { describe, expect, it } from "vitest";
import { networkNamed, networks } from "../../src/networks/index.ts";
import { networkStep, STEP_METHODS, stepFaults } from "../studies/network-step.ts";
import { NARROWER } from "../support/narrower-networks.ts";

/** LeNet-5 and VGG-16 shrink the image most; ImageNet networks end at one pixel. */
const SIDES: Readonly<Record<string, number>> = {
  lenet5: 16,
  vgg16: 32,
  "resnet50-imagenet": 32,
};
const SIDE = 8;
/** More or wider blocks of another network. */
const LARGER = ["resnet34", "resnet101", "wrn50-2-imagenet", "mobilenet-v2-imagenet"];
/** One of each kind of block: others differ in how often and how wide. */
const DENSE = ["resnet8", "lenet5", "resnet20", "resnet18", "resnet50", "densenet121", "wrn16-8", "mobilenet-v2"];

it("a step of one method has faults where it is taken for one of the other", async () => {
  const network = networkNamed("resnet8").build([3, SIDE, SIDE], 10);
  const [dense, sparse] = await Promise.all(STEP_METHODS.map((method) => networkStep(network, method, 2)));
  expect(stepFaults(network, "dense", sparse)).toContain("linear forward weight: must be dense, got 64 of 640");
  expect(stepFaults(network, "swat-u", dense)).toContain("linear forward weight: must keep 64 of 640, got 640");
});

const names = networks.map(({ name }) => name).filter((name) => !LARGER.includes(name));
describe.each(names)("a step of %s", (name) => {
  const side = SIDES[name] ?? SIDE;
  const { build, classes } = NARROWER[name] ?? networkNamed(name);
  const network = build([3, side, side], classes);
  it.each(DENSE.includes(name) ? STEP_METHODS : (["swat-u"] as const))("%s", async (method) => {
    expect(stepFaults(network, method, await networkStep(network, method, 2))).toEqual([]);
  });
});

import { expect, test } from "vitest";
import { networkNamed } from "../../src/networks/index.ts";
import { parameterCount } from "../../src/step/layer-kinds.ts";

/** Parameters of the SWAT authors' models. */
const PUBLISHED: readonly (readonly [name: string, parameters: number])[] = [
  ["resnet18", 11_178_762],
  ["resnet34", 21_290_634],
  ["resnet50", 23_547_402],
  ["resnet101", 42_565_642],
  ["vgg16", 33_646_666],
  ["densenet121", 6_956_298],
  ["wrn16-8", 10_961_370],
  ["wrn28-10", 36_479_194],
  ["resnet50-imagenet", 25_557_032],
  ["wrn50-2-imagenet", 68_883_240],
];

test.each(PUBLISHED)("%s has as many parameters as the authors' model", (name, parameters) => {
  const { build, image, classes } = networkNamed(name);
  expect(parameterCount(build(image, classes))).toBe(parameters);
});

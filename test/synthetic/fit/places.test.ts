/** Where layers lie, as far as their default patterns depend on it. */
import { expect, test } from "vitest";
import { layersOf } from "../../../src/networks/graph.ts";
import { networkNamed } from "../../../src/networks/index.ts";
import { layerPlaces } from "../../../src/synthetic/fit/places.ts";

function placesOf(name: string) {
  const { build, image, classes } = networkNamed(name);
  const network = build(image, classes);
  const places = layerPlaces({ network, method: "swat-u", sparsity: 0.9, trained: 1e4 });
  return new Map(layersOf(network).map((layer, index) => [layer.name, places[index]]));
}

test("inputs count the identity shortcuts since a projection", () => {
  const places = placesOf("resnet20");
  const counts = ["layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2", "layer3.0"].map(
    (block) => places.get(`${block}.conv1`)?.shortcuts,
  );
  expect(counts).toEqual([0, 1, 2, 3, 0, 1, 2]);
  for (const block of ["layer1.0", "layer1.2", "layer3.1"]) expect(places.get(`${block}.conv2`)?.shortcuts).toBe(0);
});

test("batch norm before a ReLU takes the sum back", () => {
  const [first, ...others] = placesOf("wrn16-8").values();
  expect([first, ...others.slice(0, -1)].every(({ shortcuts }) => shortcuts === 0)).toBe(true);
});

test("images of one channel are gray", () => {
  expect([...placesOf("lenet5").values()][0].gray).toBe(true);
  expect(placesOf("resnet20").get("conv1")?.gray).toBe(false);
});

import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/networks/graph-builder.ts";

function builder(height = 8, width = 6): GraphBuilder {
  return new GraphBuilder("net", [3, height, width]);
}

test("concat puts the channels of its parts one after the other, in the given order", () => {
  const net = builder();
  const a = net.conv("a", net.input, 5, { kernel: 1 });
  const both = net.concat("both", [a, net.input]);
  expect(net.nodes[both]).toEqual({ op: "concat", name: "both", from: [a, net.input], shape: [8, 8, 6] });
});

test("dropout keeps the shape and carries its rate", () => {
  const net = builder();
  expect(net.nodes[net.dropout("drop", net.input, 0.3)]).toMatchObject({ op: "dropout", rate: 0.3, shape: [3, 8, 6] });
});

describe("pooling", () => {
  test("has windows that touch without overlap where no stride is given", () => {
    const net = builder();
    const pooled = net.nodes[net.averagePool("pool", net.input, { kernel: 2 })];
    expect(pooled).toMatchObject({ shape: [3, 4, 3], geometry: { window: [2, 2], stride: [2, 2] } });
  });

  test("of 3×3 windows with stride 2 and padding 1 halves the plane, rounded up", () => {
    const net = builder(7, 6);
    const pooled = net.nodes[net.maxPool("pool", net.input, { kernel: 3, stride: 2, padding: 1 })];
    expect(pooled.shape).toEqual([3, 4, 3]);
  });
});

describe("what does not fit is refused", () => {
  test.each([
    ["a sum of two shapes", "sum: shapes must be equal, got 5×8×6 and 3×8×6"],
    ["a concatenation of two planes", "cat: height and width must be equal, got 3×8×6 and 3×4×3"],
    ["groups that do not divide the filters", "conv: groups must divide 3 channels and 4 filters, got 3"],
    ["a dropout of everything", "drop: rate must be at least 0 and below 1, got 1"],
    ["a kernel larger than the image", "network net: images are too small for conv, got 8×6 (height × width)"],
    ["a stride across the whole image", "network net: images are too small for conv, got 8×6 (height × width)"],
  ])("%s", (what, message) => {
    const net = builder();
    const attempts: Record<string, () => unknown> = {
      "a sum of two shapes": () => net.add("sum", net.conv("conv", net.input, 5, { kernel: 1 }), net.input),
      "a concatenation of two planes": () =>
        net.concat("cat", [net.input, net.maxPool("pool", net.input, { kernel: 2 })]),
      "groups that do not divide the filters": () => net.conv("conv", net.input, 4, { kernel: 1, groups: 3 }),
      "a dropout of everything": () => net.dropout("drop", net.input, 1),
      "a kernel larger than the image": () => net.conv("conv", net.input, 4, { kernel: 7 }),
      "a stride across the whole image": () => net.conv("conv", net.input, 4, { kernel: 7, stride: 7, padding: 3 }),
    };
    expect(attempts[what]).toThrow(message);
  });
});

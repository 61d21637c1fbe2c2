import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { maskOfNonzeros } from "../../../src/core/bit-mask.ts";
import { sizeOf } from "../../../src/core/geometry.ts";
import { memorySource } from "../../../src/io/byte-source.ts";
import { importNpyFolder, type NpyFolderOptions } from "../../../src/trace/import/npy-folder.ts";
import { isMacOp } from "../../../src/trace/manifest.ts";
import { encodeTrace, openTrace, type Trace } from "../../../src/trace/trace.ts";
import { verifyTrace } from "../../../src/trace/verify.ts";
import { npyFile } from "../../support/npy-file.ts";

const OPTIONS = { where: "masks", network: "net", stride: 1, padding: 0 };
const GOLDEN = "test/golden/dnnsim";

/** Every third element is zero. */
const values = (shape: readonly number[], from = 0) =>
  Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i + from) % 3);
const file = (...shape: number[]) => npyFile(values(shape), shape);

async function imported(files: Record<string, Uint8Array>, options: Partial<NpyFolderOptions> = {}): Promise<Trace> {
  const { manifest, masks } = importNpyFolder(new Map(Object.entries(files)), { ...OPTIONS, ...options });
  const trace = await openTrace(memorySource("imported", encodeTrace(manifest, masks)));
  expect(await verifyTrace(trace)).toEqual([]);
  return trace;
}

const described = (...layers: object[]) => ({ description: { path: "layers.json", content: { layers } } });
const opsOf = (trace: Trace) => trace.manifest.ops.map(({ layer, pass }) => `${layer} ${pass}`);

describe("a folder of .npy files", () => {
  const NETWORK = {
    "wgt-conv2.npy": file(4, 6, 3, 3),
    "act-conv2-0.npy": file(2, 6, 5, 5),
    "grad-conv2-0.npy": file(2, 4, 5, 5),
    "conv10.weight.npy": file(4, 2, 1, 1),
    "conv10.input.npy": file(2, 2, 7, 7),
    "fc.wgt.npy": file(3, 36),
    "fc.act.npy": file(2, 4, 3, 3),
    "fc.outGrad.npy": file(2, 3),
  };

  it("gives layers in the order of their numbers, and backward passes where there are gradients", async () => {
    const trace = await imported(NETWORK, { padding: 1 });
    expect(opsOf(trace)).toEqual([
      "conv2 forward",
      "conv10 forward",
      "fc forward",
      "fc inputGrad",
      "fc weightGrad",
      "conv2 weightGrad",
    ]);
    const [conv2, conv10, fc] = trace.manifest.ops.filter(isMacOp);
    expect(conv2.geometry).toMatchObject({
      N: 2,
      C: 6,
      H: 5,
      W: 5,
      K: 4,
      R: 3,
      S: 3,
      groups: 1,
      padding: [1, 1, 1, 1],
    });
    expect(conv10.geometry).toMatchObject({ C: 2, groups: 1 });
    expect([fc.kind, fc.geometry.C, fc.geometry.K]).toEqual(["linear", 36, 3]);
    const input = await trace.mask(conv2.operands.input as string);
    expect([...input.bytes]).toEqual([...maskOfNonzeros(values([2, 6, 5, 5]), [2, 6, 5, 5]).bytes]);
  });

  it("takes batches one after the other, and tells them from layers with a number", async () => {
    const trace = await imported({
      "wgt-a.npy": file(2, 2, 1, 1),
      "wgt-a-1.npy": file(2, 3, 1, 1),
      "act-a-0.npy": file(1, 2, 2, 2),
      "act-a-2.npy": file(3, 2, 2, 2),
      "act-a-1-0.npy": file(1, 3, 2, 2),
    });
    const [first, second] = trace.manifest.ops.filter(isMacOp);
    expect([first.layer, first.geometry.N, first.geometry.C]).toEqual(["a", 4, 2]);
    expect([second.layer, second.geometry.N, second.geometry.C]).toEqual(["a-1", 1, 3]);
    const both = [...values([1, 2, 2, 2]), ...values([3, 2, 2, 2])];
    const mask = await trace.mask("a:input");
    expect([...mask.bytes]).toEqual([...maskOfNonzeros(Float32Array.from(both), [4, 2, 2, 2]).bytes]);
  });

  it("follows its description: order, strides, file names, and the first layer's input gradient", async () => {
    const files = { "w.npy": file(2, 2, 3, 2), "x.npy": file(1, 2, 9, 9), "g.npy": file(1, 2, 5, 5), ...NETWORK };
    const layer = { name: "named", weight: "w.npy", input: "x.npy", outputGrad: "g.npy", inputGrad: true };
    const geometry = { stride: [2, 2], padding: [0, 2, 1, 1], dilation: [1, 2] };
    const trace = await imported(files, described({ ...layer, ...geometry }, { name: "conv10" }));
    expect(opsOf(trace)).toEqual(["named forward", "conv10 forward", "named inputGrad", "named weightGrad"]);
    expect(trace.manifest.ops.filter(isMacOp)[0].geometry).toMatchObject(geometry);
  });

  it("has groups where they are declared or a layer is plainly depth-wise, and says so", () => {
    const files = {
      "wgt-a.npy": file(4, 2, 1, 1),
      "act-a.npy": file(1, 6, 7, 7),
      "wgt-b.npy": file(5, 1, 3, 3),
      "act-b.npy": file(1, 5, 7, 7),
    };
    const layers = [{ name: "b" }, { name: "a", groups: 3, weight: "w3.npy" }];
    const description = described(...layers);
    const all = new Map(Object.entries({ ...files, "w3.npy": file(6, 2, 1, 1) }));
    const { manifest, notes } = importNpyFolder(all, { ...OPTIONS, ...description });
    expect(manifest.ops.filter(isMacOp).map(({ geometry }) => geometry.groups)).toEqual([5, 3]);
    expect(notes).toEqual([
      'masks: layer "b": 5 groups, depth-wise, by the shapes; weight [5,1,3,3], input [1,5,7,7]',
      'masks: layer "a": 3 groups, as declared; weight [6,2,1,1], input [1,6,7,7]',
    ]);
  });

  it.each([
    [
      "a missing input",
      { "wgt-a.npy": file(1, 1, 1, 1) },
      {},
      'masks: layer "a": input: no such file, got none of a.input.npy',
    ],
    [
      "a file of no layer",
      { ...NETWORK, "act-b.npy": file(1, 1) },
      {},
      "masks/act-b.npy: belongs to no layer that has a weight",
    ],
    ["no weight at all", {}, {}, "masks: no weight, got none of LAYER.weight.npy"],
    [
      "a gradient of another size",
      NETWORK,
      {},
      'masks: layer "conv2": operands.outputGrad: geometry needs [2,4,3,3], got tensor "conv2:outputGrad" of [2,4,5,5]',
    ],
    [
      "channels that do not fit",
      { "wgt-a.npy": file(2, 4, 1, 1), "act-a.npy": file(1, 6, 1, 1) },
      {},
      'masks: layer "a": the input has 6 channels, each filter 4, got weight [2,4,1,1], input [1,6,1,1]; valid: weight [K, C, R, S]',
    ],
    [
      "an input [N, H, W, C]",
      { "wgt-a.npy": file(4, 3, 3, 2), "act-a.npy": file(2, 6, 5, 3) },
      {},
      "got weight [4,3,3,2], input [2,6,5,3]; valid: weight [K, C, R, S] with input [N, C, H, W]; this input seems to be [N, H, W, C]",
    ],
    [
      "a weight [R, S, C, K] and an input [N, H, W, C]",
      { "wgt-a.npy": file(3, 3, 16, 32), "act-a.npy": file(1, 8, 8, 16) },
      {},
      "this weight seems to be [R, S, C, K]: save numpy.transpose(weight, (3, 2, 0, 1)) and numpy.transpose(input, (0, 3, 1, 2))",
    ],
    [
      "a grouped convolution that is not declared",
      { "wgt-a.npy": file(4, 2, 1, 1), "act-a.npy": file(1, 4, 7, 7) },
      {},
      'each filter 2, got weight [4,2,1,1], input [1,4,7,7]; valid: weight [K, C, R, S] with input [N, C, H, W], or "groups": 2 in layers.json',
    ],
    [
      "groups that do not divide the filters",
      { "wgt-a.npy": file(3, 2, 1, 1), "act-a.npy": file(1, 4, 7, 7) },
      described({ name: "a", groups: 2 }),
      'masks: layer "a": groups: got 2 with weight [3,2,1,1], input [1,4,7,7]; valid: input channels',
    ],
    [
      "no filters",
      { "wgt-a.npy": file(0, 3, 3, 2), "act-a.npy": file(2, 3, 6, 5) },
      {},
      "masks/wgt-a.npy: is empty, got shape [0,3,3,2]; valid: sizes of at least 1",
    ],
    [
      "no images",
      { "wgt-a.npy": file(3, 4), "act-a.npy": file(0, 4) },
      {},
      "masks/act-a.npy: is empty, got shape [0,4]",
    ],
    [
      "a weight of three dimensions",
      { "wgt-a.npy": file(2, 4, 1), "act-a.npy": file(1, 4, 1) },
      {},
      'masks: layer "a": got weight [2,4,1], input [1,4,1]; valid: weight [K, C/groups, R, S]',
    ],
    [
      "batches of different images",
      { "wgt-a.npy": file(1, 1), "act-a-0.npy": file(1, 1), "act-a-1.npy": file(1, 2) },
      {},
      "masks/act-a-1.npy: must be [any, 1], got [1,2]",
    ],
    [
      "a file that the description names",
      NETWORK,
      described({ name: "a", weight: "wgt-conv1.npy" }),
      'masks: layer "a": weight: unknown file, got "wgt-conv1.npy"; did you mean "wgt-conv2.npy"?',
    ],
    ["an unknown key", NETWORK, described({ name: "conv2", pad: 1 }), 'layers.json: layers.0: unknown key, got "pad"'],
    [
      "a packed mask of another size",
      { "wgt-a.npy": npyFile([255], [1], { dtype: "|u1" }), "act-a.npy": file(1, 3) },
      described({ name: "a", shapes: { weight: [3, 3] } }),
      "masks/wgt-a.npy: shapes.weight: got |u1 [1]; valid: [3,3], or 2 bytes |u1 that hold it packed",
    ],
  ])("with %s is refused", (_, files, options, message) => {
    const run = () => importNpyFolder(new Map(Object.entries(files)), { ...OPTIONS, ...options });
    expect(run).toThrow(message);
  });

  it("holds packed masks, as DNNsim's golden cases do: as many nonzeros as their program counted", async () => {
    const names = (await readdir(GOLDEN)).filter((name) => name.endsWith(".json") && name !== "index.json");
    let layers = 0;
    for (const name of names) {
      const golden = JSON.parse(await readFile(`${GOLDEN}/${name}`, "utf8"));
      for (const layer of golden.layers) {
        if (layer.wgt_mask === undefined || layer.wgt_nnz === undefined) continue;
        const trace = await imported(
          {
            "w.npy": await readFile(`${GOLDEN}/${layer.wgt_mask}`),
            "a.npy": await readFile(`${GOLDEN}/${layer.act_mask}`),
          },
          described({
            name: layer.name,
            weight: "w.npy",
            input: "a.npy",
            stride: layer.stride,
            padding: layer.padding,
            ...(layer.wgt_shape.length === 4 ? { groups: layer.act_shape[1] / layer.wgt_shape[1] } : {}),
            shapes: { weight: layer.wgt_shape, input: layer.act_shape },
          }),
        );
        const nonzeros = (operand: string) => trace.tensor(`${layer.name}:${operand}`).nonzeros;
        expect([nonzeros("weight"), nonzeros("input")], name).toEqual([layer.wgt_nnz, layer.act_nnz]);
        layers++;
      }
    }
    expect(layers).toBeGreaterThan(10);
  });
});

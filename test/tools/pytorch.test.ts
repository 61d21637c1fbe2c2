/**
 * `tools/swat_sim_trace.py` on networks that PyTorch trains: `record_cases.py` records them, and keeps beside the traces what
 * plain module hooks saw, as `.npy`. Needs a Python with PyTorch; where there is none, the tests are skipped.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadMachines, openTraces } from "../../src/api/open.ts";
import { countOnes, maskOfNonzeros } from "../../src/core/bit-mask.ts";
import { outputHeight, outputWidth, sizeOf } from "../../src/core/geometry.ts";
import { fileSource } from "../../src/io/file-source.ts";
import { layersOf } from "../../src/networks/graph.ts";
import { networkNamed } from "../../src/networks/index.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { networkMacs } from "../../src/step/flops.ts";
import { coverageOf, coverageText } from "../../src/trace/coverage.ts";
import { parseNpy } from "../../src/trace/import/npy.ts";
import { importNpyFolder } from "../../src/trace/import/npy-folder.ts";
import { isMacOp, type MacOp, type OtherOp } from "../../src/trace/manifest.ts";
import { openTrace, type Trace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";

const PYTHON = "/usr/bin/python3";
const SPARSITY = 0.9;
const BATCH = 2;
const hasTorch = canImportTorch();
const skipped = hasTorch ? "" : ` (skipped: ${PYTHON} cannot import torch)`;

describe.skipIf(!hasTorch)(`traces of PyTorch${skipped}`, () => {
  let folder = "";
  let report: Record<"warnings" | "aloneWarnings" | "partialWarnings" | "accumulatedWarnings" | "errors", string[]> & {
    lines: [string, string][];
    sameGradients: boolean;
  };
  let resnet: Trace;
  let topK: Trace;
  let odd: Trace;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "swat-sim-pytorch-"));
    const { stdout } = await promisify(execFile)(PYTHON, [resolve(import.meta.dirname, "record_cases.py"), folder]);
    report = JSON.parse(stdout);
    resnet = await opened("resnet18/step-000000.safetensors");
    topK = await opened("resnet18/step-000001.safetensors");
    odd = await opened("odd/step-000000.safetensors");
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const opened = async (name: string) => openTrace(await fileSource(join(folder, name)));
  const array = async (name: string) => parseNpy(await readFile(join(folder, name)), name);

  /** Mask of the largest magnitudes of an array. */
  async function largestOf(name: string): Promise<Buffer> {
    const { payload, shape } = await array(name);
    const magnitudes = new Float32Array(new Uint8Array(payload).buffer).map(Math.abs);
    // Batch norm's running statistics do not enter a training step, so that both steps see the same values.
    const threshold = magnitudes.toSorted().at(-Math.ceil((1 - SPARSITY) * magnitudes.length)) as number;
    const kept = new Uint8Array(magnitudes.length);
    for (const [i, x] of magnitudes.entries()) kept[i] = Number(x !== 0 && x >= threshold);
    return Buffer.from(maskOfNonzeros(kept, shape).bytes);
  }

  it("verify, and nothing is left beside them", async () => {
    for (const trace of [resnet, topK, odd]) expect(await verifyTrace(trace)).toEqual([]);
    expect((await readdir(join(folder, "resnet18"))).filter((name) => !/\.(npy|json|safetensors)$/.test(name))).toEqual(
      [],
    );
  });

  it("of ResNet-18 have the MACs of our own resnet18 in every layer and pass, in order", () => {
    const network = networkNamed("resnet18").build([3, 32, 32], 10);
    const dense = layersOf(network).map(() => ({ weight: 0, input: 0 }));
    const { layers } = networkMacs(network, dense, "exact");
    for (const pass of ["forward", "inputGrad", "weightGrad"] as const) {
      const expected = layers.map((layer) => layer.dense[pass] * BATCH).filter((macs) => macs > 0);
      const recorded = macOps(resnet, pass).map(macsOf);
      expect(recorded.sort(ascending)).toEqual(expected.sort(ascending));
    }
  });

  it("have input gradients in every layer but the one that reads the images", () => {
    const layers = macOps(resnet, "forward").map(({ layer }) => layer);
    expect(layers).toHaveLength(21);
    const backward = (pass: MacOp["pass"]) => macOps(resnet, pass).map(({ layer }) => layer);
    expect(backward("weightGrad").sort()).toEqual([...layers].sort());
    expect(backward("inputGrad").sort()).toEqual(layers.filter((layer) => layer !== "conv1").sort());
  });

  it("hold the zeros that module hooks see in every operand", async () => {
    for (const { layer, operands } of macOps(resnet, "weightGrad")) {
      const ids = { weight: `${layer}:weight`, input: operands.input, outputGrad: operands.outputGrad };
      for (const [operand, id] of Object.entries(ids)) {
        const { nonzeros, shape } = await array(`resnet18/${layer}.${operand}.npy`);
        const mask = await resnet.mask(id as string);
        expect(Buffer.from(mask.bytes).equals(maskOfNonzeros(nonzeros, shape).bytes), `${layer} ${operand}`).toBe(true);
      }
    }
    // Neither is dense: the images have zeros, and so has what follows a ReLU, in both directions.
    for (const id of ["conv1:input", "relu:output", "bn1:outputGrad"]) {
      const { nonzeros, shape } = resnet.tensor(id);
      expect(nonzeros).toBeLessThan(0.95 * sizeOf(shape));
    }
  });

  it("hold what moves bytes only, through in-place ReLUs and additions", () => {
    const moved = (kind: OtherOp["kind"]) => others(resnet).filter((op) => op.kind === kind);
    const counts = { batchNorm: 2 * 20, relu: 2 * 17, add: 2 * 8, averagePool: 2, loss: 1, optimizer: 41 };
    for (const [kind, count] of Object.entries(counts)) {
      expect(moved(kind as OtherOp["kind"]), kind).toHaveLength(count);
    }
    const [add] = moved("add");
    expect(add).toMatchObject({ reads: ["blocks.0.bn2:output", "relu:output"], writes: ["blocks.0.add:output"] });
    const back = others(resnet).find((op) => op.layer === add.layer && op.pass === "backward");
    expect(back?.writes).toEqual(["blocks.0.bn2:outputGrad", "relu:outputGrad"]);
    const update = moved("optimizer").find((op) => op.layer === "linear");
    expect(update?.writes).toContain("linear.weight:momentum");
  });

  it("with topk keep the largest magnitudes: of weights in forward and inputGrad, of inputs in weightGrad", async () => {
    const largest = new Map<string, Buffer>();
    for (const op of topK.manifest.ops.filter(isMacOp)) {
      if (op.layer === "conv1") continue;
      const operand = op.pass === "weightGrad" ? "input" : "weight";
      const name = `resnet18/${op.layer}.${operand}.npy`;
      const expected = largest.get(name) ?? (await largestOf(name));
      largest.set(name, expected);
      const mask = await topK.mask(op.operands[operand] as string);
      expect(expected.equals(mask.bytes), `${op.layer} ${op.pass}`).toBe(true);
    }
    const first = macOps(topK, "weightGrad").find(({ layer }) => layer === "conv1");
    expect(first?.operands.input).toBe("conv1:input");
    const saved = topK.manifest.tensors.filter(({ role }) => role === "savedActivation");
    expect(saved.map(({ within }) => within)).not.toContain(undefined);
    expect(topK.manifest.method).toMatchObject({ name: "swat-u", sparsity: SPARSITY, firstLayerDense: true });
  });

  it("simulate, and SWAT's selection allows more than activation zeros", async () => {
    const names = ["resnet18/step-000000.safetensors", "resnet18/step-000001.safetensors"];
    const traces = await openTraces(names.map((name) => join(folder, name)));
    const machines = await loadMachines(["ideal-4096"]);
    const speedups = [];
    for (const trace of traces) {
      const { totals } = (await simulate({ traces: [trace], machines })).machines[0];
      speedups.push(totals.forward?.speedup ?? 0);
    }
    expect(speedups[0]).toBeGreaterThan(1);
    expect(speedups[1]).toBeGreaterThan(5 * speedups[0]);
  });

  it("are those that trace import makes of the same tensors", async () => {
    const names = (await readdir(join(folder, "resnet18"))).filter((name) => name.endsWith(".npy"));
    const entries = names.map(async (name) => [name, await readFile(join(folder, "resnet18", name))] as const);
    const path = join(folder, "resnet18/layers.json");
    const description = { path, content: JSON.parse(await readFile(path, "utf8")) as unknown };
    const options = { where: folder, network: "unnamed", stride: 1, padding: 0, description };
    const { manifest } = importNpyFolder(new Map(await Promise.all(entries)), options);
    expect(manifest.network).toBe("ResNet18");
    for (const pass of ["forward", "inputGrad", "weightGrad"] as const) {
      const ours = manifest.ops.filter(isMacOp).filter((op) => op.pass === pass);
      const recorded = new Map(macOps(resnet, pass).map((op) => [op.layer, op]));
      expect(ours).toHaveLength(recorded.size);
      for (const op of ours) {
        const { geometry, operands } = recorded.get(op.layer) as MacOp;
        expect(op.geometry).toEqual(geometry);
        for (const [operand, id] of Object.entries(op.operands)) {
          const { nonzeros } = resnet.tensor(operands[operand as keyof typeof operands] as string);
          expect(manifest.tensors.find((tensor) => tensor.id === id)?.nonzeros, id).toBe(nonzeros);
        }
      }
    }
  });

  it("of half precision are recorded, under the number that was asked for", async () => {
    const half = await opened("half/step-000007.safetensors");
    expect(half.manifest.step).toBe(7);
    expect(half.manifest.ops.filter(isMacOp).map(({ layer, pass }) => `${layer} ${pass}`)).toEqual([
      "0 forward",
      "3 forward",
      "3 inputGrad",
      "3 weightGrad",
      "0 weightGrad",
    ]);
    const relu = half.tensor("1:output");
    expect(half.tensor("0:outputGrad").nonzeros).toBe(relu.nonzeros);
  });

  it("have geometries with groups, dilation, strides and padding by name", () => {
    const [first, grouped] = macOps(odd, "forward").map(({ geometry }) => geometry);
    expect(first).toMatchObject({ R: 3, S: 5, stride: [2, 1], padding: [1, 1, 2, 2] });
    expect(grouped).toMatchObject({ groups: 4, dilation: [2, 2], padding: [2, 2, 2, 2] });
  });

  it("hold weights as pruning left them", async () => {
    const { nonzeros, shape } = await array("odd/grouped.weight.npy");
    const mask = await odd.mask("grouped:weight");
    expect(countOnes(mask)).toBe(sizeOf(shape) / 2);
    expect([...mask.bytes]).toEqual([...maskOfNonzeros(nonzeros, shape).bytes]);
  });

  it("give a layer that is called twice two ops with one weight", () => {
    const calls = macOps(odd, "forward").filter(({ layer }) => layer.startsWith("twice"));
    expect(calls.map(({ layer }) => layer)).toEqual(["twice", "twice#2"]);
    expect(new Set(calls.map(({ operands }) => operands.weight)).size).toBe(1);
    expect(calls[0].operands.input).not.toBe(calls[1].operands.input);
  });

  it("take what a custom autograd function saves as they are told", async () => {
    const custom = odd.manifest.ops.filter(isMacOp).filter(({ layer }) => layer === "custom");
    expect(custom.map(({ pass }) => pass)).toEqual(["forward", "inputGrad", "weightGrad"]);
    const saved = odd.tensor(custom[2].operands.input as string);
    const source = custom[0].operands.input as string;
    expect(saved).toMatchObject({ role: "savedActivation", within: source });
    const [kept, natural] = [await odd.mask(saved.id), await odd.mask(source)];
    expect(countOnes(kept)).toBeGreaterThan(0);
    expect(countOnes(kept)).toBeLessThan(countOnes(natural));
  });

  it("leave training as it is, bit by bit, with a selection for the record, too", () => {
    expect(report.sameGradients).toBe(true);
  });

  it("name what they leave out, once", () => {
    expect(report.warnings).toEqual(["swat_sim_trace: conv_transpose2d in module 'up' is not recorded"]);
    expect(report.lines).toEqual([["record_cases.py", "x = self.up(self.custom(x))"]]);
    expect(odd.manifest.ops.filter(isMacOp).map(({ layer }) => layer)).not.toContain("up");
    // [2, 8, 2, 4], each element times 8 filters of 2×2; what it adds is [2, 8, 4, 8], all of 4 bytes.
    const [up] = odd.manifest.unrecorded ?? [];
    const macs = 2 * 8 * 2 * 4 * 8 * 4;
    expect(up).toEqual({
      ...{ name: "up", kind: "conv_transpose2d" },
      shapes: { reads: [[2, 8, 2, 4], [8, 8, 2, 2], [8]], writes: [[2, 8, 4, 8]] },
      macs: { forward: macs, inputGrad: macs, weightGrad: macs },
      bytesRead: 4 * (128 + 256 + 8),
      bytesWritten: 4 * 512,
    });
  });

  it("of tokens [N, T, C] are those of rows [N, C], norm, ReLU and addition included", async () => {
    const [tokens, rows] = await Promise.all(["0", "1"].map((step) => opened(`tokens/step-00000${step}.safetensors`)));
    expect(tokens.manifest.ops.map(({ kind, pass, layer }) => [kind, pass, layer])).toEqual([
      ["linear", "forward", "first"],
      ["batchNorm", "forward", "norm"],
      ["relu", "forward", "relu"],
      ["linear", "forward", "last"],
      ["add", "forward", "add"],
      ["add", "backward", "add"],
      ["linear", "inputGrad", "last"],
      ["linear", "weightGrad", "last"],
      ["relu", "backward", "relu"],
      ["batchNorm", "backward", "norm"],
      ["linear", "weightGrad", "first"],
    ]);
    expect(tokens.manifest.ops).toEqual(rows.manifest.ops);
    expect(tokens.manifest.tensors).toEqual(rows.manifest.tensors);
    for (const { id } of rows.manifest.tensors) expect(await tokens.mask(id)).toEqual(await rows.mask(id));
  });

  it("list what they lack with MACs from the shapes, and hold what follows it", async () => {
    const { manifest } = await opened("partial/step-000000.safetensors");
    const listed = (manifest.unrecorded ?? []).map(({ name, kind, macs }) => [name, kind, macs?.forward]);
    expect(listed).toEqual([
      // X Xᵀ of 2 × [7, 6], then [7, 7] · [7, 6].
      ["matmul", "matmul", 2 * 7 * 7 * 6],
      ["matmul#2", "matmul", 2 * 7 * 7 * 6],
      // 14 positions, four gates of 5 from 6 inputs and 5 states.
      ["lstm", "lstm", 14 * 4 * 5 * (6 + 5)],
      ["pad", "pad", undefined],
    ]);
    const forward = manifest.ops.filter(({ pass }) => pass === "forward");
    expect(forward.map(({ layer }) => layer)).toEqual(["first", "softmax", "relu", "last"]);
    // Recorded: 14 · 6 · 6 and, with the row that is padded, 16 · 5 · 3. 744 of 744 + 1176 + 3080.
    const coverage = coverageOf(manifest);
    expect(coverage?.macs.forward).toEqual({ recorded: 744, unrecorded: 4256 });
    expect(coverage && coverageText(coverage)).toBe(
      "14 % of the forward MACs are recorded; not recorded: 1 × lstm, 2 × matmul, 1 × pad",
    );
    expect(report.partialWarnings).toEqual([
      "swat_sim_trace: matmul in the model is not recorded",
      "swat_sim_trace: lstm in module 'lstm' is not recorded",
    ]);
  });

  it.each([0, 1])("hold what a checkpoint computes anew, and each gradient once (%i)", async (step) => {
    const { manifest } = await opened(`checkpoint/step-00000${step}.safetensors`);
    const passes = manifest.ops.filter(isMacOp).map(({ layer, pass }) => `${layer} ${pass}`);
    const own = step === 0 ? "b#2" : "b";
    expect(passes.sort()).toEqual(
      ["a forward", "b forward", "b#2 forward", "c forward", "a weightGrad"]
        .concat(["c", own].flatMap((layer) => [`${layer} inputGrad`, `${layer} weightGrad`]))
        .sort(),
    );
    expect(manifest.unrecorded).toBeUndefined();
  });

  it.each([0, 1])("of accumulated gradients hold every micro-batch and one update (%i)", async (step) => {
    const { manifest } = await opened(`accumulated/step-00000${step}.safetensors`);
    const passes = ["forward", "weightGrad"];
    const expected = ["0", "0#2", "0#3"].flatMap((layer) => passes.map((pass) => `${layer} ${pass}`));
    expect(manifest.ops.map(({ layer, pass }) => `${layer} ${pass}`)).toEqual([...expected, "0 update"]);
    expect(coverageOf(manifest)).toBeUndefined();
  });

  it("of one of four micro-batches say so and are charged a quarter of the update", async () => {
    const { manifest } = await opened("accumulated/step-000002.safetensors");
    expect(manifest.microBatches).toEqual({ recorded: 1, of: 4 });
    expect(manifest.ops.filter(({ kind }) => kind === "optimizer")).toMatchObject([{ share: 0.25 }]);
  });

  it("of a later micro-batch are incomplete; a forward pass after the last backward pass is not of the step", async () => {
    const { manifest } = await opened("accumulated/step-000003.safetensors");
    expect(manifest.ops.map(({ pass }) => pass)).toEqual(["forward", "weightGrad", "update"]);
    expect(manifest.unrecorded).toMatchObject([{ kind: "micro-batch" }]);
    expect(report.accumulatedWarnings).toEqual([
      "swat_sim_trace: gradients are not zero before the backward pass: the block holds one of several micro-batches; record all of them in one block, or pass micro_batches",
      "swat_sim_trace: a forward pass after the last backward pass is not recorded",
    ]);
  });

  it("of a model that is a layer itself hold it, without a warning", async () => {
    const layers = await Promise.all(["0", "1"].map((step) => opened(`alone/step-00000${step}.safetensors`)));
    expect(layers.map((trace) => macOps(trace, "weightGrad").map(({ kind }) => kind))).toEqual([["conv"], ["linear"]]);
    expect(report.aloneWarnings).toEqual([]);
  });

  it("of every so many steps are recorded, by the number given or counted", async () => {
    expect((await readdir(join(folder, "every"))).sort()).toEqual(
      [0, 3, 6].map((step) => `step-00000${step}.safetensors`),
    );
    expect((await readdir(join(folder, "every-counted"))).sort()).toEqual(
      [0, 4].map((step) => `step-00000${step}.safetensors`),
    );
    expect(await verifyTrace(await opened("every/step-000003.safetensors"))).toEqual([]);
  });

  it("are refused with settings that cannot be, and of no images", () => {
    expect(report.errors).toEqual([
      "record: conv2d of an empty input, got shape (0, 3, 8, 8); valid: a batch of at least 1",
      "topk: valid: 0 <= s < 1, got 1",
      "micro_batches: valid: at least 1, got 0",
      "every: valid: at least 1, got 0",
      "weights: unknown layer, got 'frist'; known: 0, 1, 2, 3",
      "saved_inputs['0']: needs a tensor of (2, 3, 8, 8), got (1,)",
    ]);
  });
});

function canImportTorch(): boolean {
  try {
    execFileSync(PYTHON, ["-c", "import torch"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function macOps(trace: Trace, pass: MacOp["pass"]): MacOp[] {
  return trace.manifest.ops.filter(isMacOp).filter((op) => op.pass === pass);
}

function others(trace: Trace): OtherOp[] {
  return trace.manifest.ops.filter((op): op is OtherOp => !isMacOp(op));
}

/** With image padding, as the tables of papers count. */
function macsOf({ geometry: g }: MacOp): number {
  return g.N * g.K * (g.C / g.groups) * g.R * g.S * outputHeight(g) * outputWidth(g);
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** A case, an index or a folder that is broken counts as a difference and stops nothing else. */
import { execFile } from "node:child_process";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folder.ts";
import { alterJson, copyCases } from "./golden-copies.ts";
import { outcomeLines } from "./outcome-lines.ts";
import { differs, exitCode, outcomesOf } from "./run-folders.ts";

const SCALESIM_CASE = "odd_17x33x65_8x32_ws_calc";

async function linesOf(dir: string): Promise<string[]> {
  return (await outcomesOf([dir], () => {})).flatMap(outcomeLines);
}

const differing = (lines: readonly string[]) => lines.filter((line) => line.includes("DIFFERS"));

describe("a case that cannot be replayed is named with its reason, and the others are compared", () => {
  test("where its file is missing, is not JSON, or is not named", async () => {
    const further = [{ id: "gone", file: "gone.json" }, { id: "garbled", file: "garbled.json" }, { id: "bare" }, null];
    const dir = await copyCases(await temporaryFolder(), "scalesim", [SCALESIM_CASE], further);
    await writeFile(join(dir, "garbled.json"), '{"id": "garbled", ');
    const lines = await linesOf(dir);
    expect(lines).toContain("scalesim cases replayed: 1/5");
    expect(lines).toContain("scalesim total − stall cycles: 1/1");
    expect(differing(lines)).toEqual([
      expect.stringMatching(/^scalesim DIFFERS gone: cannot be replayed: .*gone\.json/),
      expect.stringMatching(/^scalesim DIFFERS garbled: cannot be replayed: .*garbled\.json: is not JSON/),
      expect.stringMatching(/^scalesim DIFFERS bare: cannot be replayed: the index names no file/),
      expect.stringMatching(/^scalesim DIFFERS case 5: cannot be replayed: the index names no file/),
    ]);
  });

  test("where a packed mask has another size than its shape, or is no .npy", async () => {
    const dir = await copyCases(await temporaryFolder(), "dnnsim", ["c3_dense", "banks_few", "mix0"]);
    await truncate(join(dir, "banks_few.conv1.wgt.npy"), 200);
    await writeFile(join(dir, "mix0.conv1.act.npy"), "no array");
    const lines = await linesOf(dir);
    expect(lines).toContain("dnnsim cases replayed: 1/3");
    expect(differing(lines)).toEqual([
      expect.stringMatching(/banks_few conv1: cannot be replayed: banks_few\.conv1\.wgt\.npy: a mask of \d+ elements/),
      expect.stringMatching(/mix0 conv1: cannot be replayed: .*mix0\.conv1\.act\.npy: too short for a \.npy/),
    ]);
  });

  test("where a mask in base64 is cut off, while a run without counts differs alone", async () => {
    const dir = await copyCases(await temporaryFolder(), "tensordash", ["c1s1_w90.json", "fc_w50.json"]);
    await alterJson<{ act: { bits: string } }>(join(dir, "c1s1_w90.json"), (golden) => ({
      ...golden,
      act: { ...golden.act, bits: golden.act.bits.slice(0, 40) },
    }));
    await alterJson<{ runs: { stats: object }[] }>(join(dir, "fc_w50.json"), (golden) => {
      golden.runs[0].stats = { ...golden.runs[0].stats, fw: {} };
      return golden;
    });
    const lines = await linesOf(dir);
    expect(lines).toContain("tensordash cases replayed: 1/2");
    expect(lines).toContainEqual(expect.stringMatching(/DIFFERS c1s1_w90.*: act: a mask of \d+ elements takes/));
    expect(lines).toContain("tensordash fw base cycles: 2/3");
    expect(lines).toContain("tensordash bw_wgt base cycles: 3/3");
  });

  test("where a bitmap is cut off or missing", async () => {
    const dir = await copyCases(await temporaryFolder(), "stonne", ["sparse_00", "sparse_02", "tpu_32"]);
    await truncate(join(dir, "sparse_00.mk.bits"), 5);
    await alterJson<object>(join(dir, "sparse_02.json"), (golden) => ({ ...golden, bitmaps: undefined }));
    const lines = await linesOf(dir);
    expect(lines).toContain("stonne cases replayed: 1/3");
    expect(lines).toContain("stonne tpu cycles: 1/1");
    expect(differing(lines)).toEqual([
      expect.stringMatching(
        /sparse_00: cannot be replayed: .*sparse_00\.mk\.bits: a mask of 256 elements takes 32 bytes/,
      ),
      expect.stringMatching(/sparse_02: cannot be replayed: the case names no bitmaps/),
    ]);
  });

  test("where tensors are cut off, a network is unknown, or a kind is unknown", async () => {
    const cases = ["relu", "sgd_plain", "layer_inventory.json"];
    const further = [{ name: "new", kind: "fold", file: "x" }];
    const dir = await copyCases(await temporaryFolder(), "swat", cases, further);
    await truncate(join(dir, "relu.safetensors"), 600);
    await alterJson<Record<string, object>>(join(dir, "layer_inventory.json"), (table) => ({
      "cifar.NoNet/10": { layers: [] },
      "cifar.ResNet18/10": table["cifar.ResNet18/10"],
    }));
    const lines = await linesOf(dir);
    expect(lines).toContain("swat cases replayed: 1/4");
    expect(lines).toContain("swat inventory number of layers: 1/1");
    expect(lines).toContainEqual(expect.stringMatching(/^swat sgd \(js\): 5\/5/));
    expect(differing(lines)).toEqual([
      expect.stringMatching(/^swat DIFFERS relu: cannot be replayed: .*relu\.safetensors: /),
      expect.stringMatching(/^swat DIFFERS cifar\.NoNet\/10: cannot be replayed: .*nonet/),
      expect.stringMatching(/^swat DIFFERS new: cannot be replayed: unknown kind of case, got "fold"/),
    ]);
  });
});

describe("a folder that cannot be used is named, and the others are compared", () => {
  test.each([
    ["an index that is not JSON", "{", /index\.json: is not JSON/],
    ["an index without cases", '{"oracle": "stonne"}', /"cases" must be a list/],
    ["an oracle that nobody knows", '{"oracle": "gem5", "cases": []}', /unknown oracle, got "gem5"/],
    ["an index that is null", "null", /DIFFERS .*broken: /],
  ])("%s", async (_what, content, reason) => {
    const root = await temporaryFolder();
    await mkdir(join(root, "broken"));
    await writeFile(join(root, "broken/index.json"), content);
    await copyCases(root, "scalesim", [SCALESIM_CASE]);
    const outcomes = await outcomesOf([root], () => {});
    expect(outcomes.map(differs)).toEqual([true, false]);
    const lines = outcomes.flatMap(outcomeLines);
    expect(lines[0]).toMatch(reason);
    expect(lines).toContain("scalesim total − stall cycles: 1/1");
  });

  test("the command prints every line of the other folders and exits 1", async () => {
    const root = await temporaryFolder();
    const scalesim = await copyCases(root, "scalesim", [SCALESIM_CASE], [{ id: "gone", file: "gone.json" }]);
    const empty = join(root, "empty");
    await mkdir(empty);
    const run = await command(empty, join(root, "absent"), scalesim);
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/DIFFERS .*empty: no index\.json below this folder/);
    expect(run.stdout).toMatch(/DIFFERS .*absent: /);
    expect(run.stdout).toContain("scalesim total − stall cycles: 1/1\n");
    expect(run.stdout).toContain("scalesim DIFFERS gone: cannot be replayed");
  });

  test("a folder without any index is a wrong use of the command", async () => {
    const root = await temporaryFolder();
    expect(exitCode(await outcomesOf([root], () => {}))).toBe(2);
    await copyCases(root, "scalesim", [SCALESIM_CASE]);
    expect(exitCode(await outcomesOf([root], () => {}))).toBe(0);
  });
});

function command(...args: string[]): Promise<{ code: number; stdout: string }> {
  const script = join(import.meta.dirname, "validate.ts");
  return new Promise((resolve) => {
    execFile("node", ["--import", "tsx", script, ...args], (error, stdout) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout }),
    );
  });
}

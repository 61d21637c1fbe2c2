/** The example of a method of one's own works as its page says: it loads, trains, resumes, and is refused where it is wrong. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadMethods } from "../../src/api/method-modules.ts";
import { readTrace } from "../../src/api/open.ts";
import { resumeTraining, train } from "../../src/api/train.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { temporaryFolder } from "../support/folder.ts";

const [method] = await loadMethods(["examples/prune-at.js"]);
const SETTINGS = { method: method.name, methodOptions: { at: 2 }, sparsity: 0.8, batchSize: 8, epochs: 1 };
const JOB = { data: "generated:8x8x1", limit: 32, testLimit: 8, record: "every:1", kernels: "js" };

it("trains densely at first, then its masks decide what is multiplied and updated", async () => {
  const out = await temporaryFolder();
  const { traces } = await train({ ...JOB, settings: SETTINGS, out });
  const weightOf = async (path: string) => {
    const { trace } = await readTrace(path);
    expect(await verifyTrace(trace)).toEqual([]);
    expect(trace.manifest.method).toEqual({
      name: "prune-at",
      sparsity: 0.8,
      firstLayerDense: true,
      lastLayerDense: true,
    });
    const { refreshed, stepKind } = trace.manifest;
    const [weight, grad] = ["layer1.0.conv1:weight", "layer1.0.conv1.weight:grad"].map((id) => trace.tensor(id));
    return { refreshed, stepKind, kept: weight.nonzeros, wanted: grad.nonzeros };
  };
  const whole = { kept: 16 * 16 * 9, wanted: 16 * 16 * 9 };
  const pruned = { kept: Math.ceil((1 - 0.8) * 16 * 16 * 9), wanted: Math.ceil((1 - 0.8) * 16 * 16 * 9) };
  expect(await Promise.all(traces.map(weightOf))).toEqual([
    { refreshed: false, stepKind: "reuse", ...whole },
    { refreshed: false, stepKind: "reuse", ...whole },
    { refreshed: true, stepKind: "refresh", ...pruned },
    { refreshed: false, stepKind: "reuse", ...pruned },
  ]);
});

it("resumes with its masks, and ends as if it had never stopped", async () => {
  const [whole, stopped] = [await temporaryFolder(), await temporaryFolder()];
  await train({ ...JOB, settings: SETTINGS, out: whole });
  const abort = new AbortController();
  const onProgress = ({ step }: { step: number }) => step === 3 && abort.abort();
  await train({ ...JOB, settings: SETTINGS, out: stopped }, { signal: abort.signal, onProgress });
  await resumeTraining(stopped);
  const weights = await Promise.all([whole, stopped].map((out) => readFile(join(out, "weights.safetensors"))));
  expect(weights[1].equals(weights[0])).toBe(true);
});

it("is refused where its module is no method, gives masks of other sizes, or has a name that is taken", async () => {
  const folder = await temporaryFolder();
  const load = async (text: string) => {
    const path = join(folder, `module-${Math.floor(performance.now() * 1e6)}.js`);
    await writeFile(path, text);
    return loadMethods([path]);
  };
  await expect(load('export default { name: "half", options: {} };')).rejects.toThrow(
    /exemptions must be a function, got undefined\n.*stepKind must be a function.*\n.*masksOf must be a function/,
  );
  const body = "options: {}, exemptions: () => ({}), stepKind: () => 'keep', masksOf";
  await expect(load(`export default { name: "rigl", ${body}() {} };`)).rejects.toThrow(
    /name: is that of another method, got "rigl"; valid: any but dense, swat-u/,
  );
  const short = "{ sparsity: 0.5, active: new Uint8Array(3), wanted: null, state: {} }";
  await load(`export default { name: "short", ${body}: (layers) => layers.map(() => (${short})) };`);
  const settings = { ...SETTINGS, method: "short", methodOptions: {}, firstLayerDense: true, lastLayerDense: false };
  const faults = train({ ...JOB, settings, out: folder });
  await expect(faults).rejects.toThrow(/^method short: layer conv1: has masks although it is exempt; valid: null\n/);
  await expect(faults).rejects.toThrow(/layer layer1.0.conv1: active: got 3 elements; valid: a Uint8Array of 2304/);
});

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fileSource } from "../../../src/io/file-source.ts";
import { isMacOp } from "../../../src/trace/manifest.ts";
import { openTrace } from "../../../src/trace/trace.ts";
import { npyFile } from "../../support/npy-file.ts";
import { linesOf, swatSim } from "../program.ts";

let cwd = "";

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "swat-sim-import-"));
  await mkdir(join(cwd, "net"));
  const ones = (...shape: number[]) => npyFile(new Float32Array(shape.reduce((a, b) => a * b)).fill(1), shape);
  await writeFile(join(cwd, "net/wgt-a.npy"), ones(2, 3, 3, 3));
  await writeFile(join(cwd, "net/act-a-0.npy"), ones(1, 3, 4, 4));
  await writeFile(join(cwd, "layers.json"), JSON.stringify({ network: "named", layers: [{ name: "a", stride: 2 }] }));
  await writeFile(join(cwd, "top.csv"), "name,M,N,K,\nqkv,4,8,16,2:4,\n");
});
afterAll(() => rm(cwd, { recursive: true }));

async function geometryOf(file: string): Promise<{ network: string; geometry: unknown }> {
  const { manifest } = await openTrace(await fileSource(join(cwd, file)));
  const [op] = manifest.ops.filter(isMacOp);
  return { network: manifest.network, geometry: op.geometry };
}

it("a folder of arrays becomes a trace, described by options or by a file", async () => {
  const run = await swatSim(["trace", "import", "npy", "net", "-o", "a.safetensors", "--padding", "1"], { cwd });
  expect(run).toEqual({ code: 0, stdout: "a.safetensors: 1 layers, 1 ops, 0 masks\n", stderr: "" });
  expect(await geometryOf("a.safetensors")).toMatchObject({ network: "net", geometry: { padding: [1, 1, 1, 1] } });
  await swatSim(["trace", "import", "npy", "net", "-o", "b.safetensors", "--description", "layers.json"], { cwd });
  expect(await geometryOf("b.safetensors")).toMatchObject({ network: "named", geometry: { stride: [2, 2] } });
});

it("a topology becomes a trace that simulates", async () => {
  const args = ["trace", "import", "scalesim", "top.csv", "-o", "t.safetensors", "--batch", "3", "--seed", "5"];
  expect(await swatSim(args, { cwd })).toMatchObject({ code: 0, stdout: "t.safetensors: 1 layers, 1 ops, 1 masks\n" });
  expect(await geometryOf("t.safetensors")).toMatchObject({ network: "top", geometry: { N: 3, H: 4, K: 8, C: 16 } });
  const { code } = await swatSim(["simulate", "t.safetensors", "--hw", "systolic-4096", "--json"], { cwd });
  expect(code).toBe(0);
});

it("a description may begin with a byte order mark", async () => {
  await writeFile(join(cwd, "bom.json"), `\ufeff${JSON.stringify({ layers: [{ name: "a", padding: 1 }] })}`);
  const run = await swatSim(["trace", "import", "npy", "net", "-o", "m.safetensors", "--description", "bom.json"], {
    cwd,
  });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(await geometryOf("m.safetensors")).toMatchObject({ geometry: { padding: [1, 1, 1, 1] } });
});

it("how a source was read is noted on stderr; a binary file is named for what it is", async () => {
  await writeFile(join(cwd, "titles.csv"), "name,M,N,K,\nNCF,\na,4,8,16,\n");
  const run = await swatSim(["trace", "import", "scalesim", "titles.csv", "-o", "n.safetensors"], { cwd });
  expect(run).toMatchObject({ code: 0, stdout: "n.safetensors: 1 layers, 1 ops, 0 masks\n" });
  expect(linesOf(run.stderr)).toEqual(["note: titles.csv: lines without sizes are taken as titles: NCF"]);
  await writeFile(join(cwd, "book.csv"), Uint8Array.of(0x50, 0x4b, 3, 4, ...new Uint8Array(40)));
  const binary = await swatSim(["trace", "import", "scalesim", "book.csv", "-o", "n.safetensors"], { cwd });
  expect(linesOf(binary.stderr)).toEqual([
    "error: book.csv: is not a topology but a ZIP archive; unpack it first (unzip)",
  ]);
});

it("what is missing is named on one line", async () => {
  const missing = await swatSim(["trace", "import", "scalesim", "none.csv", "-o", "n.safetensors"], { cwd });
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(linesOf(missing.stderr)).toEqual(["error: none.csv: cannot be read, got no such file or directory"]);
  const folder = await swatSim(["trace", "import", "npy", "none", "-o", "n.safetensors"], { cwd });
  expect(linesOf(folder.stderr)).toEqual(["error: none: cannot read this directory, got no such file or directory"]);
});

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memorySource } from "../../src/io/byte-source.ts";
import { readResult } from "../../src/sim/result/read-result.ts";
import { readCheck } from "../../src/studies/check.ts";
import { mergedPoints } from "../../src/studies/sweep/points-file.ts";
import { decodeCheckpoint } from "../../src/swat/checkpoint.ts";
import { encodeContainer } from "../../src/trace/safetensors.ts";
import { openTrace } from "../../src/trace/trace.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const container = (key: string, manifest: object) =>
  memorySource("file", encodeContainer([], { [key]: JSON.stringify(manifest) }));

const FORMATS: Readonly<Record<string, (version: unknown) => unknown>> = {
  result: (schema) => readResult({ schema }, "file"),
  "check file": (schema) => readCheck({ schema }, "file"),
  trace: (version) => openTrace(container("swat-sim", { version })),
  checkpoint: (version) => decodeCheckpoint(container("swat-sim-checkpoint", { version })),
  points: async (sweep) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "points.jsonl"), `${JSON.stringify({ sweep, sha256: "", points: 1 })}\n`);
    return mergedPoints([folder]);
  },
};

describe.each(Object.entries(FORMATS))("the version of a %s", (_, read) => {
  it.each([["99.0"], ["0.9"], ["1"], ["1.x"], [1], [null], [undefined], [{ toString: 1 }], [["1.0"]], ["1.1.1"]])(
    "is checked first: %j is refused, and what would be valid is named",
    async (version) => {
      const faults = await faultsOf(() => read(version));
      expect(faults).toHaveLength(1);
      expect(faults[0]).toMatch(/unknown version, got .*; known: \d\.[\dx]/);
    },
  );
});

import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fileSource } from "../../src/io/file-source.ts";
import { openTrace } from "../../src/trace/trace.ts";
import { verifyTrace } from "../../src/trace/verify.ts";
import { temporaryFolder } from "../support/folder.ts";

interface Stored {
  readonly dtype: "U8" | "F32";
  readonly shape: readonly number[];
  readonly bytes: number;
}

const geometry = { H: 1, W: 1, K: 1, R: 1, S: 1, stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 };

/** A file with holes instead of zeros: a linear layer on an input of `N` × `C`, and what is stored, in this order. `last` are its last bytes. */
async function sparseFile(
  N: number,
  C: number,
  input: object,
  stored: Readonly<Record<string, Stored>>,
  last: readonly number[] = [],
) {
  const manifest = {
    ...{ version: "1.0", network: "n", method: { name: "dense" }, step: 0 },
    tensors: [
      { id: "i", role: "activation", shape: [N, C], ...input },
      { id: "w", role: "weight", shape: [1, C], nonzeros: C },
    ],
    ops: [
      {
        kind: "linear",
        pass: "forward",
        layer: "l",
        geometry: { N, C, ...geometry },
        operands: { input: "i", weight: "w" },
      },
    ],
  };
  const header: Record<string, unknown> = { __metadata__: { "swat-sim": JSON.stringify(manifest) } };
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(stored)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(await temporaryFolder(), "t.safetensors");
  const file = await open(path, "w");
  await file.write(Buffer.concat([length, json]));
  await file.truncate(8 + json.length + end);
  await file.write(Uint8Array.from(last), 0, last.length, 8 + json.length + end - last.length);
  await file.close();
  return path;
}

describe("a trace file", () => {
  it("of over 4 GiB is read by ranges", async () => {
    const values = { dtype: "F32", shape: [2 ** 28], bytes: 2 ** 30 } as const;
    const stored = {
      a: values,
      b: values,
      c: values,
      d: values,
      e: values,
      mask: { dtype: "U8", shape: [2, 1], bytes: 2 } as const,
    };
    const path = await sparseFile(2, 8, { nonzeros: 5, mask: "mask" }, stored, [0b101, 0b111]);
    const source = await fileSource(path);
    expect(source.sizeBytes).toBeGreaterThan(2 ** 32);
    const trace = await openTrace(source);
    expect([...(await trace.mask("i")).bytes]).toEqual([0b101, 0b111]);
    expect(await verifyTrace(trace)).toEqual([]);
    await expect(source.read(0, 2 ** 31)).rejects.toThrow(
      /too many bytes to read at once, got 2147483648; valid: at most 2147483647$/,
    );
  });

  it("with a mask of over 2 GiB is refused by tensor, size and limit before it is read", async () => {
    const [N, C] = [2 ** 24 + 8, 1024];
    const mask = { dtype: "U8", shape: [N, C / 8], bytes: (N * C) / 8 } as const;
    const opened = async (path: string) => openTrace(await fileSource(path));
    await expect(opened(await sparseFile(N, C, { nonzeros: 0, mask: "mask" }, { mask }))).rejects.toThrow(
      /tensor "i": mask is too large, got 2147484672 bytes; valid: at most 536870912$/,
    );
  });
});

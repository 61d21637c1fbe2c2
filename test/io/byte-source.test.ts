import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type ByteSource, memorySource } from "../../src/io/byte-source.ts";
import { fileSource, readJsonFile, sha256OfFile } from "../../src/io/file-source.ts";
import { faultsOf, temporaryFolder } from "../support/folder.ts";

const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i);

const SOURCES: Record<string, () => Promise<ByteSource>> = {
  memory: async () => memorySource("some bytes", BYTES),
  file: async () => {
    const path = join(await temporaryFolder(), "bytes");
    await writeFile(path, BYTES);
    return fileSource(path);
  },
};

describe.each(Object.entries(SOURCES))("a source over %s", (_, open) => {
  it("knows its size and gives the bytes of a range, empty ones and the last ones too", async () => {
    const source = await open();
    expect(source.sizeBytes).toBe(100);
    expect([...(await source.read(3, 4))]).toEqual([3, 4, 5, 6]);
    expect([...(await source.read(98, 2))]).toEqual([98, 99]);
    expect((await source.read(100, 0)).length).toBe(0);
    expect(await source.read(0, 100)).toHaveLength(100);
  });

  it("refuses a range that leaves it, with its name, the range and its size", async () => {
    const source = await open();
    expect(await faultsOf(() => source.read(98, 3))).toEqual([
      `${source.name}: bytes 98..101 are outside the file, got 100 bytes`,
    ]);
  });

  it("gives and refuses the same however often it was read", async () => {
    const source = await open();
    for (let i = 0; i < 5; i++) expect([...(await source.read(i, 2))]).toEqual([i, i + 1]);
    expect(await faultsOf(() => source.read(98, 3))).toEqual([
      `${source.name}: bytes 98..101 are outside the file, got 100 bytes`,
    ]);
  });

  it("answers several reads at once", async () => {
    const source = await open();
    const parts = await Promise.all([50, 0, 99].map((offset) => source.read(offset, 1)));
    expect(parts.map(([byte]) => byte)).toEqual([50, 0, 99]);
  });
});

describe("a source over a small file", () => {
  it("reads the file once for all that comes after a header", async () => {
    const path = join(await temporaryFolder(), "bytes");
    await writeFile(path, BYTES);
    const source = await fileSource(path);
    for (let i = 0; i < 3; i++) await source.read(i, 1);
    await rm(path);
    expect([...(await source.read(98, 2))]).toEqual([98, 99]);
  });
});

describe("opening a file", () => {
  it("says in words that there is none, or that it is a folder", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "sub"));
    const [missing, sub] = [join(folder, "missing"), join(folder, "sub")];
    expect(await faultsOf(() => fileSource(missing))).toEqual([`${missing}: no such file`]);
    expect(await faultsOf(() => fileSource(sub))).toEqual([`${sub}: is a directory, not a file`]);
    expect(await faultsOf(() => readJsonFile(missing))).toEqual([`${missing}: no such file`]);
    expect(await faultsOf(() => readJsonFile(sub))).toEqual([`${sub}: is a directory, not a file`]);
    expect(await faultsOf(() => sha256OfFile(missing))).toEqual([`${missing}: no such file`]);
  });

  it("names the file and the fault where JSON is damaged", async () => {
    const path = join(await temporaryFolder(), "damaged.json");
    await writeFile(path, '{"a": 1,}');
    const [fault] = await faultsOf(() => readJsonFile(path));
    expect(fault.startsWith(`${path}: is not JSON: `), fault).toBe(true);
  });

  it("hashes as sha256sum does", async () => {
    const path = join(await temporaryFolder(), "bytes");
    await writeFile(path, "abc");
    // FIPS 180-2, appendix B.1
    expect(await sha256OfFile(path)).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it.skipIf(process.platform === "win32")("refuses a device, which has no ranges", async () => {
    expect(await faultsOf(() => fileSource("/dev/null"))).toEqual(["/dev/null: is a pipe or device, not a file"]);
  });
});

/** A short run of the file fuzzer, whose valid files are answered and whose mutated ones are answered or refused. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/input/input-error.ts";
import { READERS } from "../support/readers.ts";
import { FileFuzzer } from "./fuzz-files.ts";
import { KINDS } from "./kinds.ts";
import { BrokenLaw, verdictOf } from "./outcome.ts";

const SEED = Number(process.env.SWAT_SIM_FC_SEED ?? 1);
const FILES = 50;
const LEAST_ANSWERED = 0.08;

describe.each(Object.keys(KINDS))("a file of the kind %s", async (kind) => {
  const fuzzer = await FileFuzzer.of(kind);

  it("that is valid is answered", async () => {
    for (const bytes of fuzzer.valid()) {
      expect(await fuzzer.read(bytes, "valid")).toEqual({ isAnswered: KINDS[kind].isForeign !== true });
    }
  });

  it("that is mutated is answered or refused in words", async () => {
    let answered = 0;
    for (let index = 0; index < FILES; index++) {
      const { isAnswered, fault } = await fuzzer.verdict(SEED, index);
      expect(fault, `index ${index}`).toBeUndefined();
      if (isAnswered) answered++;
    }
    // Else nothing is tested that lies behind the first look at a file.
    if (KINDS[kind].isForeign) expect(answered).toBe(0);
    else expect(answered).toBeGreaterThan(LEAST_ANSWERED * FILES);
  });
});

it("every reader has a kind", async () => {
  const kinds = await readFile(join(import.meta.dirname, "kinds.ts"), "utf8");
  const own = ["checkpoint", "array", "IDX", "IDX in gzip"];
  const unread = Object.keys(READERS).filter((name) => !own.includes(name) && !kinds.includes(`"${name}"`));
  expect(unread).toEqual([]);
});

it("a file is the same for the same seed and number, and another for another", async () => {
  const [one, other] = await Promise.all([FileFuzzer.of("config"), FileFuzzer.of("config")]);
  expect(one.file(3, 4)).toEqual(other.file(3, 4));
  expect(one.file(3, 4)).not.toEqual(one.file(3, 5));
});

describe("a verdict finds fault with", () => {
  const refusing =
    (...faults: readonly string[]) =>
    () => {
      throw new InputError(faults);
    };

  it.each<[string, () => unknown, RegExp]>([
    ["another error", () => (undefined as unknown as { x: number }).x, /^TypeError/],
    ["what is no error", () => Promise.reject("text"), /^threw text/],
    ["a broken law", () => Promise.reject(new BrokenLaw("a law")), /a law/],
    ["an error without faults", refusing(), /with 0 faults/],
    ["words of the engine", refusing("file: Cannot read properties of undefined (reading 'x')"), /words of the engine/],
    ["an object for a text", refusing("file: got [object Object]"), /words of the engine/],
    ["a warning that is printed", () => process.emitWarning("of a library"), /^printed of a library$/],
    ["an option", refusing("file: valid: --out"), /names an option/],
    ["an empty fault", refusing(""), /no visible line/],
  ])("%s", async (_, read, fault) => {
    expect((await verdictOf(read)).fault).toMatch(fault);
  });

  it("much time and much memory", async () => {
    const spin = () => {
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 200_000);
    };
    expect((await verdictOf(spin, { cpuSeconds: 0.01, megabytes: 1024 })).fault).toMatch(/^took \d\.\d s of CPU$/);
    const allocate = () => Buffer.alloc(process.resourceUsage().maxRSS * 1024, 1);
    expect((await verdictOf(allocate, { cpuSeconds: 100, megabytes: 10 })).fault).toMatch(/^took \d+ MB$/);
  });

  it("nothing where a line says what is wrong", async () => {
    expect(await verdictOf(refusing("file: width: must be >= 1, got 0"))).toEqual({ isAnswered: false });
  });
});

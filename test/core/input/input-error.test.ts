import { describe, expect, it } from "vitest";
import { faultCollector, faultsOf, InputError, refusing } from "../../../src/core/input/input-error.ts";

const ODD_TEXT = {
  toString() {
    throw new Error("no text");
  },
};
const closed = () => {
  throw new Error("closed");
};

class OddMessage extends Error {
  override get message(): string {
    throw new Error("no message");
  }
}

const recursive = (): number => 1 + recursive();

/** What a parser may throw. */
const THROWN: readonly [string, unknown][] = [
  ["null", null],
  ["undefined", undefined],
  ["a number", 7],
  ["a symbol", Symbol("s")],
  ["a text", "a\nb"],
  ["an object", {}],
  ["an object without a prototype", Object.create(null)],
  ["an object whose text throws", ODD_TEXT],
  ["a proxy", new Proxy({}, { get: closed, getPrototypeOf: closed, has: closed, ownKeys: closed })],
  ["a proxy of an error", new Proxy(new Error("a"), { get: closed })],
  ["a proxy of an InputError", new Proxy(new InputError(["a"]), { get: closed })],
  ["an error whose message throws", new OddMessage()],
  ["an error without a message", new Error()],
  ["an error whose message is an object", Object.assign(new Error(), { message: {} })],
  ["an InputError without faults", Object.assign(new InputError(["a"]), { faults: undefined })],
  ["a TypeError", new TypeError("Cannot read properties of undefined (reading 'x')")],
  ["a RangeError", new RangeError("Invalid string length")],
  ["a long message", new Error("x".repeat(1e6))],
];

describe("the boundary of readers", () => {
  it.each(THROWN)("makes one line with the file's name of %s", async (_, thrown) => {
    const now = () =>
      refusing("file.json", () => {
        throw thrown;
      });
    const later = () => refusing("file.json", () => Promise.reject(thrown));
    for (const action of [now, later]) {
      const error = await (async () => action())().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InputError);
      const { faults } = error as InputError;
      expect(faults).toHaveLength(1);
      expect(faults[0]).toMatch(/^file\.json: .{1,500}$/);
      expect(faults[0]).not.toMatch(/properties of undefined|string length/);
    }
    expect(faultsOf(thrown)).toHaveLength(1);
  });

  it("says so where nesting ends the runtime's stack", () => {
    expect(() => refusing("file.json", recursive)).toThrow("file.json: is nested too deeply");
  });

  it("leaves an InputError as it is, and gives what is read", async () => {
    const own = new InputError(["file: a", "file: b"]);
    const throwing = () =>
      refusing("other", () => {
        throw own;
      });
    expect(throwing).toThrow(own);
    expect(refusing("file", () => 3)).toBe(3);
    expect(await refusing("file", async () => 3)).toBe(3);
  });
});

describe("faults", () => {
  it("of an error are a hundred at most, and how many more there are", () => {
    const { faults } = new InputError(Array.from({ length: 1e6 }, (_, i) => `fault ${i}`));
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toBe("and at least 999900 more");
  });

  it("are long lines at most, without control characters and those that turn the direction of writing", () => {
    expect(new InputError(["x".repeat(1e6)]).faults[0].length).toBeLessThan(5000);
    expect(new InputError(["a\u202eb\u001b[31m\u2066"]).faults).toEqual(["a\\u202eb\\u001b[31m\\u2066"]);
  });

  it("are collected from InputErrors alone: a fault of the program is not one of the input", () => {
    const { faults, attempt } = faultCollector();
    expect(attempt(() => 1)).toBe(1);
    attempt(() => {
      throw new InputError(["a", "b"]);
    });
    expect(faults).toEqual(["a", "b"]);
    expect(() => attempt(() => (undefined as unknown as string).length)).toThrow(TypeError);
  });
});

it("a fault has at most 4000 characters, counted as they are shown", () => {
  for (const text of ["x".repeat(5000), "\u001b".repeat(3000), "\n".repeat(4000)]) {
    const [fault] = new InputError([text]).faults;
    expect(fault).toHaveLength(4001);
  }
});

import { describe, expect, it } from "vitest";
import { Type } from "../../src/core/input/schema.ts";
import { checkSchema, InputError, unknownName } from "../../src/io/faults.ts";
import { faultsOf } from "../support/folder.ts";

const strict = { additionalProperties: false };
const Shelf = Type.Object(
  {
    width: Type.Number({ minimum: 0 }),
    colour: Type.Enum(["red", "green", "blue"], { default: "red" }),
    books: Type.Array(Type.Object({ title: Type.String(), pages: Type.Integer({ minimum: 1 }) }, strict)),
    label: Type.Optional(Type.Object({ text: Type.String() }, strict)),
  },
  strict,
);

const check = (value: unknown) => faultsOf(() => checkSchema(Shelf, value, "shelf.json"));

describe("a value checked against a schema", () => {
  it("is given back as a copy with the defaults filled in", () => {
    const value = { width: 1, books: [{ title: "one", pages: 3 }] };
    const checked = checkSchema(Shelf, value, "shelf.json");
    expect(checked).toEqual({ width: 1, colour: "red", books: [{ title: "one", pages: 3 }] });
    expect(value).not.toHaveProperty("colour");
    expect(checked.books).not.toBe(value.books);
  });

  it("names the nearest key for an unknown one, and all that are known", async () => {
    expect(await check({ widht: 2, width: 1, books: [] })).toEqual([
      'shelf.json: unknown key, got "widht"; did you mean "width"? known: width, colour, books, label',
    ]);
  });

  it.each([
    ["a wrong type", { width: "3", books: [] }, /^shelf\.json: width: must be number, got "3"$/],
    ["a negative number", { width: -3, books: [] }, /^shelf\.json: width: must be >= 0, got -3$/],
    ["a missing key", { books: [] }, /^shelf\.json: missing key "width"$/],
    ["no object at all", null, /^shelf\.json: must be object, got null$/],
    [
      "another word than the known ones",
      { width: 1, colour: "gren", books: [] },
      /^shelf\.json: colour: unknown value, got "gren"; did you mean "green"\? known: red, green, blue$/,
    ],
    [
      "a fault deep inside",
      {
        width: 1,
        books: [
          { title: "one", pages: 1 },
          { title: "two", pages: 1.5 },
        ],
      },
      /^shelf\.json: books\.1\.pages: must be integer, got 1\.5$/,
    ],
    [
      "a key with the characters of JSON pointers",
      { width: 1, books: [], label: { text: "a", "a/b~c": 1 } },
      /^shelf\.json: label: unknown key, got "a\/b~c"; did you mean "text"\? known: text$/,
    ],
    ["a long value, which is cut", { width: "x".repeat(500), books: [] }, /^shelf\.json: width: .{40,100}…$/],
  ])("is refused for %s", async (_, value, line) => {
    const faults = await check(value);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(line);
  });

  it("tells all faults at once, each with its own path", async () => {
    const faults = await check({ width: -1, colour: 3, books: [{ title: 4, pages: 0 }], extra: 1 });
    expect(faults).toHaveLength(5);
    for (const path of ["unknown key", "width: ", "colour: ", "books.0.title: ", "books.0.pages: "]) {
      expect(
        faults.filter((line) => line.startsWith(`shelf.json: ${path}`)),
        path,
      ).toHaveLength(1);
    }
  });

  it("may leave unknown keys out instead of refusing them, at any depth", async () => {
    const value = { width: 1, later: true, books: [{ title: "one", pages: 3, author: "me" }] };
    expect(checkSchema(Shelf, value, "shelf.json", { unknownKeys: "drop" })).toEqual({
      width: 1,
      colour: "red",
      books: [{ title: "one", pages: 3 }],
    });
    expect(value).toHaveProperty("later");
    const wrong = { ...value, width: -1 };
    expect(await faultsOf(() => checkSchema(Shelf, wrong, "shelf.json", { unknownKeys: "drop" }))).toEqual([
      "shelf.json: width: must be >= 0, got -1",
    ]);
  });
});

describe("errors about input", () => {
  it("keep one line a fault, whatever control characters a name holds", () => {
    const error = new InputError(['file: tensor "a\nb\u001b[31m\u007f"', "file: second"]);
    expect(error.faults).toEqual(['file: tensor "a\\u000ab\\u001b[31m\\u007f"', "file: second"]);
    expect(error.message.split("\n")).toHaveLength(2);
  });

  it("about a name suggest the nearest known one", () => {
    expect(unknownName("network", "resnet9", ["lenet5", "resnet8"])).toBe(
      'unknown network, got "resnet9"; did you mean "resnet8"? known: lenet5, resnet8',
    );
    expect(unknownName("network", "x", [])).toBe('unknown network, got "x"; none is known');
  });
});

import { readdir, readFile } from "node:fs/promises";
import fc from "fast-check";
import math from "mathjs/lib/browser/math.js";
import { describe, expect, it } from "vitest";
import { inUnits, parseFormula } from "../../../src/core/input/formula.ts";
import { InputError } from "../../../src/core/input/input-error.ts";
import { energyFormula, quantity } from "../../../src/core/input/units.ts";
import { parseConstraint } from "../../../src/studies/sweep/constraints.ts";

const WITH_UNITS = { names: ["kilobytes"], hasUnits: true };
const TABLES = await Promise.all(
  (await readdir("hw-configs/energy")).map(async (name) =>
    JSON.parse(await readFile(`hw-configs/energy/${name}`, "utf8")),
  ),
);
const FORMULAS = [
  ...new Set(TABLES.flatMap(({ actions }) => Object.values(actions as { value: string }[]).map(({ value }) => value))),
];

describe("a formula of a shipped energy table", () => {
  it.each(FORMULAS)("%s has the very number that mathjs computes", (text) => {
    for (const kilobytes of [1, 8, 32, 1000 / 3]) {
      const expected = math.evaluate(text, { kilobytes }).toNumber("pJ");
      expect(inUnits(parseFormula(text, WITH_UNITS).evaluate(new Map([["kilobytes", kilobytes]])), "pJ")).toBe(
        expected,
      );
    }
  });
});

it.each([
  "1 GHz",
  "606 MHz",
  "1.41 GHz",
  "46 MiB",
  "32 B",
  "56 KiB",
  "40 MB",
  "51.2 GB/s",
  "1555 GB/s",
  "8192 b",
  "4 bytes",
])("the quantity %s has the very number that mathjs reads", (text) => {
  const dimension = text.endsWith("Hz") ? "frequency" : text.endsWith("/s") ? "bandwidth" : "size";
  const base = { frequency: "Hz", bandwidth: "B/s", size: "B" }[dimension];
  expect(quantity(dimension, text, "x")).toBe(math.unit(text).toNumber(base));
});

/** What mathjs can do and a file may not, or not so much of. */
const FORBIDDEN = [
  ...['[createUnit("GHz", {definition: "2 Hz", override: true}), 0.2 pJ][2]', "sum(ones(20000,20000)) pJ", "x = 1 pJ"],
  ...["f(x) = x", "1:3", "[1 pJ]", '"1 pJ"', "{a: 1}", "a.b", "a; 1 pJ", "1 pJ to J", "3! pJ", "1 pJ'", "random() pJ"],
  ...[
    "import(1)",
    "pi pJ",
    "e pJ",
    "i pJ",
    "Infinity pJ",
    "1 cal",
    "1 furlong",
    "1 pJ ^ 65",
    "1 pJ * 2 ^ 1e9",
    "2 ^ (1 pJ)",
  ],
  ...[
    `${"(".repeat(40)}1 pJ${")".repeat(40)}`,
    `1 pJ${" + 1 pJ".repeat(120)}`,
    "-".repeat(2000),
    `1 pJ ${" ".repeat(1000)}`,
  ],
  ...[
    "1 pJ == 1 pJ",
    "true",
    "1 ? 1 pJ : 2 pJ",
    "min(1, 2) pJ",
    "sqrt(-1) pJ",
    "1 / 0 pJ",
    "",
    "1",
    "()",
    "constructor",
    "__proto__",
  ],
  ...["toString", "kilobytes.constructor", "1 pJ; import", "unit(1)", "typed", "hasOwnProperty(1)"],
];

describe("what a file may not ask for", () => {
  it.each(FORBIDDEN)("is refused in an energy: %s", (text) => {
    expect(() => energyFormula(text, { kilobytes: 1 }, "t.json: x")).toThrow(InputError);
    expect(() => energyFormula(text, { kilobytes: 1 }, "t.json: x")).toThrow(/^t\.json: x: is /);
  });

  it.each(FORBIDDEN)("is refused as a clock: %s", (text) => {
    expect(() => quantity("frequency", text, "m.json: clock")).toThrow(InputError);
  });

  it.each([
    "sum(ones(20000,20000)) > 1",
    '[createUnit("GHz")] == 1',
    "x = 1",
    "rows ^ 65 > 1",
    "sqrt(-1) > 1",
    "1 GHz > 1",
  ])("is refused in a constraint: %s", (text) => {
    expect(() => parseConstraint(text).holds(new Map([["rows", 2]]))).toThrow(InputError);
  });

  it("has one wording for energies, quantities and constraints", () => {
    const reason = "is not allowed in a formula, got the function ones(); valid:";
    for (const read of [
      () => energyFormula("ones(3)", {}, "x"),
      () => quantity("size", "ones(3)", "x"),
      () => parseConstraint("ones(3) == 1"),
    ]) {
      expect(read).toThrow(reason);
    }
  });
});

it("whatever the text, a formula is computed or refused with an InputError, and changes nothing", () => {
  const pieces = [
    "(",
    ")",
    "+",
    "-",
    "*",
    "/",
    "^",
    "%",
    "!",
    "?",
    ":",
    ",",
    ".",
    "<",
    "==",
    "and",
    "not",
    "to",
    "in",
    "=",
    ";",
  ];
  const words = [
    "1",
    "2.5",
    "1e3",
    "pJ",
    "GHz",
    "kilobytes",
    "rows",
    "min",
    "sum",
    "true",
    "pi",
    "x",
    "unit",
    "'",
    '"',
    "[",
    "]",
    "\n",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces, ...words), { maxLength: 24 }), (parts) => {
      const text = parts.join(" ");
      for (const kind of [WITH_UNITS, { functions: ["min"] }]) {
        try {
          parseFormula(text, kind).evaluate(new Map([["kilobytes", 2]]));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }
    }),
    { numRuns: 2000 },
  );
  expect(quantity("frequency", "1 GHz", "x")).toBe(1e9);
});

it("what another user of mathjs defines is not seen", () => {
  math.createUnit("fortnights", { definition: "2 Hz" } as never);
  expect(() => quantity("frequency", "1 fortnights", "x")).toThrow(InputError);
});

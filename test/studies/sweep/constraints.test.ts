import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { energyFormula, quantity } from "../../../src/core/input/units.ts";
import { FUNCTIONS, parseConstraint } from "../../../src/studies/sweep/constraints.ts";

const FORBIDDEN = [
  ...["a.b", 'a["b"]', "a.constructor", "a.constructor(1)", "a[1]", "[1, 2]", "{a: 1}", '"text"', "1:3"],
  ...["a = 1", "f(x) = x", "a; b", "3!", "a'", "a to b", "a | b", "~a", "a .* b", "1 << 2"],
  ...['import("fs")', 'createUnit("x")', 'evaluate("1")', 'parse("1")', "random()", "simplify(1)", "min.call(1)"],
  ...["f()", "sum(1)", "typed(1)", "x => 1", ""],
];

/** Arithmetic that mathjs and JavaScript write alike. */
const { expression } = fc.letrec((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.integer({ min: 0, max: 20 }).map(String),
    fc.constantFrom("rows", "columns"),
    fc
      .tuple(tie("expression"), fc.constantFrom("+", "-", "*"), tie("expression"))
      .map(([a, operator, b]) => `(${a} ${operator} ${b})`),
  ),
})) as { expression: fc.Arbitrary<string> };

describe("a constraint", () => {
  it("computes what JavaScript computes", () => {
    const comparison = fc.constantFrom("<", "<=", ">", ">=", "==", "!=");
    fc.assert(
      fc.property(expression, comparison, expression, fc.nat(50), fc.nat(50), (a, operator, b, rows, columns) => {
        const text = `${a} ${operator} ${b}`;
        const values = new Map([
          ["rows", rows],
          ["columns", columns],
        ]);
        const expected = new Function("rows", "columns", `return ${text}`)(rows, columns);
        expect(parseConstraint(text).holds(values)).toBe(expected);
      }),
    );
  });

  it("refuses whatever is not arithmetic, comparison or logic, however deep it lies", () => {
    const around = fc.array(fc.tuple(fc.constantFrom("+", "*", "-"), expression), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...FORBIDDEN), around, (forbidden, layers) => {
        const text = layers.reduce((inner, [operator, other]) => `(${other} ${operator} (${inner}))`, forbidden);
        expect(() => parseConstraint(`1 == ${text}`)).toThrow();
      }),
    );
    for (const text of FORBIDDEN) expect(() => parseConstraint(text), text).toThrow();
  });

  it("calls no function but those of the list", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,11}$/), (name) => {
        fc.pre(!FUNCTIONS.some((known) => known === name));
        expect(() => parseConstraint(`${name}(4) == 2`)).toThrow();
      }),
    );
    for (const name of Object.getOwnPropertyNames(Object.prototype)) {
      expect(() => parseConstraint(`${name}(4) == 2`), name).toThrow();
    }
  });

  it.each([
    ["min(rows, 3) == 3 and max(1, 2) == 2", true],
    ["mod(rows, 2) == 0 ? abs(-1) == 2 : true", false],
    ["2 <= rows <= 8 and not (rows == 5)", true],
    ["log2(rows) == floor(log2(rows)) or ceil(sqrt(rows)) < gcd(rows, 4)", true],
  ])("%s is %s for 4 rows", (text, expected) => {
    expect(parseConstraint(text).holds(new Map([["rows", 4]]))).toBe(expected);
  });

  it("tells its names once, and refuses to be a number", () => {
    const constraint = parseConstraint("rows * rows + columns");
    expect(constraint.names).toEqual(["rows", "columns"]);
    const values = new Map([
      ["rows", 2],
      ["columns", 1],
    ]);
    expect(() => constraint.holds(values)).toThrow('"rows * rows + columns": must be true or false, got 5');
  });
});

it("a table that would redefine a unit is refused, and what is read after it is as it was", () => {
  const table = { value: '[createUnit("GHz", {definition: "2 Hz", override: true}), 0.2 pJ][2]' };
  expect(() => energyFormula(table.value, {}, "evil.json")).toThrow("is not allowed in a formula, got the character [");
  expect(quantity("frequency", "1 GHz", "clock")).toBe(1e9);
});

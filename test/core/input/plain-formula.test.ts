/** Plain arithmetic gives the very numbers that mathjs gives, or leaves a text to it. */
import fc from "fast-check";
import math from "mathjs/lib/browser/math.js";
import { describe, expect, it } from "vitest";
import { plainFormula } from "../../../src/core/input/plain-formula.ts";
import { UNITS } from "../../../src/core/input/units-table.ts";

const NAMES = { kilobytes: 12.3 };

/** What mathjs computes in `unit`; undefined for what is no quantity of it. */
function byMathjs(text: string, unit: string): number | undefined {
  try {
    const value: unknown = math.evaluate(text, { ...NAMES });
    const number = math.isUnit(value) && value.equalBase(math.unit(unit)) ? value.toNumber(unit) : undefined;
    return typeof number === "number" ? number : undefined;
  } catch {
    return undefined;
  }
}

const byPlain = (text: string, unit: string) => plainFormula(text, Object.keys(NAMES))?.(NAMES, unit);

describe("a plain formula", () => {
  it.each([...UNITS.keys()])("knows %s as mathjs does", (name) => {
    const bases = ["J", "W", "V", "A", "s", "Hz", "B"];
    const base = bases.find((each) => math.unit(each).equalBase(math.unit(name))) as string;
    for (const factor of [1, 0.1, 3.7, 606]) {
      expect(byPlain(`${factor} ${name}`, base)).toBe(byMathjs(`${factor} ${name}`, base));
    }
  });

  it.each([
    ["1/2 pJ + 1 / 3 pJ * 2", "pJ"],
    ["1/2/3 pJ * 1 pJ * 1 pJ", "pJ"],
    ["--2 / 3 pJ * 1 pJ * 1 pJ", "pJ"],
    ["2^3/4 pJ * 1 pJ * 1 pJ", "pJ"],
    ["-2^2 * 3 pJ", "pJ"],
    ["2^-3 pJ", "pJ"],
    ["2^3^2 pJ", "pJ"],
    ["1.2 V * 55 mA * 1 s / 2", "pJ"],
    ["100 MB / 2 s", "B/s"],
    ["(2 pJ) ^ 2 / 3 pJ", "pJ"],
    ["pJ", "pJ"],
    ["V A s", "pJ"],
    ["3 * (V A s)", "pJ"],
    ["4 / 2 s", "s"],
    ["4 / (2 s)", "Hz"],
    ["1e3 pJ * 1.5E-2", "pJ"],
  ])("computes %s as mathjs does", (text, unit) => {
    const expected = byMathjs(text, unit);
    expect(expected).toBeTypeOf("number");
    expect(byPlain(text, unit)).toBe(expected);
  });

  it.each([
    "",
    "1",
    "1 GHz",
    "0x10 pJ",
    "1.2.3 pJ",
    "2pJ(3)",
    "kilobytes (2) pJ",
    "1 pJ + 2",
    "(-1)^0.5 pJ",
    "e pJ",
    "1 pJ ^ 65",
  ])("leaves %j to mathjs", (text) => {
    expect(byPlain(text, "pJ")).toBeUndefined();
  });

  it("of any numbers, signs and units has the value that mathjs computes, to the last bit", () => {
    const words = ["1", "2.5", "1e3", "0.1", "3", "pJ", "s", "V", "kW", "A", "kilobytes", "(", ")"];
    const signs = ["+", "-", "*", "/", "^", "*", "/"];
    let computed = 0;
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words, ...signs), { maxLength: 9 }), (parts) => {
        const text = [...parts, "* 1 pJ"].join(" ");
        const [plain, expected] = [byPlain(text, "pJ"), byMathjs(text, "pJ")];
        if (plain === undefined) return;
        computed++;
        expect(plain, text).toBe(expected);
      }),
      { numRuns: 30_000 },
    );
    expect(computed).toBeGreaterThan(100);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withRegion } from "../../src/report/marked-region.ts";

const BEGIN = "<!-- written by swat-sim: begin -->";
const END = "<!-- written by swat-sim: end -->";

describe("the region of a page", () => {
  it("is replaced, and everything around it stays to the letter", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (before, old, after) => {
        const page = `${before}${BEGIN}${old}${END}${after}`;
        expect(withRegion(page, "new", "page.md")).toBe(`${before}${BEGIN}\nnew\n${END}${after}`);
      }),
    );
  });

  it("written twice is written once", () => {
    const once = withRegion(undefined, "tables", "page.md");
    expect(once).toBe(`${BEGIN}\ntables\n${END}\n`);
    expect(withRegion(once, "tables", "page.md")).toBe(once);
  });

  it.each([
    ["no mark", "a page"],
    ["one mark", `${BEGIN}\ntables`],
    ["the other mark", `tables\n${END}`],
    ["marks in the wrong order", `${END}\n${BEGIN}`],
    ["an end before both", `${END}${BEGIN}${END}`],
    ["two regions", `${BEGIN}${END}${BEGIN}${END}`],
    ["two ends", `${BEGIN}${END}${END}`],
  ])("is not looked for on a page with %s", (_, page) => {
    expect(() => withRegion(page, "tables", "page.md")).toThrow(
      /^page\.md: must hold the marks .* once, in this order/,
    );
  });
});

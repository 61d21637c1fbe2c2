import { expect, it } from "vitest";
import { markdownCell } from "../../src/report/markdown.ts";

it("a cell of a Markdown table is text on one line", () => {
  expect(markdownCell("2.08–2.13")).toBe("2.08–2.13");
  expect(markdownCell("weight\nqueue-4096")).toBe("weight queue-4096");
  expect(markdownCell("a|b `c` [d](e) <f> \u202e")).toBe("a\\|b \\`c\\` \\[d\\](e) &lt;f&gt; \\\\u202e");
});

/** Names of ops are data: whatever they hold, JUnit XML stays well-formed and means the same. Chromium's parser is the referee. */
import fc from "fast-check";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { junitXml, type TestSuite } from "../../src/report/junit.ts";
import { launchChromium, NO_CHROMIUM } from "../support/browser.ts";

const EVIL = '\u0000\u001b[31m<img src=x onerror="alert(1)"> & \']]>\n\ud800\uffff';

let browser: Browser | undefined;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

it("writes suites, cases and failures; what XML cannot hold is written as \\u and its code", () => {
  const failure = { type: "regression", message: "a < b", details: ["one: 1 → 2", EVIL] };
  const cases = [{ name: "passes" }, { name: "fails", failure }];
  expect(junitXml("all", [{ name: "machine", cases }])).toBe(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<testsuites name="all" tests="2" failures="1">',
      '  <testsuite name="machine" tests="2" failures="1" errors="0" skipped="0">',
      '    <testcase classname="machine" name="passes"/>',
      '    <testcase classname="machine" name="fails">',
      '      <failure type="regression" message="a &lt; b">one: 1 → 2',
      "\\u0000\\u001b[31m&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; &apos;]]&gt;\\u000a\\ud800\\uffff</failure>",
      "    </testcase>",
      "  </testsuite>",
      "</testsuites>",
      "",
    ].join("\n"),
  );
});

it("is XML for any text, and a parser reads the text that was given", async ({ skip }) => {
  if (browser === undefined) return skip(NO_CHROMIUM);
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.constant(EVIL));
  const suites = fc.sample(
    fc.record({ name: text, cases: fc.array(fc.record({ name: text }), { minLength: 1, maxLength: 3 }) }),
    200,
  ) as TestSuite[];
  const parsed = await (await browser.newPage()).evaluate(
    (files) =>
      files.map((file) => {
        const parser = new (globalThis as unknown as { DOMParser: new () => Parser }).DOMParser();
        const xml = parser.parseFromString(file, "text/xml");
        if (xml.querySelectorAll("parsererror").length > 0) return "no XML";
        return [...xml.querySelectorAll("testsuite, testcase")].map((node) => node.getAttribute("name"));
      }),
    suites.map((suite) => junitXml("all", [suite])),
  );
  const readable = (name: string) => !/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(name);
  suites.forEach(({ name, cases }, index) => {
    const names = [name, ...cases.map((each) => each.name)];
    expect(parsed[index]).toHaveLength(names.length);
    for (const [i, each] of names.entries()) if (readable(each)) expect(parsed[index][i]).toBe(each);
  });
  expect(suites.filter(({ name }) => readable(name)).length).toBeGreaterThan(20);
});

/** What is used of the browser's parser. */
interface Parser {
  parseFromString(
    text: string,
    type: string,
  ): {
    querySelectorAll(selector: string): Iterable<{ getAttribute(name: string): string | null }> & { length: number };
  };
}

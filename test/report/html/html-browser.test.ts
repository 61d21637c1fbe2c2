import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { PNG } from "pngjs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { reportPage } from "../../../src/report/html/page.ts";
import { launchChromium, NO_CHROMIUM } from "../../support/browser.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { EVIL, named, resultOf, sweepPoint } from "../../support/report-input.ts";

let browser: Browser | undefined;
let text = "";

beforeAll(async () => {
  browser = await launchChromium();
  if (browser === undefined) return;
  const result = await resultOf({ 4: 0.2, 8: 0.1 });
  for (const { rows } of result.machines) rows[1].layer = EVIL;
  result.traces[0].name = EVIL;
  const points = Array.from({ length: 500 }, (_, i) =>
    sweepPoint(1 + ((i * 37) % 100) / 50, 1e6 + ((i * 61) % 400), { machine: EVIL }),
  );
  text = await reportPage({ results: [named(result)], points });
});
beforeEach(({ skip }) => {
  if (browser === undefined) skip(NO_CHROMIUM);
});
afterAll(() => browser?.close());

/** The page opened from disk, what the browser complained of, and what it asked for. */
async function opened(
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[]; asked: string[] }> {
  const path = join(await temporaryFolder(), "report.html");
  await writeFile(path, text);
  const context = await (browser as Browser).newContext({ viewport: { width: 1200, height: 900 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const [complaints, asked]: [string[], string[]] = [[], []];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => asked.push(request.url()));
  const url = pathToFileURL(path).href;
  await page.goto(url);
  expect(asked).toEqual([url]);
  return { page, complaints, asked };
}

/** Pixels as 0xrrggbb. */
function colorsOf(bytes: Buffer): number[] {
  const { data, width, height } = PNG.sync.read(bytes);
  return Array.from({ length: width * height }, (_, i) => data.readUIntBE(4 * i, 3));
}

describe("the page in Chromium", () => {
  it("opens from disk without a complaint or a request, and shows evil names as text", async () => {
    const { page, complaints } = await opened();
    expect(await page.locator("figure svg").count()).toBeGreaterThan(8);
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    expect(await page.locator("#layers-table tbody").innerText()).toContain(EVIL);
    expect(await page.locator("#pareto svg title").first().textContent()).toContain(EVIL);
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.evaluate("window.hacked")).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  it("runs no script but its own", async () => {
    const { page, complaints } = await opened();
    await page.evaluate(
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hacked = 3' }))",
    );
    expect(await page.evaluate("window.hacked")).toBeUndefined();
    expect(complaints.join()).toContain("Content Security Policy");
  });

  it("sorts a table at a click, numbers largest first, and back at the second", async () => {
    const { page } = await opened();
    const head = page.locator("#pareto-table th", { hasText: /^energy$/ });
    const column = await head.evaluate((cell) => (cell as unknown as { cellIndex: number }).cellIndex);
    const values = () =>
      page
        .locator(`#pareto-table tbody td:nth-child(${column + 1})`)
        .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute("data-v"))));
    const before = await values();
    const ascending = [...before].sort((a, b) => a - b);
    expect(before).toHaveLength(500);
    expect(before).not.toEqual(ascending);
    await head.locator("button").click();
    expect(await values()).toEqual([...ascending].reverse());
    expect(await head.getAttribute("aria-sort")).toBe("descending");
    await head.locator("button").press("Enter");
    expect(await values()).toEqual(ascending);
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
  });

  it("gives a table as a CSV file, in which names are no formulas", async () => {
    const { page } = await opened();
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#pareto-table a")]);
    expect(download.suggestedFilename()).toBe("pareto-table.csv");
    const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\n");
    expect(lines).toHaveLength(501);
    expect(lines[1]).toMatch(/^small,"'=1\+1/);
  });

  it("is dark where that is preferred, with charts that can be seen, and light on paper", async () => {
    const { page } = await opened({ colorScheme: "dark" });
    const figure = colorsOf(await page.locator("#speedup").screenshot());
    expect(new Set(figure).size).toBeGreaterThan(20);
    const [DARK, LIGHT, BAR] = [0x14171b, 0xe6e8eb, 0x56b4e9];
    expect(figure.filter((color) => color === DARK).length).toBeGreaterThan(figure.length / 2);
    for (const color of [LIGHT, BAR]) expect(figure).toContain(color);
    await page.emulateMedia({ media: "print" });
    expect(colorsOf(await page.locator("#speedup").screenshot())[0]).toBe(0xffffff);
  });

  it("scrolls charts and tables, never itself, where it is narrow, and cuts no label off", async () => {
    const { page } = await opened({ viewport: { width: 360, height: 700 } });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
    const cut = await page.evaluate(`[...document.querySelectorAll("figure svg")].flatMap((svg) => {
      const frame = svg.getBoundingClientRect();
      return [...svg.querySelectorAll("text")].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
      }).map((text) => text.textContent);
    })`);
    expect(cut).toEqual([]);
  });
});

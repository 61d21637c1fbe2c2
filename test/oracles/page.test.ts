import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { accelerators } from "../../src/sim/arrays/index.ts";
import { mappingSection } from "./page.ts";

test("the page of validation holds the mappings that the accelerators declare", async () => {
  const page = await readFile("docs/validation.md", "utf8");
  expect(page).toContain(mappingSection(accelerators).join("\n"));
});

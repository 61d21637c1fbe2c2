/** What a command loads: the files of the program, and by the bundler's list the sources and packages that lie in them. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { expect, inject, it } from "vitest";

const program = inject("program");
const CONTENTS = JSON.parse(readFileSync(resolve(program, "../../../contents.json"), "utf8"));
const HOOKS = `
import { writeSync } from "node:fs";
export function load(url, context, next) {
  writeSync(2, "loaded " + url + "\\n");
  return next(url, context);
}`;
const PRELOAD = `
import { createRequire, register } from "node:module";
register(${JSON.stringify(dataUrl(HOOKS))});
const { cache } = createRequire("file:///");
process.on("exit", () => Object.keys(cache).forEach((file) => console.error("loaded " + file)));`;

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

const UNUSED = ["typebox", "ajv", "mathjs", "vega", "vega-lite", "yaml", "pngjs", "jpeg-js", "csv-parse"];

/** Files that are loaded, and the packages in them. */
function loadedBy(...args: string[]): { readonly files: string[]; readonly packages: string[] } {
  const { stderr, status } = spawnSync(process.execPath, ["--import", dataUrl(PRELOAD), program, ...args], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  const files = [...stderr.matchAll(/^loaded (.*)$/gm)].map(([, url]) => url).filter((url) => !url.startsWith("node:"));
  const inputs = files.flatMap((file) => CONTENTS[basename(file)] ?? [file]) as string[];
  const packages = inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []);
  return { files, packages: [...new Set(packages)].sort() };
}

it.each([["--version"], ["--help"], ["simulate", "--help"]])(
  "%s %s loads the parser of commands and little else",
  (...args) => {
    const { files, packages } = loadedBy(...args);
    expect(files.length).toBeLessThan(args[0] === "simulate" ? 45 : 8);
    expect(packages).toContain("commander");
    for (const unused of ["typebox", "ajv", "mathjs", "vega", "vega-lite", "yaml", "pngjs", "jpeg-js"])
      expect(packages).not.toContain(unused);
  },
);

it("simulate loads no compiler of schemas, no parser of formulas, no plots and no pictures", () => {
  const trace = join("traces", "resnet8-swat-u90.safetensors");
  const { files, packages } = loadedBy("simulate", trace, "--hw", "tensordash-4096", "--threads", "1");
  expect(files.length).toBeLessThan(45);
  expect(packages.filter((name) => UNUSED.includes(name))).toEqual([]);
});

/** The command line in few files: entries for the program and its threads with the packages that they use inside, and chunks that they share. */
import { copyFile, mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { build, type Metafile } from "esbuild";

/** Threads are found beside the chunk that starts them, and shipped files two folders above. */
const ENTRIES = {
  main: "src/cli/main.ts",
  "simulate-worker": "src/api/workers/simulate-worker.ts",
  "picture-worker": "src/swat/data/picture-worker.ts",
  "sweep-worker": "src/studies/sweep/sweep-worker.ts",
};
/** Names stay, for stack traces. */
const OPTIONS = {
  absWorkingDir: resolve(import.meta.dirname, ".."),
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  metafile: true,
  logLevel: "warning",
  minifySyntax: true,
  minifyWhitespace: true,
} as const;
/** Packages in CommonJS ask for built-in modules. */
const REQUIRE = 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);';
const DRAWING = "report/vega";

/** Bundles the command line into the folder `cli` of `dist`. */
export async function bundleProgram(dist: string): Promise<Metafile> {
  const { metafile } = await build({
    ...OPTIONS,
    ...{ entryPoints: ENTRIES, outdir: `${dist}/cli`, splitting: true, chunkNames: "[name]-[hash]" },
    banner: { js: REQUIRE },
    plugins: [
      {
        name: "drawing has a file of its own",
        setup: ({ onResolve }) =>
          onResolve({ filter: /\/vega\.ts$/ }, () => ({ path: `../${DRAWING}.js`, external: true })),
      },
    ],
  });
  return metafile;
}

/** Bundles what draws plots into one file, which stands for the package vega wherever it is used. */
export async function bundleDrawing(dist: string): Promise<Metafile> {
  const { metafile } = await build({
    ...OPTIONS,
    ...{ entryPoints: [`src/${DRAWING}.ts`], outfile: `${dist}/${DRAWING}.js`, external: ["canvas"] },
    minifyIdentifiers: true,
  });
  return metafile;
}

/** Copies the one file of mathjs that is used, with the licences of what lies in it. */
export async function copyMathjs(dist: string): Promise<void> {
  const source = resolve(OPTIONS.absWorkingDir, "node_modules/mathjs/lib/browser/math.js");
  await mkdir(`${dist}/vendor`, { recursive: true });
  await copyFile(source, `${dist}/vendor/mathjs.cjs`);
  await copyFile(`${source}.LICENSE.txt`, `${dist}/vendor/mathjs.LICENSE.txt`);
}

/**
 * The last step of `npm run build`: the command line in few files, which load faster than many, and what is drawn with in one, so
 * that its packages are not installed. All else of the library stays as the compiler made it.
 */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { Metafile } from "esbuild";
import { bundleDrawing, bundleProgram, copyMathjs } from "./bundle-program.ts";

const LICENSE = /^(licen[cs]e|copying|notice)(\.|$)/i;

await rm("dist/cli", { recursive: true });
const files = [await bundleProgram("dist"), await bundleDrawing("dist")];
await copyMathjs("dist");
await writeFile("dist/THIRD-PARTY-LICENSES.txt", await licensesOf(files));

/** The licences of all packages that became part of the files. */
async function licensesOf(bundles: readonly Metafile[]): Promise<string> {
  const inputs = bundles.flatMap(({ inputs }) => Object.keys(inputs));
  const bundled = inputs.flatMap((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  // Copied as it is, with the notices of what it holds beside it.
  const folders = new Set([...bundled, "node_modules/mathjs"]);
  const texts = [...folders].sort().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const names = (await readdir(folder)).filter((file) => LICENSE.test(file));
    const held = await Promise.all(names.map((file) => readFile(`${folder}/${file}`, "utf8")));
    return [`${name} ${version} (${license})`, ...held].join("\n\n");
  });
  return (await Promise.all(texts)).join(`\n\n${"-".repeat(72)}\n\n`);
}

/**
 * `npm run build:wasm`: compiles what is written in AssemblyScript (the folders `assembly/`) to WebAssembly, before anything
 * else is built. A module that has to load in browsers too becomes a source file of its own, its bytes in base64.
 */
import { writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/** `runtime: stub`: no module allocates; none has assertions. */
const OPTIONS = ["--runtime", "stub", "--optimizeLevel", "3", "--noAssert", "--enable", "simd"];
const MODULES = [
  { source: "src/sim/lanes/assembly/dynamic-schedule.ts", target: "src/sim/lanes/dynamic-schedule.wasm.ts" },
];

for (const { source, target } of MODULES) {
  const { error, stderr, binary } = await compile(source);
  if (error !== null) throw new Error(`${source}: ${stderr}`, { cause: error });
  const base64 = Buffer.from(binary).toString("base64");
  writeFileSync(target, `/** Made from ${source} by scripts/build-wasm.js. */\nexport const BYTES =\n  "${base64}";\n`);
}

/** Compiles one file in memory. */
async function compile(source) {
  let binary = new Uint8Array();
  const result = await asc.main([source, "--outFile", "module.wasm", ...OPTIONS], {
    writeFile: (_name, contents) => {
      binary = contents;
    },
  });
  return { ...result, stderr: String(result.stderr), binary };
}

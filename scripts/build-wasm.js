/**
 * `npm run build:wasm`: compiles what is written in AssemblyScript (the folders `assembly/`) to WebAssembly, before anything
 * else is built. Each module becomes a source file, its bytes in base64, so that it loads wherever the sources do.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";

/** No module allocates (`stub`) or has assertions. */
const OPTIONS = ["--runtime", "stub", "--optimizeLevel", "3", "--noAssert", "--enable", "simd"];
/** The kernels run on several threads in a memory of the host's. */
const SHARED = ["--enable", "threads", "--importMemory", "--sharedMemory", "--maximumMemory", "65536"];
const KERNELS = "src/kernels/wasm/assembly/index.ts";
const MODULES = [
  {
    source: "src/sim/arrays/lanes/assembly/dynamic-schedule.ts",
    target: "src/sim/arrays/lanes/schedule/dynamic-schedule.wasm.ts",
    options: [],
  },
  {
    source: "src/sim/arrays/lanes/assembly/joined-ones.ts",
    target: "src/sim/arrays/lanes/join/joined-ones.wasm.ts",
    options: [],
  },
  { source: KERNELS, target: "src/kernels/wasm/run/simd.wasm.ts", options: SHARED },
  { source: KERNELS, target: "src/kernels/wasm/run/relaxed.wasm.ts", options: [...SHARED, "--enable", "relaxed-simd"] },
];

for (const { source, target, options } of MODULES) {
  const { error, stderr, binary } = await compile(source, options);
  if (error !== null) throw new Error(`${source}: ${stderr}`, { cause: error });
  const base64 = Buffer.from(binary).toString("base64");
  writeFileSync(target, `/** Made from ${source} by scripts/build-wasm.js. */\nexport const BYTES =\n  "${base64}";\n`);
}

/**
 * Compiles one file in memory. A line `// @inline` above a function, or `// @unmanaged` above a class, stands for
 * AssemblyScript's decorator, which other tools that read TypeScript do not accept or would run.
 */
async function compile(source, options) {
  let binary = new Uint8Array();
  const result = await asc.main([source, "--outFile", "module.wasm", ...OPTIONS, ...options], {
    readFile: (name) =>
      existsSync(name) ? readFileSync(name, "utf8").replace(/^\/\/ (@inline|@unmanaged)$/gm, "$1") : null,
    writeFile: (_name, contents) => {
      binary = contents;
    },
  });
  return { ...result, stderr: String(result.stderr), binary };
}

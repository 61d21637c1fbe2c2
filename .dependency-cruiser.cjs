/**
 * What each folder of src/ may import, besides itself (ARCHITECTURE.md lists them in this order). Every other
 * import between folders is refused.
 */
const MAY_IMPORT = {
  core: [],
  io: ["core"],
  kernels: ["core"],
  networks: ["core", "io", "kernels"],
  sparsity: ["core", "io", "kernels"],
  trace: ["core", "io"],
  step: ["core", "networks", "sparsity", "trace"],
  sim: ["core", "io", "trace", "step"],
  synthetic: ["core", "io", "kernels", "networks", "sparsity", "trace", "step"],
  swat: ["core", "io", "kernels", "networks", "sparsity", "trace", "step"],
  runs: ["core", "io", "kernels", "networks", "sparsity", "trace", "swat"],
  report: ["core", "io", "sparsity", "trace", "step", "sim"],
  api: ["core", "io", "kernels", "networks", "sparsity", "trace", "step", "sim", "synthetic", "swat", "runs"],
  studies: ["core", "io", "networks", "sparsity", "trace", "step", "sim", "synthetic", "swat", "runs", "report", "api"],
};
/** Families of arrays, which know nothing of each other. */
const FAMILIES = ["lanes", "cartesian", "sigma", "systolic"];

const RENDERED_IN_BROWSERS = "^src/(sim|trace)/index\\.ts$";
const DISK = ["fs", "fs/promises", "node:fs", "node:fs/promises"];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycle",
      comment: "Two files that need each other are one concept in two places; a cycle also makes load order matter.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    ...Object.entries(MAY_IMPORT).map(([folder, others]) => ({
      name: `${folder}-imports-only-what-lies-below`,
      comment: `src/${folder} may import: ${others.join(", ") || "nothing of ours"}.`,
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: { path: "^src/", pathNot: `^src/(${[folder, ...others].join("|")})/` },
    })),
    ...FAMILIES.map((family) => ({
      name: `${family}-imports-no-other-family`,
      comment: "A family of arrays can be read, changed or deleted without the others.",
      severity: "error",
      from: { path: `^src/sim/arrays/${family}/` },
      to: { path: `^src/sim/arrays/(${FAMILIES.filter((other) => other !== family).join("|")})/` },
    })),
    {
      name: "memory-imports-no-array",
      comment: "The memory hierarchy feeds any array: it sees operands and cycles.",
      severity: "error",
      from: { path: "^src/sim/memory/" },
      to: { path: "^src/sim/arrays/" },
    },
    {
      name: "accelerators-stand-alone",
      comment:
        "Adding, changing or deleting one accelerator must not touch another; what they share lies in the folders of the families.",
      severity: "error",
      from: { path: "^src/sim/arrays/[^/]+\\.ts$", pathNot: "^src/sim/arrays/index\\.ts$" },
      to: { path: "^src/sim/arrays/[^/]+\\.ts$" },
    },
    {
      name: "disk-only-in-io-and-cli",
      comment: "Library code takes byte sources, so that it runs in a browser and in tests without a disk.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(io|cli)/" },
      to: { path: DISK },
    },
    {
      name: "browser-entries-reach-no-node-built-in",
      comment: "swat-sim/sim and swat-sim/trace must run in a browser.",
      severity: "error",
      from: { path: RENDERED_IN_BROWSERS },
      to: { reachable: true, path: "^(node:)?(fs|fs/promises|path|url|crypto|zlib|os|worker_threads|process|timers)$" },
    },
    {
      name: "no-unresolvable-import",
      comment: "An import that does not resolve would silently escape every other rule.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};

/** The floors of the house (ARCHITECTURE.md), as rules that CI runs. A file may import from its own floor and below. */
const FLOORS = {
  cli: "^src/cli/",
  driving: "^src/(report|studies)/",
  working: "^src/(swat|sim)/",
  describing: "^src/(trace|networks|sparsity)/",
};

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
    {
      name: "floor-0-imports-nothing-above",
      comment: "Kernels and io are arithmetic and bytes; they know nothing of networks, traces or machines.",
      severity: "error",
      from: { path: "^src/(kernels|io)/" },
      to: { path: "^src/(?!kernels/|io/)" },
    },
    {
      name: "floor-1-imports-floor-0",
      comment: "Traces, networks and sparsity are data and pure rules; whoever trains or simulates builds on them.",
      severity: "error",
      from: { path: FLOORS.describing },
      to: { path: [FLOORS.working, FLOORS.driving, FLOORS.cli] },
    },
    {
      name: "swat-and-sim-meet-in-a-trace",
      comment:
        "The trainer and the simulator know each other only through a trace, so that foreign traces are as good as ours.",
      severity: "error",
      from: { path: FLOORS.working },
      to: { path: [FLOORS.driving, FLOORS.cli] },
    },
    {
      name: "swat-never-imports-sim",
      comment: "As above.",
      severity: "error",
      from: { path: "^src/swat/" },
      to: { path: "^src/sim/" },
    },
    {
      name: "sim-never-imports-swat",
      comment:
        "As above. Networks and sparsity are the trainer's; a simulator that reads them would not need the trace.",
      severity: "error",
      from: { path: "^src/sim/" },
      to: { path: "^src/(swat|networks|sparsity)/" },
    },
    {
      name: "only-the-cli-imports-the-cli",
      comment: "The command line is a thin shell around the library; nothing may depend on it.",
      severity: "error",
      from: { pathNot: FLOORS.cli },
      to: { path: FLOORS.cli },
    },
    {
      name: "reports-are-pure",
      comment: "A report is a function of a finished result: it drives nothing and reads nothing.",
      severity: "error",
      from: { path: "^src/report/" },
      to: { path: "^src/(studies|swat)/" },
    },
    {
      name: "accelerators-stand-alone",
      comment:
        "Adding, changing or deleting one accelerator must not touch another; what they share lies in src/sim/lanes.",
      severity: "error",
      from: { path: "^src/sim/accelerators/", pathNot: "^src/sim/accelerators/index\\.ts$" },
      to: { path: "^src/sim/accelerators/" },
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

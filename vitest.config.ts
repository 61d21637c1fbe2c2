import { defineConfig } from "vitest/config";

const COMMAND_LINE = ["test/cli/**/*.test.ts"];
/** Nothing here trains. What trains takes memory for good, which only the end of its thread gives back. */
const NO_TRAINING = [
  ...["core", "io", "networks", "report", "sim", "sparsity", "step", "synthetic", "trace"],
  ...["studies/sweep", "swat/data"],
].map((name) => `test/${name}/**/*.test.ts`);

export default defineConfig({
  test: {
    globalSetup: ["test/cli/build.ts"],
    setupFiles: ["test/setup.ts"],
    // Hundreds of modules become one each: most of what a test file takes to start.
    deps: { optimizer: { ssr: { enabled: true, include: ["typebox", "ajv", "mathjs/lib/browser/math.js"] } } },
    // The built program is plain JavaScript.
    server: { deps: { external: [/swat-sim-build-/] } },
    // The default leaves one core idle, which is half of a small machine.
    maxWorkers: "100%",
    // Against hanging only: a loaded machine may take several times as long as an idle one.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: "threads",
    projects: [
      // A command runs in a folder and leaves an exit code: both belong to a process, not to a thread of one.
      { extends: true, test: { name: "cli", include: COMMAND_LINE, pool: "forks", isolate: false } },
      { extends: true, test: { name: "pure", include: NO_TRAINING, isolate: false } },
      {
        extends: true,
        test: { name: "library", include: ["test/**/*.test.ts"], exclude: [...COMMAND_LINE, ...NO_TRAINING] },
      },
    ],
  },
});

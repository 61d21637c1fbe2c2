import { defineConfig } from "vitest/config";

const COMMAND_LINE = ["test/cli/**/*.test.ts"];
/** Helper threads hold the memory that they train in until their process ends. */
const HELPERS = ["test/swat/threads.test.ts", "test/library.test.ts", "test/runs/**/*.test.ts"];

export default defineConfig({
  test: {
    globalSetup: ["test/cli/build.ts"],
    setupFiles: ["test/setup.ts"],
    // The built program is plain JavaScript.
    server: { deps: { external: [/swat-sim-build-/] } },
    // The default leaves one core idle, which is half of a small machine.
    maxWorkers: "100%",
    // Against hanging only: a loaded machine may take several times as long as an idle one.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A command runs in a folder and leaves an exit code: both belong to a process, not to a thread of one.
    pool: "forks",
    // Tests allocate much and keep little: more room for young objects means fewer collections.
    execArgv: ["--max-semi-space-size=32"],
    // What a process has loaded, compiled and optimised serves all files that it runs.
    isolate: false,
    projects: [
      { extends: true, test: { name: "cli", include: COMMAND_LINE } },
      { extends: true, test: { name: "helpers", include: HELPERS, isolate: true } },
      {
        extends: true,
        test: { name: "library", include: ["test/**/*.test.ts"], exclude: [...COMMAND_LINE, ...HELPERS] },
      },
    ],
  },
});

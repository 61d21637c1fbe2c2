import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: ["test/cli/build.ts"],
    setupFiles: ["test/setup.ts"],
    include: ["test/**/*.test.ts"],
    pool: "threads",
    // The default leaves one core idle, which is half of a small machine.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

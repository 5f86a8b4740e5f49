import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    fileParallelism: false, // each starts servers of its own; two cores gain nothing from running them together
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});

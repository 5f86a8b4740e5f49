import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/interop/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: availableParallelism(), // vitest leaves one core to itself, which is half of a machine with two
  },
});

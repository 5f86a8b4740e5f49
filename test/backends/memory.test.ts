import { describe, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { backendConformance } from "../../src/testing.ts";

backendConformance({ describe, it }, { name: "the memory backend", open: memoryBackend });

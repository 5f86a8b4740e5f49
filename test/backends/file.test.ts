import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "vitest";
import { fileBackend } from "../../src/backends/file.ts";
import { backendConformance } from "../../src/testing.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const open = () => fileBackend({ path: join(folder, randomUUID()), create: true });

backendConformance({ describe, it }, { name: "the backend of files", open });

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { describe, it } from "vitest";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { backendConformance } from "../../src/testing.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const open = () => sqliteBackend({ path: join(folder, `${randomUUID()}.db`), create: true });

backendConformance({ describe, it }, { name: "the SQLite backend", open });
